"""Create an asset, with its accounts in the ledger."""

from dataclasses import dataclass

from ilpkit.money import ASSET_CODE_BYTES_MAX, ASSET_SCALE_MAX
from servicekit.clock import Clock
from servicekit.commands import Command
from servicekit.database import Database, WriteSession
from servicekit.ids import IdSource

from services.backend.assets import repository
from services.backend.assets.errors import invalid_code, invalid_scale
from services.backend.assets.model import Asset
from services.backend.changes.announcement import announce_change
from services.backend.changes.model import Kind
from services.backend.ledger.interface import LedgerAccounts
from services.backend.ledger.rules.chart import new_asset_accounts
from services.backend.tenants.scope import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAsset:
    """What to create; thresholds are in the asset's units."""

    scope: Scope
    code: str
    scale: int
    withdrawal_threshold: int | None
    liquidity_threshold: int | None


class CreateAsset(Command[NewAsset, int, Asset]):
    """Raises InvalidArgument, and AlreadyExists when the tenant has it."""

    def __init__(
        self, *, database: Database, ledger: LedgerAccounts, clock: Clock, ids: IdSource
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._clock = clock
        self._ids = ids

    async def read(self, given: NewAsset) -> int:
        """A ledger number of its own; one that goes unused leaves a gap, which harms nothing."""
        if not 1 <= len(given.code.encode()) <= ASSET_CODE_BYTES_MAX:
            raise invalid_code()
        if not 0 <= given.scale <= ASSET_SCALE_MAX:
            raise invalid_scale()
        return await repository.next_ledger_number(self._database)

    async def write(self, session: WriteSession, given: NewAsset, facts: int) -> Asset:
        """The asset's row."""
        asset = Asset(
            id=self._ids.uuid(),
            tenant_id=given.scope.owner,
            code=given.code,
            scale=given.scale,
            ledger=facts,
            withdrawal_threshold=given.withdrawal_threshold,
            liquidity_threshold=given.liquidity_threshold,
            created_at=self._clock.now(),
        )
        repository.add(session, asset)
        await announce_change(session, Kind.ASSET, asset.id)
        return asset

    async def finish(self, given: NewAsset, done: Asset) -> None:
        """Its accounts in the ledger; those that are there stay."""
        del given
        accounts = new_asset_accounts(asset_id=done.id.int, ledger=done.ledger)
        await self._ledger.create_accounts(accounts)
