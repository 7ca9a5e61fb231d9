"""What can be asked about packets whose outcome is unknown."""

from collections.abc import Mapping
from uuid import UUID

from servicekit.database import Database
from servicekit.paging import Page, PageQuery

from services.backend.assets import repository as assets
from services.backend.assets.model import Asset
from services.backend.tenants.scope import Scope
from services.backend.unknown_packets import repository
from services.backend.unknown_packets.errors import no_such_packet
from services.backend.unknown_packets.model import PacketView, UnknownPacket


class UnknownPacketQueries:
    """Reads entries."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def count_open(self) -> tuple[float]:
        """How many entries wait to be resolved."""
        async with self._database.read() as session:
            return (float(await repository.count_open(session)),)

    async def page(
        self, scope: Scope, query: PageQuery, *, peer_id: UUID | None, open_only: bool
    ) -> tuple[Page[UnknownPacket], Mapping[UUID, Asset]]:
        """A page of entries, and their assets."""
        async with self._database.read() as session:
            page = await repository.page(
                session, query, tenant_id=scope.filter, peer_id=peer_id, open_only=open_only
            )
            return page, await assets.by_ids(session, [each.asset_id for each in page.items])

    async def get(self, scope: Scope, entry_id: UUID) -> PacketView:
        """One entry; raises NotFound."""
        async with self._database.read() as session:
            packet = await repository.get(session, entry_id, scope.filter)
            if packet is None:
                raise no_such_packet(entry_id)
            found = await assets.by_ids(session, [packet.asset_id])
        return PacketView(packet=packet, asset=found[packet.asset_id])
