"""Replace an asset's thresholds."""

from dataclasses import dataclass, replace
from uuid import UUID

from servicekit.commands import Command
from servicekit.database import WriteSession

from services.backend.assets import repository
from services.backend.assets.model import Asset
from services.backend.assets.queries import AssetQueries
from services.backend.changes.announcement import announce_change
from services.backend.changes.model import Kind
from services.backend.tenants.scope import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class NewThresholds:
    """Both thresholds, in the asset's units; None clears one."""

    scope: Scope
    asset_id: UUID
    withdrawal: int | None
    liquidity: int | None


class UpdateAsset(Command[NewThresholds, Asset, Asset]):
    """Raises NotFound."""

    def __init__(self, *, queries: AssetQueries) -> None:
        self._queries = queries

    async def read(self, given: NewThresholds) -> Asset:
        """The asset as it is."""
        return await self._queries.get(given.scope, given.asset_id)

    async def write(self, session: WriteSession, given: NewThresholds, facts: Asset) -> Asset:
        """Both thresholds, unless it was deleted meanwhile."""
        changed = replace(
            facts,
            withdrawal_threshold=given.withdrawal,
            liquidity_threshold=given.liquidity,
        )
        repository.set_thresholds(session, changed)
        await announce_change(session, Kind.ASSET, changed.id)
        return changed
