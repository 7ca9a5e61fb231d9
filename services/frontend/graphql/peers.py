"""Peers: other nodes that packets are exchanged with."""
# ruff: noqa: A002 - arguments have the names that the schema gives them

import strawberry
from rafiki.admin.v1 import peer_service_pb2 as pb
from servicekit.errors import NotFound

from services.frontend.graphql.assets import Asset, asset_node
from services.frontend.graphql.common import IdArgument, Model, documented, mutation
from services.frontend.graphql.context import Info
from services.frontend.graphql.paging import PageInfo, SortOrder, page_info, plan_page
from services.frontend.graphql.scalars import UInt64, iso, optional, optional_uint64
from services.frontend.graphql.tenants import Tenant, tenant_of


@strawberry.type(description="How packets reach a peer.")
class HttpOutgoing:
    """How packets reach a peer."""

    auth_token: str
    endpoint: str


@strawberry.type(description="ILP-over-HTTP with a peer.")
class Http:
    """ILP-over-HTTP with a peer."""

    outgoing: HttpOutgoing


@strawberry.type(description="A node that packets are exchanged with.")
class Peer(Model):
    """A node that packets are exchanged with."""

    id: strawberry.ID
    max_packet_amount: UInt64 | None
    http: Http
    asset: Asset
    static_ilp_address: str
    name: str | None
    liquidity_threshold: UInt64 | None
    liquidity: UInt64 | None
    created_at: str
    routes: list[str]
    tenant_id: strawberry.Private[str]

    @documented
    async def tenant(self, info: Info) -> Tenant | None:
        """The tenant that it belongs to."""
        return await tenant_of(info, self.tenant_id)


@strawberry.type
class PeerEdge:
    """A peer in a page."""

    node: Peer
    cursor: str


@strawberry.type
class PeersConnection:
    """A page of peers."""

    page_info: PageInfo
    edges: list[PeerEdge]


@strawberry.input
class HttpIncomingInput:
    """How the peer calls us."""

    auth_tokens: list[str]


@strawberry.input
class HttpOutgoingInput:
    """How we call the peer."""

    auth_token: str
    endpoint: str


@strawberry.input
class HttpInput:
    """ILP-over-HTTP with a peer."""

    outgoing: HttpOutgoingInput
    incoming: HttpIncomingInput | None = None


@strawberry.input
class CreatePeerInput:
    """A new peer."""

    http: HttpInput
    asset_id: str
    static_ilp_address: str
    max_packet_amount: UInt64 | None = None
    name: str | None = None
    liquidity_threshold: UInt64 | None = None
    initial_liquidity: UInt64 | None = None
    idempotency_key: str | None = None
    routes: list[str] | None = None


@strawberry.input
class CreateOrUpdatePeerByUrlInput:
    """A node that offers peering by its URL."""

    asset_id: str
    peer_url: str
    max_packet_amount: UInt64 | None = None
    name: str | None = None
    liquidity_threshold: UInt64 | None = None
    liquidity_to_deposit: UInt64 | None = None
    idempotency_key: str | None = None


@strawberry.input
class UpdatePeerInput:
    """Changes to a peer; what is absent stays."""

    id: str
    max_packet_amount: UInt64 | None = None
    http: HttpInput | None = None
    static_ilp_address: str | None = None
    name: str | None = None
    liquidity_threshold: UInt64 | None = None
    idempotency_key: str | None = None
    routes: list[str] | None = None


@strawberry.input
class DeletePeerInput:
    """Which peer."""

    id: strawberry.ID
    idempotency_key: str | None = None


@strawberry.type
class CreatePeerMutationResponse:
    """The new peer."""

    peer: Peer | None


@strawberry.type
class CreateOrUpdatePeerByUrlMutationResponse:
    """The peer as it is now."""

    peer: Peer | None


@strawberry.type
class UpdatePeerMutationResponse:
    """The peer as it is now."""

    peer: Peer | None


@strawberry.type
class DeletePeerMutationResponse:
    """Whether the peer is deleted."""

    success: bool


def peer_node(message: pb.Peer) -> Peer:
    """A peer from the wire."""
    return Peer(
        id=strawberry.ID(message.id),
        max_packet_amount=optional_uint64(message, "max_packet_amount"),
        http=Http(
            outgoing=HttpOutgoing(
                auth_token=message.outgoing.auth_token, endpoint=message.outgoing.endpoint
            )
        ),
        asset=asset_node(message.asset),
        static_ilp_address=message.static_ilp_address,
        name=optional(message, "name"),
        liquidity_threshold=optional_uint64(message, "liquidity_threshold"),
        liquidity=UInt64(message.liquidity),
        created_at=iso(message.created_at),
        routes=list(message.routes),
        tenant_id=message.tenant_id,
    )


@strawberry.type
class PeerQuery:
    """Reads of peers."""

    @documented
    async def peer(self, info: Info, peer_id: IdArgument) -> Peer | None:
        """One peer."""
        return peer_node(
            await info.context.clients.peers.GetPeer(
                pb.GetPeerRequest(tenant_id=info.context.scope(), id=peer_id)
            )
        )

    @documented
    async def peer_by_address_and_asset(
        self, info: Info, static_ilp_address: str, asset_id: str
    ) -> Peer | None:
        """The caller's peer with an ILP address and asset, null when there is none."""
        try:
            message = await info.context.clients.peers.GetPeerByAddressAndAsset(
                pb.GetPeerByAddressAndAssetRequest(
                    tenant_id=info.context.scope(),
                    static_ilp_address=static_ilp_address,
                    asset_id=asset_id,
                )
            )
        except NotFound:
            return None
        return peer_node(message)

    @documented
    async def peers(
        self,
        info: Info,
        after: str | None = None,
        before: str | None = None,
        first: int | None = None,
        last: int | None = None,
        sort_order: SortOrder | None = None,
        tenant_id: strawberry.ID | None = None,
    ) -> PeersConnection:
        """Peers."""
        page = plan_page(after=after, before=before, first=first, last=last, sort_order=sort_order)
        reply = await info.context.clients.peers.ListPeers(
            pb.ListPeersRequest(tenant_id=info.context.scope(tenant_id), page=page)
        )
        return PeersConnection(
            page_info=page_info(reply.page_info),
            edges=[PeerEdge(node=peer_node(message), cursor=message.id) for message in reply.peers],
        )


@strawberry.type
class PeerMutation:
    """Changes to peers."""

    @mutation
    async def create_peer(self, info: Info, input: CreatePeerInput) -> CreatePeerMutationResponse:
        """Create a peer, with liquidity when given."""
        incoming = input.http.incoming
        message = await info.context.clients.peers.CreatePeer(
            pb.CreatePeerRequest(
                tenant_id=info.context.scope(),
                asset_id=input.asset_id,
                static_ilp_address=input.static_ilp_address,
                name=input.name,
                incoming_auth_tokens=[] if incoming is None else incoming.auth_tokens,
                outgoing=_outgoing(input.http),
                max_packet_amount=input.max_packet_amount,
                liquidity_threshold=input.liquidity_threshold,
                initial_liquidity=input.initial_liquidity,
                routes=input.routes or [],
                idempotency_key=info.context.key(input.idempotency_key),
            )
        )
        return CreatePeerMutationResponse(peer=peer_node(message))

    @mutation
    async def create_or_update_peer_by_url(
        self,
        info: Info,
        input: CreateOrUpdatePeerByUrlInput,
    ) -> CreateOrUpdatePeerByUrlMutationResponse:
        """Peer with a node by its URL, or renew that peering."""
        message = await info.context.clients.peers.CreateOrUpdatePeerByUrl(
            pb.CreateOrUpdatePeerByUrlRequest(
                tenant_id=info.context.scope(),
                peer_url=input.peer_url,
                asset_id=input.asset_id,
                name=input.name,
                max_packet_amount=input.max_packet_amount,
                liquidity_threshold=input.liquidity_threshold,
                liquidity_to_deposit=input.liquidity_to_deposit,
                idempotency_key=info.context.key(input.idempotency_key),
            )
        )
        return CreateOrUpdatePeerByUrlMutationResponse(peer=peer_node(message))

    @mutation
    async def update_peer(self, info: Info, input: UpdatePeerInput) -> UpdatePeerMutationResponse:
        """Change a peer; what is absent stays."""
        incoming = None if input.http is None else input.http.incoming
        message = await info.context.clients.peers.UpdatePeer(
            pb.UpdatePeerRequest(
                tenant_id=info.context.scope(),
                id=input.id,
                static_ilp_address=input.static_ilp_address,
                name=input.name,
                incoming_auth_tokens=(
                    None if incoming is None else pb.AuthTokens(values=incoming.auth_tokens)
                ),
                outgoing=None if input.http is None else _outgoing(input.http),
                max_packet_amount=input.max_packet_amount,
                liquidity_threshold=input.liquidity_threshold,
                routes=None if input.routes is None else pb.PeerRoutes(prefixes=input.routes),
                idempotency_key=info.context.key(input.idempotency_key),
            )
        )
        return UpdatePeerMutationResponse(peer=peer_node(message))

    @mutation
    async def delete_peer(self, info: Info, input: DeletePeerInput) -> DeletePeerMutationResponse:
        """Delete a peer; its ledger account stays."""
        await info.context.clients.peers.DeletePeer(
            pb.DeletePeerRequest(
                tenant_id=info.context.scope(),
                id=input.id,
                idempotency_key=info.context.key(input.idempotency_key),
            )
        )
        return DeletePeerMutationResponse(success=True)


def _outgoing(http: HttpInput) -> pb.PeerHttpOutgoing:
    return pb.PeerHttpOutgoing(endpoint=http.outgoing.endpoint, auth_token=http.outgoing.auth_token)
