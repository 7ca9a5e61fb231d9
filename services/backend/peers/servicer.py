"""PeerService over gRPC."""

from collections.abc import Awaitable
from typing import Any, Final
from uuid import UUID

from grpc.aio import ServicerContext
from rafiki.admin.v1 import peer_service_pb2 as pb
from rafiki.admin.v1.peer_service_pb2_grpc import PeerServiceServicer
from servicekit.database import WriteSession

from services.backend.assets.errors import unknown_asset
from services.backend.assets.model import Asset
from services.backend.assets.servicer import asset_message, fill_liquidity
from services.backend.calls import Calls, Write
from services.backend.ledger.interface import LedgerReader
from services.backend.peers.errors import invalid_mask, unknown_peer
from services.backend.peers.model import Peer
from services.backend.peers.service import NewPeer, PeerService
from services.backend.protos import optional, page_info, page_query, timestamp
from services.backend.tenants.scope import Scopes, parse_id
from services.backend.unimplemented import unimplemented

Context = ServicerContext[object, object]

_PLAIN_FIELDS: Final = ("static_ilp_address", "name", "max_packet_amount", "liquidity_threshold")
_CLEARABLE: Final = frozenset(
    {"name", "max_packet_amount", "liquidity_threshold", "routes", "incoming_auth_tokens"}
)


class PeerServicer(PeerServiceServicer):
    """Translates; the decisions are in PeerService."""

    def __init__(
        self, *, peers: PeerService, calls: Calls, ledger: LedgerReader, scopes: Scopes
    ) -> None:
        self._peers = peers
        self._calls = calls
        self._ledger = ledger
        self._scopes = scopes

    async def CreatePeer(self, request: pb.CreatePeerRequest, context: Context) -> pb.Peer:
        del context
        scope = self._scopes.of(optional(request, "tenant_id"))
        new = NewPeer(
            asset_id=parse_id(request.asset_id, unknown_asset(request.asset_id)),
            static_ilp_address=request.static_ilp_address,
            name=optional(request, "name"),
            incoming_tokens=list(request.incoming_auth_tokens),
            outgoing_endpoint=request.outgoing.endpoint,
            outgoing_token=request.outgoing.auth_token,
            max_packet_amount=optional(request, "max_packet_amount"),
            liquidity_threshold=optional(request, "liquidity_threshold"),
            routes=list(request.routes),
        )

        async def finish(reply: pb.Peer) -> None:
            await self._peers.open_account(
                peer_id=UUID(reply.id),
                asset_id=UUID(reply.asset.id),
                ledger=reply.asset.ledger,
                initial_liquidity=optional(request, "initial_liquidity"),
            )

        reply = await self._calls.mutate(
            request,
            pb.Peer,
            scope=scope.owner,
            key=request.idempotency_key,
            write=lambda session: _reply(self._peers.create(session, scope, new)),
            finish=finish,
        )
        return await self._filled(reply)

    async def GetPeer(self, request: pb.GetPeerRequest, context: Context) -> pb.Peer:
        del context
        scope = self._scopes.of(optional(request, "tenant_id"))
        peer_id = parse_id(request.id, unknown_peer(request.id))
        return await self._filled(_message(*await self._peers.get(scope, peer_id)))

    async def GetPeerByAddressAndAsset(
        self, request: pb.GetPeerByAddressAndAssetRequest, context: Context
    ) -> pb.Peer:
        del context
        scope = self._scopes.of(optional(request, "tenant_id"))
        asset_id = parse_id(request.asset_id, unknown_asset(request.asset_id))
        found = await self._peers.find(scope, request.static_ilp_address, asset_id)
        return await self._filled(_message(*found))

    async def ListPeers(
        self, request: pb.ListPeersRequest, context: Context
    ) -> pb.ListPeersResponse:
        del context
        scope = self._scopes.of(optional(request, "tenant_id"))
        page, assets = await self._peers.page(scope, page_query(request.page))
        messages = [_message(peer, assets[peer.asset_id]) for peer in page.items]
        await fill_liquidity(self._ledger, messages)
        return pb.ListPeersResponse(peers=messages, page_info=page_info(page))

    async def UpdatePeer(self, request: pb.UpdatePeerRequest, context: Context) -> pb.Peer:
        del context
        scope = self._scopes.of(optional(request, "tenant_id"))
        peer_id = parse_id(request.id, unknown_peer(request.id))
        tokens = (
            list(request.incoming_auth_tokens.values)
            if request.HasField("incoming_auth_tokens")
            or "incoming_auth_tokens" in request.update_mask.paths
            else None
        )

        async def write(session: WriteSession) -> pb.Peer:
            changed = await self._peers.change(
                session, scope, peer_id, values=_changes(request), incoming_tokens=tokens
            )
            return _message(*changed)

        reply = await self._calls.mutate(
            request, pb.Peer, scope=scope.owner, key=request.idempotency_key, write=write
        )
        return await self._filled(reply)

    async def DeletePeer(self, request: pb.DeletePeerRequest, context: Context) -> pb.Peer:
        del context
        scope = self._scopes.of(optional(request, "tenant_id"))
        peer_id = parse_id(request.id, unknown_peer(request.id))

        async def prepare() -> Write[pb.Peer]:
            await self._peers.check_empty(scope, peer_id)
            return lambda session: _reply(self._peers.delete(session, scope, peer_id))

        reply = await self._calls.prepared(
            request,
            pb.Peer,
            scope=scope.owner,
            key=request.idempotency_key,
            prepare=prepare,
        )
        return await self._filled(reply)

    async def CreateOrUpdatePeerByUrl(
        self, request: pb.CreateOrUpdatePeerByUrlRequest, context: Context
    ) -> pb.Peer:
        del request, context
        raise unimplemented("PeerService.CreateOrUpdatePeerByUrl")

    async def _filled(self, message: pb.Peer) -> pb.Peer:
        await fill_liquidity(self._ledger, [message])
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
        fields["routes"] = list(request.routes.prefixes)
    return fields


def _masked(mask: set[str], *, given: set[str]) -> set[str]:
    """What a mask changes; raises InvalidArgument where a name is unknown or can't be cleared."""
    known = {*_PLAIN_FIELDS, "outgoing", "routes", "incoming_auth_tokens"}
    if unknown := mask - known:
        raise invalid_mask(f"{min(unknown)!r} is no field that can change")
    if missing := mask - given - _CLEARABLE:
        raise invalid_mask(f"{min(missing)!r} is named and not given, and can't be cleared")
    return mask


def _message(peer: Peer, asset: Asset) -> pb.Peer:
    return pb.Peer(
        id=str(peer.id),
        tenant_id=str(peer.tenant_id),
        asset=asset_message(asset),
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


async def _reply(work: Awaitable[tuple[Peer, Asset]]) -> pb.Peer:
    return _message(*await work)
