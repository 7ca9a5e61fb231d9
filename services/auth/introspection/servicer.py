"""IntrospectionService over gRPC."""

import json
from collections.abc import AsyncIterator
from typing import cast

from grpc.aio import ServicerContext
from ilpkit.openpayments.access import AccessType, Action, AskedAccess, Limits
from pydantic import ValidationError
from rafiki.introspection.v1 import introspection_service_pb2 as pb
from rafiki.introspection.v1.introspection_service_pb2_grpc import IntrospectionServiceServicer
from servicekit.clock import Clock
from servicekit.errors import InvalidArgument
from servicekit.messages import optional

from services.auth.gnap.messages import access_messages, client_message, to_json
from services.auth.introspection.queries import TokenIntrospection
from services.auth.introspection.revocations import RevocationNotices
from services.auth.tokens.ended import EVERY_GRANT

ASKED_ITEMS_MAX = 16

Context = ServicerContext[object, object]


class IntrospectionServicer(IntrospectionServiceServicer):
    """Translates; the decision is in TokenIntrospection."""

    def __init__(
        self, *, introspection: TokenIntrospection, notices: RevocationNotices, clock: Clock
    ) -> None:
        self._introspection = introspection
        self._notices = notices
        self._clock = clock

    async def Introspect(
        self, request: pb.IntrospectRequest, context: Context
    ) -> pb.IntrospectResponse:
        del context
        if len(request.access) > ASKED_ITEMS_MAX:
            raise InvalidArgument(
                "INVALID_FIELD", f"access has at most {ASKED_ITEMS_MAX} items", field="access"
            )
        asked = [_asked(item) for item in request.access]
        found = await self._introspection.introspect(request.access_token, asked)
        if found is None:
            return pb.IntrospectResponse(active=False)
        return pb.IntrospectResponse(
            active=True,
            grant=str(found.grant_id),
            access=access_messages(found.access),
            client=client_message(found.client),
            tenant_id=str(found.tenant_id),
            expires_in=int((found.expires_at - self._clock.now()).total_seconds()),
        )

    async def WatchRevocations(
        self, request: pb.WatchRevocationsRequest, context: Context
    ) -> AsyncIterator[pb.WatchRevocationsResponse]:
        del request, context
        async for grants in self._notices.watch():
            every = EVERY_GRANT in grants
            yield pb.WatchRevocationsResponse(grants=() if every else grants, all=every)


def _asked(item: pb.Access) -> AskedAccess:
    """What is asked; a type or action that nobody grants is no error, it is just not covered."""
    limits = None
    if item.HasField("limits"):
        try:
            limits = Limits.model_validate_json(_json(item.limits))
        except ValidationError:
            raise InvalidArgument(
                "INVALID_FIELD", "limits are malformed", field="access.limits"
            ) from None
    return AskedAccess(
        type=cast("AccessType", item.type),
        actions=cast("frozenset[Action]", frozenset(item.actions)),
        identifier=optional(item, "identifier"),
        limits=limits,
    )


def _json(limits: pb.Limits) -> str:
    return json.dumps(to_json(limits))
