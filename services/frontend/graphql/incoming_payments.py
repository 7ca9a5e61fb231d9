"""Incoming payments: money that a wallet address expects."""
# ruff: noqa: A002 - arguments have the names that the schema gives them

from enum import Enum

import strawberry
from rafiki.admin.v1 import payment_service_pb2 as pb

from services.frontend.graphql.common import (
    Amount,
    AmountInput,
    BasePayment,
    FilterString,
    IdArgument,
    Model,
    amount,
    amount_message,
    documented,
    mutation,
    not_offered,
)
from services.frontend.graphql.context import Info
from services.frontend.graphql.paging import PageInfo, SortOrder, page_info, plan_page
from services.frontend.graphql.scalars import (
    JSONObject,
    UInt64,
    iso,
    optional,
    optional_iso,
    optional_json,
    struct,
    timestamp,
)
from services.frontend.graphql.tenants import Tenant, tenant_of

STATE_PREFIX = "INCOMING_PAYMENT_STATE_"


@strawberry.enum
class IncomingPaymentState(Enum):
    """How far an incoming payment is."""

    PENDING = "PENDING"
    PROCESSING = "PROCESSING"
    COMPLETED = "COMPLETED"
    EXPIRED = "EXPIRED"


@strawberry.type(description="Money that a wallet address expects.")
class IncomingPayment(BasePayment, Model):
    """Money that a wallet address expects."""

    id: strawberry.ID
    url: str
    wallet_address_id: strawberry.ID
    client: str | None
    state: IncomingPaymentState
    expires_at: str
    incoming_amount: Amount | None
    received_amount: Amount
    metadata: JSONObject | None
    created_at: str
    sender_wallet_address: str | None = strawberry.field(
        description="Always null: this node takes no card payments."
    )
    cancellation_reason: str | None
    cancelled_at: str | None
    tenant_id: strawberry.Private[str]

    @documented
    async def liquidity(self, info: Info) -> UInt64 | None:
        """What is received and not withdrawn yet."""
        return await payment_liquidity(info, self.id)

    @documented
    async def tenant(self, info: Info) -> Tenant | None:
        """The tenant that it belongs to."""
        return await tenant_of(info, self.tenant_id)


@strawberry.type
class IncomingPaymentEdge:
    """An incoming payment in a page."""

    node: IncomingPayment
    cursor: str


@strawberry.type
class IncomingPaymentConnection:
    """A page of incoming payments."""

    page_info: PageInfo
    edges: list[IncomingPaymentEdge]


@strawberry.input
class IncomingPaymentFilter:
    """Which incoming payments."""

    initiated_by: FilterString | None = None


@strawberry.input
class CreateIncomingPaymentInput:
    """A new incoming payment."""

    wallet_address_id: str
    expires_at: str | None = None
    metadata: JSONObject | None = None
    incoming_amount: AmountInput | None = None
    idempotency_key: str | None = None
    is_card_payment: bool | None = None
    sender_wallet_address: str | None = None


@strawberry.input
class UpdateIncomingPaymentInput:
    """New metadata."""

    id: strawberry.ID
    metadata: JSONObject


@strawberry.input
class ApproveIncomingPaymentInput:
    """Which payment."""

    id: strawberry.ID


@strawberry.input
class CancelIncomingPaymentInput:
    """Which payment, and why."""

    id: strawberry.ID
    cancellation_reason: str | None = None


@strawberry.input
class ConfirmPartialIncomingPaymentInput:
    """Which part of which payment."""

    incoming_payment_id: strawberry.ID
    partial_incoming_payment_id: strawberry.ID


@strawberry.input
class RejectPartialIncomingPaymentInput:
    """Which part of which payment, and why."""

    incoming_payment_id: strawberry.ID
    partial_incoming_payment_id: strawberry.ID
    reason: str | None = None


@strawberry.type
class IncomingPaymentResponse:
    """The payment as it is now."""

    payment: IncomingPayment | None


@strawberry.type
class ApproveIncomingPaymentResponse:
    """The payment as it is now."""

    payment: IncomingPayment | None


@strawberry.type
class CancelIncomingPaymentResponse:
    """The payment as it is now."""

    payment: IncomingPayment | None


@strawberry.type
class ConfirmPartialIncomingPaymentResponse:
    """Whether it is confirmed."""

    success: bool


@strawberry.type
class RejectPartialIncomingPaymentResponse:
    """Whether it is rejected."""

    success: bool


def incoming_payment_node(message: pb.IncomingPayment) -> IncomingPayment:
    """An incoming payment from the wire."""
    state = pb.IncomingPaymentState.Name(message.state).removeprefix(STATE_PREFIX)
    return IncomingPayment(
        id=strawberry.ID(message.id),
        url=message.url,
        wallet_address_id=strawberry.ID(message.wallet_address_id),
        client=optional(message, "client"),
        state=IncomingPaymentState[state],
        expires_at=iso(message.expires_at),
        incoming_amount=(
            amount(message.incoming_amount) if message.HasField("incoming_amount") else None
        ),
        received_amount=amount(message.received_amount),
        metadata=optional_json(message, "metadata"),
        created_at=iso(message.created_at),
        sender_wallet_address=None,
        cancellation_reason=optional(message, "cancellation_reason"),
        cancelled_at=optional_iso(message, "cancelled_at"),
        tenant_id=message.tenant_id,
    )


async def payment_liquidity(info: Info, account_id: str) -> UInt64 | None:
    """The balance of an account that was read under the caller's scope, asked for in batches."""
    found = await info.context.loaders.balances.load(account_id)
    return None if found is None else UInt64(found)


async def incoming_payments_page(
    info: Info,
    *,
    after: str | None,
    before: str | None,
    first: int | None,
    last: int | None,
    sort_order: SortOrder | None,
    tenant_id: str | None = None,
    wallet_address_id: str | None = None,
    payment_filter: IncomingPaymentFilter | None = None,
) -> IncomingPaymentConnection:
    """A page of incoming payments of all or one wallet address."""
    if payment_filter is not None and payment_filter.initiated_by is not None:
        raise not_offered("filters by initiator")
    page = plan_page(after=after, before=before, first=first, last=last, sort_order=sort_order)
    reply = await info.context.clients.payments.ListIncomingPayments(
        pb.ListIncomingPaymentsRequest(
            tenant_id=info.context.scope(tenant_id),
            page=page,
            wallet_address_id=wallet_address_id,
        )
    )
    return IncomingPaymentConnection(
        page_info=page_info(reply.page_info),
        edges=[
            IncomingPaymentEdge(node=incoming_payment_node(message), cursor=message.id)
            for message in reply.payments
        ],
    )


@strawberry.type
class IncomingPaymentQuery:
    """Reads of incoming payments."""

    @documented
    async def incoming_payment(self, info: Info, payment_id: IdArgument) -> IncomingPayment | None:
        """One incoming payment."""
        return incoming_payment_node(
            await info.context.clients.payments.GetIncomingPayment(
                pb.GetIncomingPaymentRequest(tenant_id=info.context.scope(), id=payment_id)
            )
        )

    @documented
    async def incoming_payments(
        self,
        info: Info,
        after: str | None = None,
        before: str | None = None,
        first: int | None = None,
        last: int | None = None,
        sort_order: SortOrder | None = None,
        filter: IncomingPaymentFilter | None = None,
        tenant_id: str | None = None,
    ) -> IncomingPaymentConnection:
        """Incoming payments."""
        return await incoming_payments_page(
            info,
            after=after,
            before=before,
            first=first,
            last=last,
            sort_order=sort_order,
            tenant_id=tenant_id,
            payment_filter=filter,
        )


@strawberry.type
class IncomingPaymentMutation:
    """Changes to incoming payments."""

    @mutation
    async def create_incoming_payment(
        self, info: Info, input: CreateIncomingPaymentInput
    ) -> IncomingPaymentResponse:
        """Create an incoming payment."""
        if input.is_card_payment or input.sender_wallet_address is not None:
            raise not_offered("card payments")
        message = await info.context.clients.payments.CreateIncomingPayment(
            pb.CreateIncomingPaymentRequest(
                tenant_id=info.context.scope(),
                wallet_address_id=input.wallet_address_id,
                incoming_amount=amount_message(input.incoming_amount),
                expires_at=timestamp(input.expires_at, "expiresAt"),
                metadata=struct(input.metadata),
                idempotency_key=info.context.key(input.idempotency_key),
            )
        )
        return IncomingPaymentResponse(payment=incoming_payment_node(message))

    @mutation
    async def update_incoming_payment(
        self, info: Info, input: UpdateIncomingPaymentInput
    ) -> IncomingPaymentResponse:
        """Replace an incoming payment's metadata."""
        message = await info.context.clients.payments.UpdateIncomingPayment(
            pb.UpdateIncomingPaymentRequest(
                tenant_id=info.context.scope(),
                id=input.id,
                metadata=struct(input.metadata),
                idempotency_key=info.context.key(),
            )
        )
        return IncomingPaymentResponse(payment=incoming_payment_node(message))

    @mutation
    async def approve_incoming_payment(
        self, info: Info, input: ApproveIncomingPaymentInput
    ) -> ApproveIncomingPaymentResponse:
        """Approve an incoming payment that waits for it."""
        message = await info.context.clients.payments.ApproveIncomingPayment(
            pb.ApproveIncomingPaymentRequest(
                tenant_id=info.context.scope(), id=input.id, idempotency_key=info.context.key()
            )
        )
        return ApproveIncomingPaymentResponse(payment=incoming_payment_node(message))

    @mutation
    async def cancel_incoming_payment(
        self, info: Info, input: CancelIncomingPaymentInput
    ) -> CancelIncomingPaymentResponse:
        """Cancel an incoming payment: it accepts no money from then on."""
        message = await info.context.clients.payments.CancelIncomingPayment(
            pb.CancelIncomingPaymentRequest(
                tenant_id=info.context.scope(),
                id=input.id,
                reason=input.cancellation_reason,
                idempotency_key=info.context.key(),
            )
        )
        return CancelIncomingPaymentResponse(payment=incoming_payment_node(message))

    @mutation
    async def confirm_partial_incoming_payment(
        self, info: Info, input: ConfirmPartialIncomingPaymentInput
    ) -> ConfirmPartialIncomingPaymentResponse:
        """Not offered: this node decides by itself what it accepts."""
        del info, input
        raise not_offered("decisions on partial payments")

    @mutation
    async def reject_partial_incoming_payment(
        self, info: Info, input: RejectPartialIncomingPaymentInput
    ) -> RejectPartialIncomingPaymentResponse:
        """Not offered: this node decides by itself what it accepts."""
        del info, input
        raise not_offered("decisions on partial payments")
