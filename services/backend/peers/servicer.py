"""PeerService over gRPC."""

from typing import Any, Final, TypeVar
from uuid import UUID

from google.protobuf.message import Message
from grpc.aio import ServicerContext
from rafiki.admin.v1 import peer_service_pb2 as pb
from rafiki.admin.v1.peer_service_pb2_grpc import PeerServiceServicer
from servicekit.commands import Command, Commands, Replies
from servicekit.idempotency import once_of
from servicekit.messages import moment, optional, page_info, page_query, timestamp

from services.backend.assets.errors import unknown_asset
from services.backend.assets.servicer import asset_message, asset_of, fill_liquidity
from services.backend.ledger.ids import derive_id
from services.backend.ledger.interface import LedgerReader
from services.backend.peers.build import Peers
from services.backend.peers.commands.create_peer import NewPeer
from services.backend.peers.commands.delete_peer import PeerToDelete
from services.backend.peers.commands.update_peer import PeerChanges
from services.backend.peers.errors import invalid_mask, unknown_peer
from services.backend.peers.model import Peer, PeerView
from services.backend.peers.roles import PeerByUrl
from services.backend.tenants.scope import Scope, Scopes, parse_id

Context = ServicerContext[object, object]
Given = TypeVar("Given")

_PLAIN_FIELDS: Final = ("static_ilp_address", "name", "max_packet_amount", "liquidity_threshold")
_CLEARABLE: Final = frozenset(
    {"name", "max_packet_amount", "liquidity_threshold", "routes", "incoming_auth_tokens"}
)


class PeerServicer(PeerServiceServicer):
    """Translates; the decisions are in the commands and queries."""

    def __init__(
        self,
        *,
        peers: Peers,
        by_url: Command[PeerByUrl, Any, PeerView],
        commands: Commands,
        ledger: LedgerReader,
        scopes: Scopes,
    ) -> None:
        self._peers = peers
        self._by_url = by_url
        self._commands = commands
        self._ledger = ledger
        self._scopes = scopes

    async def CreatePeer(self, request: pb.CreatePeerRequest, context: Context) -> pb.Peer:
        new = NewPeer(
            scope=self._scope(request),
            asset_id=parse_id(request.asset_id, unknown_asset(request.asset_id)),
            static_ilp_address=request.static_ilp_address,
            name=optional(request, "name"),
            incoming_tokens=list(request.incoming_auth_tokens),
            outgoing_endpoint=request.outgoing.endpoint,
            outgoing_token=request.outgoing.auth_token,
            max_packet_amount=optional(request, "max_packet_amount"),
            liquidity_threshold=optional(request, "liquidity_threshold"),
            routes=list(request.routes),
            initial_liquidity=optional(request, "initial_liquidity"),
        )
        return await self._change(context, request, self._peers.create, new)

    async def GetPeer(self, request: pb.GetPeerRequest, context: Context) -> pb.Peer:
        peer_id = parse_id(request.id, unknown_peer(request.id))
        return await self._filled(
            context, _message(await self._peers.queries.get(self._scope(request), peer_id))
        )

    async def GetPeerByAddressAndAsset(
        self, request: pb.GetPeerByAddressAndAssetRequest, context: Context
    ) -> pb.Peer:
        asset_id = parse_id(request.asset_id, unknown_asset(request.asset_id))
        found = await self._peers.queries.find(
            self._scope(request), request.static_ilp_address, asset_id
        )
        return await self._filled(context, _message(found))

    async def ListPeers(
        self, request: pb.ListPeersRequest, context: Context
    ) -> pb.ListPeersResponse:
        page = await self._peers.queries.page(self._scope(request), page_query(request.page))
        messages = [_message(view) for view in page.items]
        await fill_liquidity(self._ledger, messages, context)
        return pb.ListPeersResponse(peers=messages, page_info=page_info(page))

    async def UpdatePeer(self, request: pb.UpdatePeerRequest, context: Context) -> pb.Peer:
        replaces_tokens = (
            request.HasField("incoming_auth_tokens")
            or "incoming_auth_tokens" in request.update_mask.paths
        )
        changes = PeerChanges(
            scope=self._scope(request),
            peer_id=parse_id(request.id, unknown_peer(request.id)),
            values=_changes(request),
            incoming_tokens=list(request.incoming_auth_tokens.values) if replaces_tokens else None,
        )
        return await self._change(context, request, self._peers.update, changes)

    async def DeletePeer(self, request: pb.DeletePeerRequest, context: Context) -> pb.Peer:
        peer_id = parse_id(request.id, unknown_peer(request.id))
        given = PeerToDelete(scope=self._scope(request), peer_id=peer_id)
        return await self._change(context, request, self._peers.delete, given)

    async def CreateOrUpdatePeerByUrl(
        self, request: pb.CreateOrUpdatePeerByUrlRequest, context: Context
    ) -> pb.Peer:
        scope = self._scope(request)
        given = PeerByUrl(
            scope=scope,
            url=request.peer_url,
            asset_id=parse_id(request.asset_id, unknown_asset(request.asset_id)),
            name=optional(request, "name"),
            max_packet_amount=optional(request, "max_packet_amount"),
            liquidity_threshold=optional(request, "liquidity_threshold"),
            liquidity_to_deposit=optional(request, "liquidity_to_deposit"),
            deposit_id=derive_id("peering deposit", scope.owner.int, request.idempotency_key),
        )
        return await self._change(context, request, self._by_url, given)

    def _scope(self, request: Message) -> Scope:
        return self._scopes.of(optional(request, "tenant_id"))

    async def _change(
        self, context: Context, request: Any, command: Command[Given, Any, PeerView], given: Given
    ) -> pb.Peer:
        scope = self._scope(request)
        once = once_of(request, scope=scope.owner, key=request.idempotency_key)
        return await self._filled(
            context, await self._commands.run_once(command, given, once=once, replies=_PEERS)
        )

    async def _filled(self, context: Context, message: pb.Peer) -> pb.Peer:
        await fill_liquidity(self._ledger, [message], context)
        return message


def _changes(request: pb.UpdatePeerRequest) -> dict[str, Any]:
    """The fields to set, named as in Peer: what is given, or exactly what the mask names."""
    values: dict[str, Any] = {name: optional(request, name) for name in _PLAIN_FIELDS}
    given = {name for name, value in values.items() if value is not None}
    changed = given | {name for name in ("outgoing", "routes") if request.HasField(name)}
    if request.HasField("update_mask"):
        changed = _masked(set(request.update_mask.paths), given=changed)
    fields: dict[str, Any] = {n: values[n] for n in _PLAIN_FIELDS if n in changed}
    if "outgoing" in changed:
        fields["outgoing_endpoint"] = request.outgoing.endpoint
        fields["outgoing_token"] = request.outgoing.auth_token
    if "routes" in changed:
        fields["routes"] = tuple(request.routes.prefixes)
    return fields


def _masked(mask: set[str], *, given: set[str]) -> set[str]:
    """What a mask changes; raises InvalidArgument where a name is unknown or can't be cleared."""
    known = {*_PLAIN_FIELDS, "outgoing", "routes", "incoming_auth_tokens"}
    if unknown := mask - known:
        raise invalid_mask(f"{min(unknown)!r} is no field that can change")
    if missing := mask - given - _CLEARABLE:
        raise invalid_mask(f"{min(missing)!r} is named and not given, and can't be cleared")
    return mask


def _message(view: PeerView) -> pb.Peer:
    peer = view.peer
    return pb.Peer(
        id=str(peer.id),
        tenant_id=str(peer.tenant_id),
        asset=asset_message(view.asset),
        static_ilp_address=peer.static_ilp_address,
        name=peer.name,
        outgoing=pb.PeerHttpOutgoing(
            endpoint=peer.outgoing_endpoint, auth_token=peer.outgoing_token
        ),
        max_packet_amount=peer.max_packet_amount,
        liquidity_threshold=peer.liquidity_threshold,
        routes=peer.routes,
        created_at=timestamp(peer.created_at),
    )


def _view(message: pb.Peer) -> PeerView:
    asset = asset_of(message.asset)
    peer = Peer(
        id=UUID(message.id),
        tenant_id=UUID(message.tenant_id),
        asset_id=asset.id,
        static_ilp_address=message.static_ilp_address,
        name=optional(message, "name"),
        outgoing_endpoint=message.outgoing.endpoint,
        outgoing_token=message.outgoing.auth_token,
        max_packet_amount=optional(message, "max_packet_amount"),
        liquidity_threshold=optional(message, "liquidity_threshold"),
        routes=tuple(message.routes),
        created_at=moment(message.created_at),
    )
    return PeerView(peer, asset)


_PEERS: Final = Replies(message=pb.Peer, encode=_message, recover=_view)
