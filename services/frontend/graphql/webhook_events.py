"""Webhook events: what the node told the account servicing entity."""
# ruff: noqa: A002 - arguments have the names that the schema gives them

from typing import Final

import strawberry
from rafiki.admin.v1 import event_service_pb2 as pb

from services.frontend.graphql.common import FilterString, Model, chosen, documented
from services.frontend.graphql.context import Info
from services.frontend.graphql.paging import PageInfo, SortOrder, page_info, plan_page
from services.frontend.graphql.scalars import JSONObject, iso, json_object
from services.frontend.graphql.tenants import Tenant, tenant_of

EVENT_TYPES: Final = (
    "incoming_payment.created",
    "incoming_payment.completed",
    "incoming_payment.expired",
    "incoming_payment.partial_payment_received",
    "outgoing_payment.created",
    "outgoing_payment.completed",
    "outgoing_payment.failed",
    "outgoing_payment.funded",
    "outgoing_payment.cancelled",
    "wallet_address.not_found",
    "wallet_address.web_monetization",
    "asset.liquidity_low",
    "peer.liquidity_low",
)


@strawberry.type(description="What the node told the account servicing entity.")
class WebhookEvent(Model):
    """What the node told the account servicing entity."""

    id: strawberry.ID
    type: str
    data: JSONObject
    created_at: str
    tenant_id: strawberry.Private[str]

    @documented
    async def tenant(self, info: Info) -> Tenant | None:
        """The tenant that it belongs to."""
        return await tenant_of(info, self.tenant_id)


@strawberry.type
class WebhookEventsEdge:
    """An event in a page."""

    node: WebhookEvent
    cursor: str


@strawberry.type
class WebhookEventsConnection:
    """A page of events."""

    page_info: PageInfo
    edges: list[WebhookEventsEdge]


@strawberry.input
class WebhookEventFilter:
    """Which events."""

    type: FilterString | None = None


def webhook_event_node(message: pb.WebhookEvent) -> WebhookEvent:
    """An event from the wire."""
    return WebhookEvent(
        id=strawberry.ID(message.id),
        type=message.type,
        data=json_object(message.data),
        created_at=iso(message.created_at),
        tenant_id=message.tenant_id,
    )


@strawberry.type
class WebhookEventQuery:
    """Reads of webhook events."""

    @documented
    async def webhook_events(
        self,
        info: Info,
        after: str | None = None,
        before: str | None = None,
        first: int | None = None,
        last: int | None = None,
        sort_order: SortOrder | None = None,
        filter: WebhookEventFilter | None = None,
        tenant_id: str | None = None,
    ) -> WebhookEventsConnection:
        """Webhook events."""
        page = plan_page(after=after, before=before, first=first, last=last, sort_order=sort_order)
        reply = await info.context.clients.events.ListWebhookEvents(
            pb.ListWebhookEventsRequest(
                tenant_id=info.context.scope(tenant_id),
                page=page,
                types=chosen(None if filter is None else filter.type, "type", EVENT_TYPES),
            )
        )
        return WebhookEventsConnection(
            page_info=page_info(reply.page_info),
            edges=[
                WebhookEventsEdge(node=webhook_event_node(message), cursor=message.id)
                for message in reply.events
            ],
        )
