"""The ledger in memory: the oracle of the tests, and the engine of simulations."""

import heapq
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from typing import Final

from servicekit.clock import Clock

from services.backend.ledger.errors import AccountStatus
from services.backend.ledger.model import (
    NANOSECONDS_PER_MILLISECOND,
    Account,
    AccountResult,
    ChainResult,
    HistoryPage,
    NewAccount,
    Transfer,
    TransferRecord,
)
from services.backend.ledger.rules.evaluate import (
    AccountState,
    Books,
    PendingState,
    evaluate,
    release_expired,
    with_balances,
)
from services.backend.ledger.rules.validation import check_account, check_history, check_lookup

BATCH_TRANSFERS_MAX: Final = 8_000


class MemoryLedger:
    """A `LedgerEngine` whose books are dictionaries. Nothing survives it."""

    def __init__(self, *, clock: Clock, batch_transfers_max: int = BATCH_TRANSFERS_MAX) -> None:
        self._clock = clock
        self._batch_transfers_max = batch_transfers_max
        self._books = Books()
        self._descriptions: dict[int, tuple[NewAccount, int]] = {}
        self._histories: dict[int, list[TransferRecord]] = {}
        self._expiries: list[tuple[int, int]] = []

    @property
    def batch_transfers_max(self) -> int:
        """How many transfers one `apply` may hold."""
        return self._batch_transfers_max

    async def create_accounts(self, accounts: Sequence[NewAccount]) -> list[AccountResult]:
        """Create each account that isn't there."""
        return [AccountResult(account.id, self._create(account)) for account in accounts]

    def _create(self, account: NewAccount) -> AccountStatus:
        refusal = check_account(account)
        if refusal is not None:
            return refusal
        known = self._descriptions.get(account.id)
        if known is not None:
            return AccountStatus.EXISTS if known[0] == account else AccountStatus.ACCOUNT_EXISTS
        self._descriptions[account.id] = account, self._now_ns()
        state = AccountState(account.id, account.ledger, account.flags)
        self._books.accounts[account.id] = state
        self._histories[account.id] = []
        return AccountStatus.CREATED

    async def apply(
        self, chains: Sequence[Sequence[Transfer]], *, opening: Sequence[NewAccount] = ()
    ) -> list[ChainResult]:
        """Apply the chains in order."""
        for account in opening:
            self._create(account)
        self._expire()
        results = evaluate(self._books, chains, self._now_ns())
        results = with_balances(self._books, results)
        for record in self._books.new_transfers:
            self._histories[record.debit_account_id].append(record)
            self._histories[record.credit_account_id].append(record)
        for pending in self._books.new_pendings:
            if pending.expires_at_ns:
                heapq.heappush(self._expiries, (pending.expires_at_ns, pending.id))
        self._books.new_transfers.clear()
        self._books.new_pendings.clear()
        return results

    async def lookup_accounts(self, account_ids: Sequence[int]) -> Mapping[int, Account]:
        """Return the accounts that exist, by id."""
        check_lookup(account_ids)
        self._expire()
        return {
            account_id: self._account(account_id)
            for account_id in account_ids
            if account_id in self._descriptions
        }

    async def lookup_transfers(self, transfer_ids: Sequence[int]) -> Mapping[int, TransferRecord]:
        """Return the transfers that exist, by id."""
        check_lookup(transfer_ids)
        transfers = self._books.transfers
        return {
            transfer_id: transfers[transfer_id]
            for transfer_id in transfer_ids
            if transfer_id in transfers
        }

    async def history(
        self,
        account_id: int,
        *,
        cursor: int | None = None,
        limit: int,
        newest_first: bool = False,
    ) -> HistoryPage:
        """Return a page of the account's transfers."""
        check_history(cursor=cursor, limit=limit)
        records = self._histories.get(account_id, [])
        if newest_first:
            end = len(records)
            if cursor is not None:
                end = bisect_left(records, cursor, key=lambda record: record.timestamp)
            found = records[:end][::-1]
        else:
            start = 0
            if cursor is not None:
                start = bisect_right(records, cursor, key=lambda record: record.timestamp)
            found = records[start:]
        page = tuple(found[:limit])
        return HistoryPage(page, page[-1].timestamp if len(found) > limit else None)

    async def reservations(self, code: int, *, after: int, until: int, limit: int) -> HistoryPage:
        """Return a page of pending transfers, those that are resolved left out."""
        check_history(cursor=after or None, limit=limit)
        self._expire()
        books = self._books
        found = sorted(
            (
                books.transfers[pending.id]
                for pending in books.pendings.values()
                if pending.state is PendingState.PENDING
                and pending.code == code
                and pending.expires_at_ns
                and after < books.transfers[pending.id].timestamp <= until
            ),
            key=lambda record: record.timestamp,
        )
        if len(found) < limit:
            return HistoryPage(tuple(found), None)
        last = found[limit - 1].timestamp
        return HistoryPage(tuple(each for each in found if each.timestamp <= last), last)

    async def close(self) -> None:
        """Nothing to release."""

    def _account(self, account_id: int) -> Account:
        description, timestamp = self._descriptions[account_id]
        balances = self._books.accounts[account_id].snapshot()
        return Account(*description, *balances, timestamp)

    def _now_ns(self) -> int:
        return self._clock.now_ms() * NANOSECONDS_PER_MILLISECOND

    def _expire(self) -> None:
        due = []
        while self._expiries and self._expiries[0][0] <= self._now_ns():
            due.append(self._books.pendings[heapq.heappop(self._expiries)[1]])
        release_expired(self._books, due)
