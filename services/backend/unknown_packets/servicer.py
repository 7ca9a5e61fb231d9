"""UnknownPacketService over gRPC."""

from datetime import datetime

from rafiki.admin.v1 import unknown_packet_service_pb2 as pb
from rafiki.admin.v1.unknown_packet_service_pb2_grpc import UnknownPacketServiceServicer
from servicekit.clock import Clock
from servicekit.commands import Commands, Replies, nothing_to_recover
from servicekit.errors import InvalidArgument
from servicekit.idempotency import once_of
from servicekit.messages import amount, optional, page_info, page_query, timestamp

from services.backend.assets.model import Asset
from services.backend.callers.context import Context
from services.backend.tenants.scope import Scopes, parse_id, parse_uuid
from services.backend.unknown_packets.commands.resolve_packet import (
    PacketToResolve,
    ResolvePacket,
)
from services.backend.unknown_packets.errors import no_such_packet
from services.backend.unknown_packets.model import PacketView, Resolution, UnknownPacket
from services.backend.unknown_packets.queries import UnknownPacketQueries

_RESOLUTIONS = {
    pb.UNKNOWN_PACKET_RESOLUTION_PEER: Resolution.PEER,
    pb.UNKNOWN_PACKET_RESOLUTION_SOURCE: Resolution.SOURCE,
}
_ON_THE_WIRE = {resolution: value for value, resolution in _RESOLUTIONS.items()}


class UnknownPacketServicer(UnknownPacketServiceServicer):
    """Translates; the decisions are in ResolvePacket and UnknownPacketQueries."""

    def __init__(
        self,
        *,
        queries: UnknownPacketQueries,
        resolve: ResolvePacket,
        commands: Commands,
        scopes: Scopes,
        clock: Clock,
    ) -> None:
        self._queries = queries
        self._resolve = resolve
        self._commands = commands
        self._scopes = scopes
        self._clock = clock
        self._replies = Replies(
            message=pb.UnknownPacket, encode=self._viewed, recover=nothing_to_recover
        )

    async def ListUnknownPackets(
        self, request: pb.ListUnknownPacketsRequest, context: Context
    ) -> pb.ListUnknownPacketsResponse:
        del context
        peer_id = optional(request, "peer_id")
        page, assets = await self._queries.page(
            self._scopes.of(optional(request, "tenant_id")),
            page_query(request.page),
            peer_id=None if peer_id is None else parse_uuid(peer_id, "peer_id"),
            open_only=not request.include_resolved,
        )
        now = self._clock.now()
        return pb.ListUnknownPacketsResponse(
            packets=[_message(each, assets[each.asset_id], now) for each in page.items],
            page_info=page_info(page),
        )

    async def ResolveUnknownPacket(
        self, request: pb.ResolveUnknownPacketRequest, context: Context
    ) -> pb.UnknownPacket:
        del context
        scope = self._scopes.of(optional(request, "tenant_id"))
        entry_id = parse_id(request.id, no_such_packet(request.id))
        resolution = _RESOLUTIONS.get(request.resolution)
        if resolution is None:
            raise InvalidArgument(
                "INVALID_FIELD", "resolution is PEER or SOURCE", field="resolution"
            )

        given = PacketToResolve(scope=scope, entry_id=entry_id, resolution=resolution)
        once = once_of(request, scope=scope.owner, key=request.idempotency_key)
        return await self._commands.run_once(self._resolve, given, once=once, replies=self._replies)

    def _viewed(self, view: PacketView) -> pb.UnknownPacket:
        return _message(view.packet, view.asset, self._clock.now())


def _message(packet: UnknownPacket, asset: Asset, now: datetime) -> pb.UnknownPacket:
    age = (packet.resolved_at or now) - packet.reserved_at
    return pb.UnknownPacket(
        id=str(packet.id),
        tenant_id=str(packet.tenant_id),
        peer_id=str(packet.peer_id),
        request_id=str(packet.packet_id),
        outgoing_payment_id=_text(packet.outgoing_payment_id),
        incoming_peer_id=_text(packet.incoming_peer_id),
        amount=amount(packet.amount, asset.unit),
        sent_at=timestamp(packet.reserved_at),
        entered_at=timestamp(packet.entered_at),
        age_seconds=max(int(age.total_seconds()), 0),
        resolution=(
            pb.UNKNOWN_PACKET_RESOLUTION_UNSPECIFIED
            if packet.resolution is None
            else _ON_THE_WIRE[packet.resolution]
        ),
        resolved_at=None if packet.resolved_at is None else timestamp(packet.resolved_at),
    )


def _text(value: object | None) -> str | None:
    return None if value is None else str(value)
