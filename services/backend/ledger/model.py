"""Accounts, transfers and results: plain values that all engines share.

Ids are unsigned 128-bit integers (a UUID's `int`), amounts are integers in the asset's smallest
unit, timestamps are nanoseconds since the Unix epoch and given by the engine. The numeric values
follow TigerBeetle, so that data written by the TypeScript Rafiki keeps its meaning. Tuples, because
these are made and unpacked on the packet path.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, IntFlag, unique
from typing import Final, NamedTuple

from services.backend.ledger.errors import AccountStatus, TransferStatus

ID_MAX: Final = 2**128 - 2  # 0 and 2**128 - 1 are no ids
AMOUNT_MAX: Final = 2**64 - 1  # ILP and Open Payments amounts are unsigned 64-bit
FULL_AMOUNT: Final = 2**128 - 1  # in a POST: all of what is pending
LEDGER_MAX: Final = 2**31 - 1
CODE_MAX: Final = 2**16 - 1
TIMEOUT_S_MAX: Final = 2**31 - 1
USER_DATA_128_MAX: Final = 2**128 - 1
USER_DATA_64_MAX: Final = 2**64 - 1
USER_DATA_32_MAX: Final = 2**32 - 1
TIMESTAMP_MAX: Final = 2**63 - 1
NANOSECONDS_PER_SECOND: Final = 1_000_000_000
NANOSECONDS_PER_MILLISECOND: Final = 1_000_000

CHAIN_TRANSFERS_MAX: Final = 64
LOOKUP_IDS_MAX: Final = 8_000  # TigerBeetle's batch, rounded down
HISTORY_LIMIT_MAX: Final = 8_000


class AccountFlags(IntFlag):
    """Limits on an account, with TigerBeetle's values."""

    NONE = 0
    DEBITS_MUST_NOT_EXCEED_CREDITS = 1 << 1
    CREDITS_MUST_NOT_EXCEED_DEBITS = 1 << 2
    HISTORY = 1 << 3


@unique
class TransferKind(IntEnum):
    """What a transfer does."""

    SINGLE = 0  # moves the amount at once
    PENDING = 1  # reserves the amount until it is posted, voided or expired
    POST = 2  # moves all or part of a pending transfer and releases the rest
    VOID = 3  # releases a pending transfer


class NewAccount(NamedTuple):
    """An account to be created. `user_data_128` carries the asset's id."""

    id: int
    ledger: int
    code: int
    flags: AccountFlags
    user_data_128: int = 0
    user_data_64: int = 0
    user_data_32: int = 0


class Account(NamedTuple):
    """An account with its running balances, in the smallest unit of the ledger's asset."""

    id: int
    ledger: int
    code: int
    flags: AccountFlags
    user_data_128: int
    user_data_64: int
    user_data_32: int
    debits_pending: int
    debits_posted: int
    credits_pending: int
    credits_posted: int
    timestamp: int


class Transfer(NamedTuple):
    """One movement from a debit account to a credit account.

    POST and VOID leave accounts, ledger and code at 0: they take them from the pending transfer,
    and so each user data that they leave at 0. A POST's amount is `FULL_AMOUNT` or 0 to what is
    pending; a VOID's is 0. `timeout_s` is for PENDING only, 0 means that it never expires (seconds,
    because that is what TigerBeetle knows).
    """

    id: int
    debit_account_id: int
    credit_account_id: int
    amount: int
    ledger: int
    code: int
    kind: TransferKind = TransferKind.SINGLE
    pending_id: int = 0
    timeout_s: int = 0
    user_data_128: int = 0
    user_data_64: int = 0
    user_data_32: int = 0


class TransferRecord(NamedTuple):
    """A transfer as the ledger keeps it.

    POST and VOID have accounts, ledger and code filled in from the pending transfer. The amount of
    a POST is what it moved; the amount of a VOID is what it released.
    """

    id: int
    debit_account_id: int
    credit_account_id: int
    amount: int
    ledger: int
    code: int
    kind: TransferKind
    pending_id: int
    timeout_s: int
    user_data_128: int
    user_data_64: int
    user_data_32: int
    timestamp: int


class AccountResult(NamedTuple):
    """The answer to one `NewAccount`."""

    id: int
    status: AccountStatus


class Balances(NamedTuple):
    """An account's running balances, in the smallest unit of the ledger's asset."""

    debits_pending: int
    debits_posted: int
    credits_pending: int
    credits_posted: int


class ChainResult(NamedTuple):
    """The answer to one chain, which is applied as a whole or not at all.

    `status` decides. When it is a failure, `failed_at` is the place of the transfer that failed;
    when it is a success, `timestamps` holds one per transfer (of the first time for EXISTS).
    `balances` holds the accounts of the chain's batch as they were after it, by id, where the
    engine knows them without another question; else it is None.
    """

    status: TransferStatus
    length: int
    failed_at: int = 0
    timestamps: tuple[int, ...] = ()
    balances: Mapping[int, Balances] | None = None

    @property
    def ok(self) -> bool:
        """Whether the chain is in the ledger."""
        return self.status is TransferStatus.CREATED or self.status is TransferStatus.EXISTS

    @property
    def statuses(self) -> tuple[TransferStatus, ...]:
        """One status per transfer; the neighbours of a failed one are LINKED_TRANSFER_FAILED."""
        if self.ok:
            return (self.status,) * self.length
        linked = TransferStatus.LINKED_TRANSFER_FAILED
        return tuple(self.status if at == self.failed_at else linked for at in range(self.length))


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """A page of an account's transfers; `cursor` continues after it, None when that was all."""

    transfers: tuple[TransferRecord, ...]
    cursor: int | None


def post(
    transfer_id: int, pending_id: int, *, amount: int = FULL_AMOUNT, user_data_128: int = 0
) -> Transfer:
    """Post a pending transfer, in full or in part."""
    kind = TransferKind.POST
    return Transfer(transfer_id, 0, 0, amount, 0, 0, kind, pending_id, 0, user_data_128)


def void(transfer_id: int, pending_id: int, *, user_data_128: int = 0) -> Transfer:
    """Release a pending transfer."""
    return Transfer(transfer_id, 0, 0, 0, 0, 0, TransferKind.VOID, pending_id, 0, user_data_128)
