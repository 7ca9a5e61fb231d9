"""Incoming and outgoing payments in one list."""
# ruff: noqa: A002 - arguments have the names that the schema gives them

from collections.abc import Sequence
from enum import Enum

import strawberry
from rafiki.admin.v1 import payment_service_pb2 as pb
from rafiki.common.v1 import paging_pb2

from services.frontend.graphql.common import (
    BasePayment,
    FilterString,
    Model,
    chosen,
    documented,
    single,
)
from services.frontend.graphql.context import Info
from services.frontend.graphql.incoming_payments import STATE_PREFIX as INCOMING_PREFIX
from services.frontend.graphql.incoming_payments import payment_liquidity
from services.frontend.graphql.outgoing_payments import STATE_PREFIX as OUTGOING_PREFIX
from services.frontend.graphql.paging import PageInfo, SortOrder, page_info, plan_page
from services.frontend.graphql.scalars import JSONObject, UInt64, iso, optional, optional_json
from services.frontend.graphql.tenants import Tenant, tenant_of


@strawberry.enum
class PaymentType(Enum):
    """Which way the money goes."""

    INCOMING = "INCOMING"
    OUTGOING = "OUTGOING"


@strawberry.type(description="A payment of either kind, with what both have.")
class Payment(BasePayment, Model):
    """A payment of either kind, with what both have."""

    id: strawberry.ID
    type: PaymentType
    wallet_address_id: strawberry.ID
    client: str | None
    state: str
    metadata: JSONObject | None
    created_at: str
    tenant_id: strawberry.Private[str]

    @documented
    async def liquidity(self, info: Info) -> UInt64 | None:
        """The balance of the payment's account."""
        return await payment_liquidity(info, self.id)

    @documented
    async def tenant(self, info: Info) -> Tenant | None:
        """The tenant that it belongs to."""
        return await tenant_of(info, self.tenant_id)


@strawberry.type
class PaymentEdge:
    """A payment in a page."""

    node: Payment
    cursor: str


@strawberry.type
class PaymentConnection:
    """A page of payments."""

    page_info: PageInfo
    edges: list[PaymentEdge]


@strawberry.input
class PaymentFilter:
    """Which payments."""

    type: FilterString | None = None
    wallet_address_id: FilterString | None = None


def payment_node(message: pb.IncomingPayment | pb.OutgoingPayment) -> Payment:
    """A payment of either kind from the wire."""
    if isinstance(message, pb.IncomingPayment):
        kind = PaymentType.INCOMING
        state = pb.IncomingPaymentState.Name(message.state).removeprefix(INCOMING_PREFIX)
    else:
        kind = PaymentType.OUTGOING
        state = pb.OutgoingPaymentState.Name(message.state).removeprefix(OUTGOING_PREFIX)
    return Payment(
        id=strawberry.ID(message.id),
        type=kind,
        wallet_address_id=strawberry.ID(message.wallet_address_id),
        client=optional(message, "client"),
        state=state,
        metadata=optional_json(message, "metadata"),
        created_at=iso(message.created_at),
        tenant_id=message.tenant_id,
    )


_Payments = Sequence[pb.IncomingPayment | pb.OutgoingPayment]


async def _list(
    info: Info,
    *,
    types: list[str],
    tenant_id: str | None,
    page: paging_pb2.PageRequest,
    wallet_address_id: str | None,
) -> tuple[_Payments, paging_pb2.PageInfo]:
    """One kind has a list of its own; both are in the combined one."""
    payments = info.context.clients.payments
    if types == [PaymentType.INCOMING.value]:
        incoming = await payments.ListIncomingPayments(
            pb.ListIncomingPaymentsRequest(
                tenant_id=tenant_id, page=page, wallet_address_id=wallet_address_id
            )
        )
        return incoming.payments, incoming.page_info
    if types == [PaymentType.OUTGOING.value]:
        outgoing = await payments.ListOutgoingPayments(
            pb.ListOutgoingPaymentsRequest(
                tenant_id=tenant_id, page=page, wallet_address_id=wallet_address_id
            )
        )
        return outgoing.payments, outgoing.page_info
    both = await payments.ListPayments(
        pb.ListPaymentsRequest(tenant_id=tenant_id, page=page, wallet_address_id=wallet_address_id)
    )
    return [
        item.incoming if item.HasField("incoming") else item.outgoing for item in both.payments
    ], both.page_info


@strawberry.type
class PaymentQuery:
    """Reads of payments of both kinds."""

    @documented
    async def payments(
        self,
        info: Info,
        after: str | None = None,
        before: str | None = None,
        first: int | None = None,
        last: int | None = None,
        sort_order: SortOrder | None = None,
        filter: PaymentFilter | None = None,
        tenant_id: str | None = None,
    ) -> PaymentConnection:
        """Incoming and outgoing payments."""
        wanted = filter or PaymentFilter()
        page = plan_page(after=after, before=before, first=first, last=last, sort_order=sort_order)
        found, where = await _list(
            info,
            types=chosen(wanted.type, "type", tuple(PaymentType.__members__)),
            tenant_id=info.context.scope(tenant_id),
            page=page,
            wallet_address_id=single(wanted.wallet_address_id, "walletAddressId"),
        )
        return PaymentConnection(
            page_info=page_info(where),
            edges=[PaymentEdge(node=payment_node(message), cursor=message.id) for message in found],
        )
