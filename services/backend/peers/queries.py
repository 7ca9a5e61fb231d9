"""What can be asked about peers."""

from uuid import UUID

from servicekit.database import Database
from servicekit.paging import Page, PageQuery

from services.backend.peers import repository
from services.backend.peers.errors import unknown_peer
from services.backend.peers.model import Peer, PeerView
from services.backend.peers.roles import KnownAssets, KnownPeers
from services.backend.tenants.scope import Scope


class PeerQueries:
    """Reads peers: a single one from memory, others from Postgres; their assets are in memory."""

    def __init__(self, *, database: Database, known: KnownPeers, assets: KnownAssets) -> None:
        self._database = database
        self._known = known
        self._assets = assets

    async def get(self, scope: Scope, peer_id: UUID) -> PeerView:
        """One peer; raises NotFound."""
        found = self._known.peer(peer_id)
        if found is None or scope.filter not in {None, found.peer.tenant_id}:
            raise unknown_peer(peer_id)
        return found

    async def find(self, scope: Scope, static_ilp_address: str, asset_id: UUID) -> PeerView:
        """One peer by ILP address and asset; raises NotFound."""
        async with self._database.read() as session:
            peer = await repository.find(session, scope.owner, static_ilp_address, asset_id)
        if peer is None:
            raise unknown_peer(static_ilp_address)
        return await self.view(peer)

    async def page(self, scope: Scope, query: PageQuery) -> Page[PeerView]:
        """A page of peers, newest first."""
        async with self._database.read() as session:
            page = await repository.page(session, scope.filter, query)
        return page.of([await self.view(peer) for peer in page.items])

    async def view(self, peer: Peer) -> PeerView:
        """A peer with its asset."""
        asset = await self._assets.find_asset(peer.asset_id)
        assert asset is not None, "an asset with a peer is not deleted"
        return PeerView(peer, asset)
