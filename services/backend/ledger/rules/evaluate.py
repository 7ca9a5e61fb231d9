"""What a batch does to the books: pure, and the same code for the memory and Postgres engines.

An engine fills `Books` with the accounts, transfers and pending transfers that a batch can touch,
calls `release_expired` and `evaluate`, and writes out what changed. Rules, in order, per chain:

1. a chain that is in the books already answers EXISTS, one that is there in part or with other
   content TRANSFER_EXISTS;
2. its transfers are applied one after the other, limits are checked at each;
3. the first refusal takes back the whole chain.
"""

from collections.abc import Iterable, Sequence
from enum import IntEnum, unique

from services.backend.ledger.errors import TransferStatus
from services.backend.ledger.model import (
    AMOUNT_MAX,
    FULL_AMOUNT,
    NANOSECONDS_PER_SECOND,
    AccountFlags,
    Balances,
    ChainResult,
    Transfer,
    TransferKind,
    TransferRecord,
)


@unique
class PendingState(IntEnum):
    """What became of a pending transfer."""

    PENDING = 0
    POSTED = 1
    VOIDED = 2
    EXPIRED = 3


class AccountState:
    """An account's limits and running balances while a batch is evaluated."""

    __slots__ = (
        "credits_limited",
        "credits_pending",
        "credits_posted",
        "debits_limited",
        "debits_pending",
        "debits_posted",
        "dirty",
        "id",
        "last_timestamp",
        "ledger",
    )

    def __init__(
        self,
        account_id: int,
        ledger: int,
        flags: int,
        debits_pending: int = 0,
        debits_posted: int = 0,
        credits_pending: int = 0,
        credits_posted: int = 0,
        last_timestamp: int = 0,
    ) -> None:
        self.id = account_id
        self.ledger = ledger
        self.debits_limited = bool(flags & int(AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS))
        self.credits_limited = bool(flags & int(AccountFlags.CREDITS_MUST_NOT_EXCEED_DEBITS))
        self.debits_pending = debits_pending
        self.debits_posted = debits_posted
        self.credits_pending = credits_pending
        self.credits_posted = credits_posted
        self.last_timestamp = last_timestamp
        self.dirty = False

    def snapshot(self) -> tuple[int, int, int, int]:
        """Return the balances, for taking a chain back."""
        return (
            self.debits_pending,
            self.debits_posted,
            self.credits_pending,
            self.credits_posted,
        )

    def restore(self, balances: tuple[int, int, int, int]) -> None:
        """Put balances back."""
        (
            self.debits_pending,
            self.debits_posted,
            self.credits_pending,
            self.credits_posted,
        ) = balances


class Pending:
    """A pending transfer and what became of it; `expires_at_ns` is 0 when it never expires."""

    __slots__ = (
        "amount",
        "code",
        "credit_account_id",
        "debit_account_id",
        "dirty",
        "expires_at_ns",
        "id",
        "ledger",
        "state",
        "user_data",
    )

    def __init__(
        self,
        pending_id: int,
        debit_account_id: int,
        credit_account_id: int,
        amount: int,
        ledger: int,
        code: int,
        expires_at_ns: int,
        user_data: tuple[int, int, int],
        state: PendingState = PendingState.PENDING,
    ) -> None:
        self.id = pending_id
        self.debit_account_id = debit_account_id
        self.credit_account_id = credit_account_id
        self.amount = amount
        self.ledger = ledger
        self.code = code
        self.expires_at_ns = expires_at_ns
        self.user_data = user_data
        self.state = state
        self.dirty = False


class Books:
    """The part of the ledger that a batch can touch, and what it changed there."""

    def __init__(self) -> None:
        self.accounts: dict[int, AccountState] = {}
        self.transfers: dict[int, TransferRecord] = {}
        self.pendings: dict[int, Pending] = {}
        self.new_transfers: list[TransferRecord] = []
        self.new_pendings: list[Pending] = []
        self.last_timestamp = 0
        self.recording = False  # a chain of one changes nothing before its last check
        self._undo: list[tuple[AccountState, tuple[int, int, int, int]]] = []
        self._undo_pendings: list[Pending] = []

    def remember(self, debit: AccountState, credit: AccountState) -> None:
        """Keep balances as they are, so that the chain can be taken back."""
        if not self.recording:
            return
        self._undo.append((debit, debit.snapshot()))
        self._undo.append((credit, credit.snapshot()))

    def forget(self) -> None:
        """Accept what happened since the last `forget`."""
        self._undo.clear()
        self._undo_pendings.clear()

    def resolve(self, pending: Pending, state: PendingState) -> None:
        """Move a pending transfer to its last state."""
        pending.state = state
        pending.dirty = True
        self._undo_pendings.append(pending)

    def add(self, transfer: Transfer | TransferRecord, timestamp: int) -> None:
        """Enter a transfer."""
        record = TransferRecord(*transfer[:12], timestamp)
        self.transfers[record.id] = record
        self.new_transfers.append(record)

    def take_back(self, transfers_mark: int, pendings_mark: int) -> None:
        """Undo everything since the last `forget`."""
        for state, balances in reversed(self._undo):
            state.restore(balances)
        for pending in self._undo_pendings:
            pending.state = PendingState.PENDING
        for record in self.new_transfers[transfers_mark:]:
            del self.transfers[record.id]
        for pending in self.new_pendings[pendings_mark:]:
            del self.pendings[pending.id]
        del self.new_transfers[transfers_mark:]
        del self.new_pendings[pendings_mark:]
        self.forget()

    def tick(self, now_ns: int, debit: AccountState, credit: AccountState) -> int:
        """Return the next timestamp: later than all before on these accounts and in the batch.

        The clock may stand still or go back; an account's history never does.
        """
        timestamp = 1 + max(
            now_ns - 1, self.last_timestamp, debit.last_timestamp, credit.last_timestamp
        )
        self.last_timestamp = debit.last_timestamp = credit.last_timestamp = timestamp
        debit.dirty = credit.dirty = True
        return timestamp


def evaluate(books: Books, chains: Iterable[Sequence[Transfer]], now_ns: int) -> list[ChainResult]:
    """Apply chains that have passed `validation.check_chain`; return one result a chain."""
    return [_apply_chain(books, chain, now_ns) for chain in chains]


def with_balances(books: Books, results: Iterable[ChainResult]) -> list[ChainResult]:
    """Tell each result how the accounts of the batch stand after it."""
    touched = {
        account_id
        for record in books.new_transfers
        for account_id in (record.debit_account_id, record.credit_account_id)
    }
    balances = {id_: Balances(*books.accounts[id_].snapshot()) for id_ in touched}
    return [result._replace(balances=balances) for result in results]


def release_expired(books: Books, due: Iterable[Pending]) -> None:
    """Free what expired pending transfers hold; those already resolved are left alone."""
    for pending in due:
        if pending.state is PendingState.PENDING:
            _release(books, pending, PendingState.EXPIRED)
    books.forget()


def _apply_chain(books: Books, chain: Sequence[Transfer], now_ns: int) -> ChainResult:
    known = books.transfers
    for transfer in chain:
        if transfer.id in known:
            return _replay(books, chain)
    transfers_mark, pendings_mark = len(books.new_transfers), len(books.new_pendings)
    books.recording = len(chain) > 1
    for at, transfer in enumerate(chain):
        kind = transfer.kind
        if kind is TransferKind.SINGLE or kind is TransferKind.PENDING:
            status = _move(books, transfer, now_ns)
        else:
            status = _resolve(books, transfer, now_ns)
        if status is not None:
            books.take_back(transfers_mark, pendings_mark)
            return ChainResult(status, len(chain), at)
    books.forget()
    timestamps = tuple([record.timestamp for record in books.new_transfers[transfers_mark:]])
    return ChainResult(TransferStatus.CREATED, len(chain), 0, timestamps)


def _replay(books: Books, chain: Sequence[Transfer]) -> ChainResult:
    """Answer a chain of which at least one transfer is in the books."""
    records = [books.transfers.get(transfer.id) for transfer in chain]
    timestamps = []
    for at, (transfer, record) in enumerate(zip(chain, records, strict=True)):
        if record is not None and not _same(books, transfer, record):
            return ChainResult(TransferStatus.TRANSFER_EXISTS, len(chain), at)
        if record is not None:
            timestamps.append(record.timestamp)
    if len(timestamps) < len(chain):
        taken = next(at for at, record in enumerate(records) if record is not None)
        return ChainResult(TransferStatus.TRANSFER_EXISTS, len(chain), taken)
    return ChainResult(TransferStatus.EXISTS, len(chain), 0, tuple(timestamps))


def _same(books: Books, transfer: Transfer, record: TransferRecord) -> bool:
    if record.kind is TransferKind.SINGLE or record.kind is TransferKind.PENDING:
        return record[:12] == transfer
    if (transfer.kind, transfer.pending_id) != (record.kind, record.pending_id):
        return False
    # What the request leaves open was filled in from the pending transfer.
    return _filled(transfer, books.pendings[record.pending_id])[3:12] == record[3:12]


def _move(  # noqa: PLR0911 one check a line
    books: Books, transfer: Transfer, now_ns: int
) -> TransferStatus | None:
    """Apply a SINGLE or PENDING transfer, or return why not."""
    debit = books.accounts.get(transfer.debit_account_id)
    if debit is None:
        return TransferStatus.UNKNOWN_SOURCE_ACCOUNT
    credit = books.accounts.get(transfer.credit_account_id)
    if credit is None:
        return TransferStatus.UNKNOWN_DESTINATION_ACCOUNT
    if not debit.ledger == credit.ledger == transfer.ledger:
        return TransferStatus.DIFFERENT_ASSETS
    amount = transfer.amount
    debits = debit.debits_pending + debit.debits_posted + amount
    if debit.debits_limited and debits > debit.credits_posted:
        return TransferStatus.INSUFFICIENT_BALANCE
    lent = debits - debit.credits_posted
    if debit.credits_limited and debit.id == debit.ledger and lent > AMOUNT_MAX:
        # The settlement account: all money of an asset came from it, so no sum is ever larger.
        return TransferStatus.DEPOSIT_TOO_LARGE
    credited = credit.credits_pending + credit.credits_posted + amount
    if credit.credits_limited and credited > credit.debits_posted:
        return TransferStatus.INSUFFICIENT_DEBIT_BALANCE
    books.remember(debit, credit)
    timestamp = books.tick(now_ns, debit, credit)
    if transfer.kind is TransferKind.SINGLE:
        debit.debits_posted += amount
        credit.credits_posted += amount
    else:
        debit.debits_pending += amount
        credit.credits_pending += amount
        _add_pending(books, transfer, timestamp)
    books.add(transfer, timestamp)
    return None


def _add_pending(books: Books, transfer: Transfer, timestamp: int) -> None:
    timeout_ns = transfer.timeout_s * NANOSECONDS_PER_SECOND
    expires_at_ns = timestamp + timeout_ns if timeout_ns else 0
    pending = Pending(*transfer[:6], expires_at_ns, transfer[9:12])
    books.pendings[pending.id] = pending
    books.new_pendings.append(pending)


_RESOLVED = {
    PendingState.POSTED: TransferStatus.ALREADY_POSTED,
    PendingState.VOIDED: TransferStatus.ALREADY_VOIDED,
    PendingState.EXPIRED: TransferStatus.TRANSFER_EXPIRED,
}


def _resolve(books: Books, transfer: Transfer, now_ns: int) -> TransferStatus | None:
    """Apply a POST or VOID, or return why not."""
    pending = books.pendings.get(transfer.pending_id)
    if pending is None:
        return TransferStatus.UNKNOWN_TRANSFER
    posts = transfer.kind is TransferKind.POST
    whole = not posts or transfer.amount == FULL_AMOUNT
    amount = pending.amount if whole else transfer.amount
    if amount > pending.amount:
        return TransferStatus.INVALID_AMOUNT
    if pending.state is not PendingState.PENDING:
        return _RESOLVED[pending.state]
    if pending.expires_at_ns and pending.expires_at_ns <= now_ns:
        return TransferStatus.TRANSFER_EXPIRED
    debit, credit = _release(books, pending, PendingState.POSTED if posts else PendingState.VOIDED)
    timestamp = books.tick(now_ns, debit, credit)
    if posts:
        debit.debits_posted += amount
        credit.credits_posted += amount
    books.add(_filled(transfer, pending), timestamp)
    return None


def _filled(transfer: Transfer, pending: Pending) -> Transfer:
    """Return a POST or VOID with all that it takes from the pending transfer."""
    whole = transfer.kind is TransferKind.VOID or transfer.amount == FULL_AMOUNT
    data_128, data_64, data_32 = pending.user_data
    return transfer._replace(
        debit_account_id=pending.debit_account_id,
        credit_account_id=pending.credit_account_id,
        amount=pending.amount if whole else transfer.amount,
        ledger=pending.ledger,
        code=pending.code,
        user_data_128=transfer.user_data_128 or data_128,
        user_data_64=transfer.user_data_64 or data_64,
        user_data_32=transfer.user_data_32 or data_32,
    )


def _release(
    books: Books, pending: Pending, state: PendingState
) -> tuple[AccountState, AccountState]:
    debit = books.accounts[pending.debit_account_id]
    credit = books.accounts[pending.credit_account_id]
    books.remember(debit, credit)
    debit.debits_pending -= pending.amount
    credit.credits_pending -= pending.amount
    debit.dirty = credit.dirty = True
    books.resolve(pending, state)
    return debit, credit
