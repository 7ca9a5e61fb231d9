"""Delete an asset that nothing uses and that holds no money."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from servicekit.clock import Clock
from servicekit.commands import Command
from servicekit.database import ReadSession, WriteSession

from services.backend.assets import repository
from services.backend.assets.errors import asset_holds_money, asset_in_use, unknown_asset
from services.backend.assets.model import Asset
from services.backend.assets.queries import AssetQueries
from services.backend.changes.announcement import announce_change
from services.backend.changes.model import Kind
from services.backend.ledger.interface import LedgerReader
from services.backend.ledger.rules.chart import balance, is_settled, settlement_account_id
from services.backend.tenants.scope import Scope

UsesAsset = Callable[[ReadSession, UUID], Awaitable[bool]]
"""Whether a feature has something in an asset."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetToDelete:
    """Which one."""

    scope: Scope
    asset_id: UUID


class DeleteAsset(Command[AssetToDelete, None, Asset]):
    """Raises NotFound, and FailedPrecondition while it is in use or holds money."""

    def __init__(
        self,
        *,
        queries: AssetQueries,
        users: Sequence[UsesAsset],
        ledger: LedgerReader,
        clock: Clock,
    ) -> None:
        self._queries = queries
        self._users = users
        self._ledger = ledger
        self._clock = clock

    async def read(self, given: AssetToDelete) -> None:
        """Refuse while any account in the asset holds money.

        All money in an asset came from its settlement account, so that this one account tells.
        A deposit that is under way at this moment may still land: what is deleted can be withdrawn
        from, so that it is not lost.
        """
        asset = await self._queries.get(given.scope, given.asset_id)
        settlement_id = settlement_account_id(asset.ledger)
        account = (await self._ledger.lookup_accounts([settlement_id])).get(settlement_id)
        if account is not None and not is_settled(account):
            raise asset_holds_money(asset.id, balance=balance(account))

    async def write(self, session: WriteSession, given: AssetToDelete, facts: None) -> Asset:
        """Under a lock, which nothing can be put into the asset beside."""
        del facts
        await repository.lock(session, given.asset_id)
        asset = await repository.get(session, given.asset_id, given.scope.filter)
        if asset is None:
            raise unknown_asset(given.asset_id)
        for uses in self._users:
            if await uses(session, asset.id):
                raise asset_in_use(asset.id)
        repository.delete(session, asset.id, self._clock.now())
        await announce_change(session, Kind.ASSET, asset.id)
        return asset
