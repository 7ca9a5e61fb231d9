"""Put a fee in force; earlier ones stay in the history."""

from dataclasses import dataclass
from uuid import UUID

from servicekit.clock import Clock
from servicekit.commands import Command
from servicekit.database import WriteSession
from servicekit.errors import InvalidArgument
from servicekit.ids import IdSource

from services.backend.assets import repository
from services.backend.assets.model import BASIS_POINTS_MAX, Fee, FeeType
from services.backend.assets.queries import AssetQueries
from services.backend.changes.announcement import announce_change
from services.backend.changes.model import Kind
from services.backend.tenants.scope import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFee:
    """What to put in force; `fixed` is in the asset's units."""

    scope: Scope
    asset_id: UUID
    type: FeeType
    fixed: int
    basis_points: int


class SetFee(Command[NewFee, None, Fee]):
    """Raises NotFound for the asset, and InvalidArgument."""

    def __init__(self, *, queries: AssetQueries, clock: Clock, ids: IdSource) -> None:
        self._queries = queries
        self._clock = clock
        self._ids = ids

    async def read(self, given: NewFee) -> None:
        """Check that there is such an asset and that the fee can be one."""
        await self._queries.get(given.scope, given.asset_id)
        if not 0 <= given.basis_points <= BASIS_POINTS_MAX:
            raise InvalidArgument(
                "INVALID_FIELD",
                f"basis_points lies between 0 and {BASIS_POINTS_MAX}",
                field="basis_points",
            )

    async def write(self, session: WriteSession, given: NewFee, facts: None) -> Fee:
        """The fee's row."""
        del facts
        fee = Fee(
            id=self._ids.uuid(),
            asset_id=given.asset_id,
            type=given.type,
            fixed=given.fixed,
            basis_points=given.basis_points,
            created_at=self._clock.now(),
        )
        repository.add_fee(session, fee)
        await announce_change(session, Kind.ASSET, given.asset_id)
        return fee
