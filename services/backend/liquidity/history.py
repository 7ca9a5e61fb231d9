"""An account's transfers as its owner sees them."""

from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from servicekit.clock import Clock
from servicekit.database import Database

from services.backend.ledger.interface import LedgerReader
from services.backend.ledger.model import (
    NANOSECONDS_PER_MILLISECOND,
    TransferKind,
    TransferRecord,
)
from services.backend.liquidity import repository
from services.backend.liquidity.errors import invalid_limit, unknown_account
from services.backend.liquidity.model import (
    AccountingTransfer,
    expiry_ns,
    state_of,
)
from services.backend.tenants.scope import Scope

TRANSFERS_SHOWN_DEFAULT: Final = 20
TRANSFERS_SHOWN_MAX: Final = 100
RECORDS_A_READ: Final = 500
READS_MAX: Final = 20
_ENDS: Final = {TransferKind.POST, TransferKind.VOID}
_MICROSECOND_NS: Final = 1_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class AccountHistory:
    """Joins each reservation with its post or void, and gives callers' ids back."""

    def __init__(self, *, database: Database, ledger: LedgerReader, clock: Clock) -> None:
        self._database = database
        self._ledger = ledger
        self._clock = clock

    async def newest(
        self, scope: Scope, account_id: UUID, *, limit: int
    ) -> list[AccountingTransfer]:
        """An account's newest transfers; raises NotFound unless it belongs to the scope.

        The ledger knows no tenants: an account is its row's tenant's. The operator may name any.
        """
        if not 0 <= limit <= TRANSFERS_SHOWN_MAX:
            raise invalid_limit(TRANSFERS_SHOWN_MAX)
        async with self._database.read() as session:
            owner = None if scope.sees_all else await repository.owner(session, account_id)
        if not scope.sees_all and owner != scope.owner:
            raise unknown_account(account_id)
        begun, ends = await self._read(account_id.int, limit or TRANSFERS_SHOWN_DEFAULT)
        async with self._database.read() as session:
            names = await repository.names(session, [UUID(int=record.id) for record in begun])
        now_ns = self._clock.now_ms() * NANOSECONDS_PER_MILLISECOND
        return [_shown(record, ends.get(record.id), names, now_ns) for record in begun]

    async def _read(
        self, account_id: int, limit: int
    ) -> tuple[list[TransferRecord], dict[int, TransferRecord]]:
        """The newest transfers that are no post or void, and the posts and voids by what they end.

        A post or void is newer than its reservation and in the same history, so reading from the
        newest on meets it first.
        """
        begun: list[TransferRecord] = []
        ends: dict[int, TransferRecord] = {}
        cursor: int | None = None
        for _ in range(READS_MAX):
            page = await self._ledger.history(
                account_id, cursor=cursor, limit=RECORDS_A_READ, newest_first=True
            )
            for record in page.transfers:
                if record.kind in _ENDS:
                    ends[record.pending_id] = record
                else:
                    begun.append(record)
            cursor = page.cursor
            if cursor is None or len(begun) >= limit:
                break
        return begun[:limit], ends


def _shown(
    record: TransferRecord,
    end: TransferRecord | None,
    names: dict[UUID, UUID],
    now_ns: int,
) -> AccountingTransfer:
    transfer_id, expires_ns = UUID(int=record.id), expiry_ns(record)
    posted_part = end is not None and end.kind is TransferKind.POST and end.amount > 0
    return AccountingTransfer(
        id=names.get(transfer_id, transfer_id),
        debit_account_id=UUID(int=record.debit_account_id),
        credit_account_id=UUID(int=record.credit_account_id),
        amount=end.amount if end is not None and posted_part else record.amount,
        code=record.code,
        ledger=record.ledger,
        state=state_of(record, end, now_ns=now_ns),
        created_at=_moment(record.timestamp),
        expires_at=None if expires_ns is None else _moment(expires_ns),
    )


def _moment(timestamp_ns: int) -> datetime:
    return _EPOCH + timedelta(microseconds=timestamp_ns // _MICROSECOND_NS)
