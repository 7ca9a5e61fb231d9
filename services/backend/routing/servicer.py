"""RoutingService over gRPC."""

from datetime import UTC, datetime
from uuid import UUID

from google.protobuf.message import Message
from grpc.aio import ServicerContext
from ilpkit.errors import ProtocolError
from ilpkit.money import U64_MAX, Asset, Ratio
from rafiki.common.v1 import money_pb2
from rafiki.routing.v1 import routing_service_pb2 as pb
from rafiki.routing.v1.routing_service_pb2_grpc import RoutingServiceServicer
from servicekit.errors import FailedPrecondition, InvalidArgument
from servicekit.messages import optional, timestamp, to_amount

from services.backend.directory.model import OwnRoute, PeerRoute
from services.backend.routing.service import RoutingService
from services.backend.tenants.scope import Scopes

_MS_PER_SECOND = 1000

Context = ServicerContext[object, object]


class RoutingServicer(RoutingServiceServicer):
    """Translates; the decisions are in RoutingService."""

    def __init__(self, *, routing: RoutingService, scopes: Scopes) -> None:
        self._routing = routing
        self._scopes = scopes

    async def ListRoutes(
        self, request: pb.ListRoutesRequest, context: Context
    ) -> pb.ListRoutesResponse:
        del context
        routes = self._routing.routes(self._tenant_id(request))
        return pb.ListRoutesResponse(routes=[_route(route) for route in routes])

    async def ResolveRoute(
        self, request: pb.ResolveRouteRequest, context: Context
    ) -> pb.ResolveRouteResponse:
        del context
        route = self._routing.resolve(self._tenant_id(request), request.destination)
        return pb.ResolveRouteResponse(
            route=_route(route) if isinstance(route, PeerRoute) else None,
            local=isinstance(route, OwnRoute),
        )

    async def ExplainRoute(
        self, request: pb.ExplainRouteRequest, context: Context
    ) -> pb.ExplainRouteResponse:
        del context
        amount = optional(request, "amount")
        explanation = await self._routing.explain(
            self._tenant_id(request),
            request.destination,
            None if amount is None else to_amount(amount),
        )
        return pb.ExplainRouteResponse(steps=explanation.steps, deliverable=explanation.deliverable)

    async def GetRate(self, request: pb.GetRateRequest, context: Context) -> pb.GetRateResponse:
        del context
        base, counter = _asset("base", request.base), _asset("counter", request.counter)
        current = await self._routing.rate(self._tenant_id(request), base, counter)
        fetched_at = datetime.fromtimestamp(current.fetched_at_ms / _MS_PER_SECOND, UTC)
        return pb.GetRateResponse(
            rate=ratio_message(current.rate), fetched_at=timestamp(fetched_at)
        )

    def _tenant_id(self, request: Message) -> UUID:
        return self._scopes.of(optional(request, "tenant_id")).owner


def ratio_message(rate: Ratio) -> money_pb2.Ratio:
    """An exact rate for the wire; raises FailedPrecondition for one that it can't carry."""
    if max(rate.numerator, rate.denominator) > U64_MAX:
        raise FailedPrecondition(
            "RATE_UNAVAILABLE", "the exact rate does not fit into two numbers of 64 bits"
        )
    return money_pb2.Ratio(numerator=rate.numerator, denominator=rate.denominator)


def _route(route: PeerRoute) -> pb.Route:
    unit = route.entry.asset.unit
    return pb.Route(
        prefix=route.prefix,
        peer_id=str(route.entry.peer.id),
        asset=money_pb2.Asset(code=unit.code, scale=unit.scale),
    )


def _asset(field: str, message: money_pb2.Asset) -> Asset:
    try:
        return Asset(message.code, message.scale)
    except ProtocolError as error:
        raise InvalidArgument("INVALID_FIELD", str(error), field=field) from None
