"""Subscriptions: events and payments as they happen, over server-sent events."""

import asyncio
import json
from typing import Any

from rafiki.admin.v1 import event_service_pb2 as pb
from servicekit.errors import NotFound, Unavailable

from tests.support import admin_messages as messages
from tests.support.admin_edge import AdminEdge
from tests.support.admin_messages import TENANT, uuid

EVENTS = """subscription ($after: String, $filter: WebhookEventFilter) {
    webhookEvents(after: $after, filter: $filter) { cursor event { type data } } }"""
PAYMENTS = """subscription ($filter: PaymentFilter) {
    payments(filter: $filter, after: "0") { payment { id type state tenant { id } } } }"""


def event(kind: str, payment: int) -> pb.WebhookEvent:
    made = messages.event()
    made.type = kind
    made.data.update({"id": uuid(payment)})
    return made


def feed(edge: AdminEdge, *events: pb.WebhookEvent) -> None:
    """A feed that begins at 7, has these events, and then the process that reads it is to end."""

    def pull(request: pb.PullEventsRequest) -> pb.PullEventsResponse:
        if request.latest:
            return pb.PullEventsResponse(next_cursor="7")
        if request.cursor == "end":
            edge.checks.draining = True
            return pb.PullEventsResponse(next_cursor="end")
        cursors = [f"{request.cursor}.{number}" for number in range(len(events))]
        return pb.PullEventsResponse(events=events, cursors=cursors, next_cursor="end")

    edge.services.on("PullEvents", pull)


async def listen(
    edge: AdminEdge,
    query: str,
    *,
    tenant_id: str = messages.OPERATOR,
    leaves: asyncio.Event | None = None,
    **variables: Any,
) -> tuple[int, str]:
    """The status and text of a stream that is read until it ends, or the client leaves."""
    body = json.dumps({"query": query, "variables": variables}).encode()
    signed = edge.signed(body, tenant_id) | {"accept": "text/event-stream"}
    pending = [{"type": "http.request", "body": body}]
    sent: list[Any] = []

    async def receive() -> Any:
        if pending:
            return pending.pop()
        await (leaves or asyncio.Event()).wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(name.encode(), value.encode()) for name, value in signed.items()]
    scope = {"type": "http", "method": "POST", "path": "/graphql", "headers": headers}
    await edge.browser.app(scope, receive, send)
    return sent[0]["status"], b"".join(one.get("body", b"") for one in sent).decode()


def told(text: str, name: str) -> list[Any]:
    """The data of each answer of a stream that ended as it should."""
    *answers, end = text.strip().split("\r\n\r\n")
    assert end.startswith("event: complete")
    found = [json.loads(one.removeprefix("event: next\r\ndata: ")) for one in answers]
    assert all("errors" not in one for one in found), found
    return [one["data"][name] for one in found]


async def test_events_are_told_from_now_on_with_where_to_go_on(edge: AdminEdge) -> None:
    feed(edge, event("outgoing_payment.created", 1), event("incoming_payment.created", 2))
    status, text = await listen(edge, EVENTS)
    assert status == 200
    assert [(one["cursor"], one["event"]["type"]) for one in told(text, "webhookEvents")] == [
        ("7.0", "outgoing_payment.created"),
        ("7.1", "incoming_payment.created"),
    ]


async def test_events_are_told_after_a_cursor_and_of_some_types(edge: AdminEdge) -> None:
    feed(edge, event("outgoing_payment.created", 1), event("incoming_payment.created", 2))
    wanted = {"type": {"in": ["incoming_payment.created"]}}
    _, text = await listen(edge, EVENTS, tenant_id=TENANT, after="3", filter=wanted)
    assert [one["cursor"] for one in told(text, "webhookEvents")] == ["3.1"]
    assert {request.tenant_id for request in edge.services.requests("PullEvents")} == {TENANT}


async def test_payments_are_told_as_they_are_after_each_of_their_events(edge: AdminEdge) -> None:
    feed(
        edge,
        event("incoming_payment.completed", 1),
        event("outgoing_payment.failed", 2),
        event("outgoing_payment.funded", 3),
        event("asset.liquidity_low", 4),
    )

    def outgoing(request: Any) -> Any:
        if request.id == uuid(2):
            raise NotFound("UNKNOWN_PAYMENT", "unknown")
        return messages.outgoing_payment(3)

    edge.services.on("GetIncomingPayment", messages.incoming_payment(1))
    edge.services.on("GetOutgoingPayment", outgoing)
    edge.services.on("GetTenant", lambda request: messages.tenant(request.id))
    _, text = await listen(edge, PAYMENTS)
    shown = [one["payment"] for one in told(text, "payments")]
    assert [(one["id"], one["type"]) for one in shown] == [
        (uuid(1), "INCOMING"),
        (uuid(3), "OUTGOING"),
    ]
    # What was looked up for one answer is not kept for the next.
    assert len(edge.services.requests("GetTenant")) == 2


async def test_payments_are_filtered(edge: AdminEdge) -> None:
    feed(edge, event("incoming_payment.completed", 1), event("outgoing_payment.funded", 3))
    edge.services.on("GetIncomingPayment", messages.incoming_payment(1))
    edge.services.on("GetOutgoingPayment", messages.outgoing_payment(3))
    edge.services.on("GetTenant", lambda request: messages.tenant(request.id))
    _, text = await listen(edge, PAYMENTS, filter={"type": {"in": ["OUTGOING"]}})
    assert [one["payment"]["id"] for one in told(text, "payments")] == [uuid(3)]
    edge.checks.draining = False
    _, text = await listen(edge, PAYMENTS, filter={"walletAddressId": {"in": ["another"]}})
    assert told(text, "payments") == []


async def test_a_stream_ends_when_its_client_leaves(edge: AdminEdge) -> None:
    leaves = asyncio.Event()

    def pull(request: pb.PullEventsRequest) -> pb.PullEventsResponse:
        leaves.set()
        return pb.PullEventsResponse(next_cursor="7")

    edge.services.on("PullEvents", pull)
    status, text = await listen(edge, EVENTS, leaves=leaves)
    assert (status, text) == (200, "")


async def test_a_backend_that_goes_away_ends_the_stream_with_an_error(edge: AdminEdge) -> None:
    edge.services.on("PullEvents", Unavailable("UNAVAILABLE", "away"))
    _, text = await listen(edge, EVENTS)
    assert '"code":"TIMEOUT"' in text


async def test_a_subscription_needs_a_client_that_takes_events(edge: AdminEdge) -> None:
    assert await edge.code(EVENTS) == "BAD_USER_INPUT"
    assert edge.services.requests("PullEvents") == []


async def test_a_wrong_filter_is_refused(edge: AdminEdge) -> None:
    _, text = await listen(edge, EVENTS, filter={"type": {"in": ["nothing.happened"]}})
    assert "BAD_USER_INPUT" in text
