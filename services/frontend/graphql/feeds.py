"""Subscriptions: what happens, as the feed of events tells it, without end."""

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Final, NamedTuple

from rafiki.admin.v1 import event_service_pb2, payment_service_pb2
from servicekit.errors import NotFound

from services.frontend.graphql.context import AdminContext
from services.frontend.graphql.filters import EVENT_TYPES, PAYMENT_TYPES, among, single
from services.frontend.graphql.requests import Convert, argument

WAIT_MS: Final = 5_000
"""How long one call waits for news; a process that ends is waited for as long."""
EVENTS_PER_CALL: Final = 100
_type: Final[Convert] = among("type", EVENT_TYPES)
_kind: Final[Convert] = among("type", PAYMENT_TYPES)
_wallet_address: Final[Convert] = single("walletAddressId")


class Notice(NamedTuple):
    """Something that happened, and where the feed goes on."""

    cursor: str
    message: Any


async def webhook_events(_root: Any, info: Any, **given: Any) -> AsyncIterator[Notice]:
    """Webhook events of some types."""
    types = _type(argument(given, "filter.type"))
    async for notice in _pull(info.context, given):
        if not types or notice.message.type in types:
            yield notice


async def payments(_root: Any, info: Any, **given: Any) -> AsyncIterator[Notice]:
    """Payments of some kinds or one wallet address, read again after each of their events."""
    context: AdminContext = info.context
    kinds = _kind(argument(given, "filter.type")) or PAYMENT_TYPES
    wallet_address_id = _wallet_address(argument(given, "filter.walletAddressId"))
    async for cursor, event in _pull(context, given):
        kind, _, rest = event.type.upper().partition("_PAYMENT.")
        if not rest or kind not in kinds:
            continue
        payment = await _payment(context, kind, event)
        if payment is not None and wallet_address_id in (None, payment.wallet_address_id):
            yield Notice(cursor, payment)


async def _payment(context: AdminContext, kind: str, event: Any) -> Any:
    request = (
        payment_service_pb2.GetIncomingPaymentRequest
        if kind == "INCOMING"
        else payment_service_pb2.GetOutgoingPaymentRequest
    )
    try:
        return await context.call(
            f"Get{kind.capitalize()}Payment",
            request(tenant_id=event.tenant_id, id=event.data["id"]),
        )
    except NotFound:
        return None


async def _pull(context: AdminContext, given: Mapping[str, Any]) -> AsyncIterator[Notice]:
    tenant_id, cursor = given.get("tenantId"), given.get("after")
    request = event_service_pb2.PullEventsRequest
    if cursor is None:
        end = await context.call("PullEvents", request(tenant_id=tenant_id, latest=True))
        cursor = end.next_cursor
    while not context.ending():
        reply = await context.call(
            "PullEvents",
            request(tenant_id=tenant_id, cursor=cursor, limit=EVENTS_PER_CALL, wait_ms=WAIT_MS),
        )
        for place, event in zip(reply.cursors, reply.events, strict=True):
            context.look_again()
            yield Notice(place, event)
        cursor = reply.next_cursor


SUBSCRIPTIONS: Final[Mapping[str, Callable[..., AsyncIterator[Notice]]]] = {
    "webhookEvents": webhook_events,
    "payments": payments,
}
