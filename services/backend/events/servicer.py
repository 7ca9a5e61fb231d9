"""EventService over gRPC."""

from typing import Final, Protocol
from uuid import UUID

from google.protobuf.message import Message
from grpc.aio import ServicerContext
from rafiki.admin.v1 import event_service_pb2 as pb
from rafiki.admin.v1.event_service_pb2_grpc import EventServiceServicer
from servicekit.commands import Commands, Replies, nothing_to_recover
from servicekit.idempotency import once_of
from servicekit.messages import optional, page_info, page_query, struct, timestamp

from services.backend.events.commands.replay_event import EventToReplay, ReplayEvent
from services.backend.events.errors import invalid_cursor, too_many, unknown_event
from services.backend.events.feed import EventFeed
from services.backend.events.model import DeliveryState, Event, EventDelivery, EventView
from services.backend.events.queries import EventQueries
from services.backend.tenants.scope import Scope, Scopes, parse_id

PULL_DEFAULT: Final = 100
PULL_MAX: Final = 1000
WAIT_MS_MAX: Final = 30_000
ANSWER_S: Final = 0.5
"""Kept of a caller's deadline for reading once more and answering."""
TYPES_MAX: Final = 100
CURSOR_MAX: Final = 2**63 - 1
_MS_PER_SECOND: Final = 1000
_STATES: Final = {
    DeliveryState.PENDING: pb.DELIVERY_STATE_PENDING,
    DeliveryState.DELIVERED: pb.DELIVERY_STATE_DELIVERED,
    DeliveryState.PARKED: pb.DELIVERY_STATE_PARKED,
}

Context = ServicerContext[object, object]


class WebhookTargets(Protocol):
    """Where a tenant's events go."""

    def url(self, tenant_id: UUID) -> str:
        """The tenant's own URL, or the operator's."""
        ...


class EventServicer(EventServiceServicer):
    """Translates; the decisions are in EventFeed, EventQueries and ReplayEvent."""

    def __init__(
        self,
        *,
        feed: EventFeed,
        queries: EventQueries,
        replay: ReplayEvent,
        targets: WebhookTargets,
        commands: Commands,
        scopes: Scopes,
    ) -> None:
        self._feed = feed
        self._queries = queries
        self._replay = replay
        self._targets = targets
        self._commands = commands
        self._scopes = scopes
        self._replies = Replies(
            message=pb.WebhookEvent, encode=self._message, recover=nothing_to_recover
        )

    async def PullEvents(
        self, request: pb.PullEventsRequest, context: Context
    ) -> pb.PullEventsResponse:
        if request.limit > PULL_MAX:
            raise too_many("limit", PULL_MAX)
        if request.wait_ms > WAIT_MS_MAX:
            raise too_many("wait_ms", WAIT_MS_MAX)
        if request.latest:
            return pb.PullEventsResponse(next_cursor=str(await self._feed.end()))
        cursor = parse_cursor(optional(request, "cursor"))
        events = await self._feed.pull(
            cursor,
            tenant_id=self._scope(request).filter,
            limit=request.limit or PULL_DEFAULT,
            wait_s=_wait_s(request.wait_ms, context),
        )
        last = events[-1].feed_position if events else cursor
        return pb.PullEventsResponse(
            events=[_event(event) for event in events],
            cursors=[str(event.feed_position) for event in events],
            next_cursor=str(last),
        )

    async def ListWebhookEvents(
        self, request: pb.ListWebhookEventsRequest, context: Context
    ) -> pb.ListWebhookEventsResponse:
        del context
        if len(request.types) > TYPES_MAX:
            raise too_many("types", TYPES_MAX)
        page, views = await self._queries.page(
            page_query(request.page),
            tenant_id=self._scope(request).filter,
            types=list(request.types),
        )
        return pb.ListWebhookEventsResponse(
            events=[self._message(view) for view in views], page_info=page_info(page)
        )

    async def GetWebhookEvent(
        self, request: pb.GetWebhookEventRequest, context: Context
    ) -> pb.WebhookEvent:
        del context
        event_id = parse_id(request.id, unknown_event(request.id))
        tenant_id = self._scope(request).filter
        return self._message(await self._queries.get(event_id, tenant_id=tenant_id))

    async def ReplayWebhookEvent(
        self, request: pb.ReplayWebhookEventRequest, context: Context
    ) -> pb.WebhookEvent:
        del context
        scope = self._scope(request)
        given = EventToReplay(
            event_id=parse_id(request.id, unknown_event(request.id)), tenant_id=scope.filter
        )
        once = once_of(request, scope=scope.owner, key=request.idempotency_key)
        return await self._commands.run_once(self._replay, given, once=once, replies=self._replies)

    def _scope(self, request: Message) -> Scope:
        return self._scopes.of(optional(request, "tenant_id"))

    def _message(self, view: EventView) -> pb.WebhookEvent:
        message = _event(view.event)
        # Deliveries keep no URL: each attempt goes to the one that is set then.
        url = self._targets.url(view.event.tenant_id)
        message.deliveries.extend(_delivery(delivery, url) for delivery in view.deliveries)
        return message


def _wait_s(wait_ms: int, context: Context) -> float:
    """How long to wait: as asked for, but an empty answer must still reach the caller in time."""
    wait_s = wait_ms / _MS_PER_SECOND
    remaining_s: float | None = context.time_remaining()
    return wait_s if remaining_s is None else min(wait_s, remaining_s - ANSWER_S)


def parse_cursor(text: str | None) -> int:
    """The place in the feed that a cursor stands for; raises InvalidArgument."""
    if text is None:
        return 0
    if not (text.isascii() and text.isdecimal()) or len(text) > len(str(CURSOR_MAX)):
        raise invalid_cursor()
    cursor = int(text)
    if cursor > CURSOR_MAX:
        raise invalid_cursor()
    return cursor


def _event(event: Event) -> pb.WebhookEvent:
    return pb.WebhookEvent(
        id=str(event.id),
        tenant_id=str(event.tenant_id),
        type=event.type,
        data=struct(event.data),
        created_at=timestamp(event.created_at),
    )


def _delivery(delivery: EventDelivery, url: str) -> pb.WebhookDelivery:
    message = pb.WebhookDelivery(
        id=str(delivery.id),
        url=url,
        state=_STATES[delivery.state],
        attempts=delivery.attempts,
        status_code=delivery.last_status,
        last_error=delivery.last_error,
    )
    if delivery.next_attempt_at is not None:
        message.next_attempt_at.CopyFrom(timestamp(delivery.next_attempt_at))
    return message
