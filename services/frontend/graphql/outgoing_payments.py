"""Outgoing payments: money that a wallet address sends."""
# ruff: noqa: A002 - arguments have the names that the schema gives them

from enum import Enum

import strawberry
from rafiki.admin.v1 import payment_service_pb2 as pb
from servicekit.errors import NotFound

from services.frontend.graphql.common import (
    Amount,
    AmountInput,
    BasePayment,
    FilterString,
    IdArgument,
    Model,
    amount,
    amount_message,
    chosen,
    documented,
    mutation,
    not_offered,
    single,
)
from services.frontend.graphql.context import Info
from services.frontend.graphql.incoming_payments import payment_liquidity
from services.frontend.graphql.paging import PageInfo, SortOrder, page_info, plan_page
from services.frontend.graphql.quotes import Quote, quote_node
from services.frontend.graphql.scalars import (
    JSONObject,
    UInt64,
    iso,
    optional,
    optional_json,
    struct,
)
from services.frontend.graphql.tenants import Tenant, tenant_of

STATE_PREFIX = "OUTGOING_PAYMENT_STATE_"


@strawberry.enum
class OutgoingPaymentState(Enum):
    """How far an outgoing payment is."""

    FUNDING = "FUNDING"
    SENDING = "SENDING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


@strawberry.enum
class CardPaymentFailureReason(Enum):
    """Why a card payment failed."""

    invalid_signature = "invalid_signature"
    invalid_request = "invalid_request"


@strawberry.type(description="Money that a wallet address sends.")
class OutgoingPayment(BasePayment, Model):
    """Money that a wallet address sends."""

    id: strawberry.ID
    wallet_address_id: strawberry.ID
    client: str | None
    state: OutgoingPaymentState
    error: str | None
    state_attempts: int
    debit_amount: Amount
    receive_amount: Amount
    receiver: str
    metadata: JSONObject | None
    sent_amount: Amount
    created_at: str
    grant_id: str | None
    tenant_id: strawberry.Private[str]

    @documented
    async def quote(self, info: Info) -> Quote | None:
        """The quote that it was created from, which has the same id."""
        try:
            message = await info.context.clients.payments.GetQuote(
                pb.GetQuoteRequest(tenant_id=info.context.scope(), id=self.id)
            )
        except NotFound:
            return None
        return quote_node(message)

    @documented
    async def liquidity(self, info: Info) -> UInt64 | None:
        """What is funded and neither sent nor withdrawn yet."""
        return await payment_liquidity(info, self.id)

    @documented
    async def tenant(self, info: Info) -> Tenant | None:
        """The tenant that it belongs to."""
        return await tenant_of(info, self.tenant_id)


@strawberry.type
class OutgoingPaymentEdge:
    """An outgoing payment in a page."""

    node: OutgoingPayment
    cursor: str


@strawberry.type
class OutgoingPaymentConnection:
    """A page of outgoing payments."""

    page_info: PageInfo
    edges: list[OutgoingPaymentEdge]


@strawberry.input
class OutgoingPaymentFilter:
    """Which outgoing payments."""

    receiver: FilterString | None = None
    wallet_address_id: FilterString | None = None
    state: FilterString | None = None


@strawberry.input
class CreateOutgoingPaymentInput:
    """A new outgoing payment."""

    wallet_address_id: str
    quote_id: str
    metadata: JSONObject | None = None
    idempotency_key: str | None = None


@strawberry.input
class CardDetailsInput:
    """A card and its request."""

    data: JSONObject
    request_id: str
    initiated_at: str


@strawberry.input
class CreateOutgoingPaymentFromIncomingPaymentInput:
    """A new outgoing payment to an incoming payment."""

    wallet_address_id: str
    incoming_payment: str
    debit_amount: AmountInput | None = None
    metadata: JSONObject | None = None
    idempotency_key: str | None = None
    card_details: CardDetailsInput | None = None


@strawberry.input
class CancelOutgoingPaymentInput:
    """Which payment, and why."""

    id: strawberry.ID
    reason: str | None = None
    card_payment_failure_reason: CardPaymentFailureReason | None = None


@strawberry.type
class OutgoingPaymentResponse:
    """The payment as it is now."""

    payment: OutgoingPayment | None


def outgoing_payment_node(message: pb.OutgoingPayment) -> OutgoingPayment:
    """An outgoing payment from the wire."""
    state = pb.OutgoingPaymentState.Name(message.state).removeprefix(STATE_PREFIX)
    return OutgoingPayment(
        id=strawberry.ID(message.id),
        wallet_address_id=strawberry.ID(message.wallet_address_id),
        client=optional(message, "client"),
        state=OutgoingPaymentState[state],
        error=optional(message, "error"),
        state_attempts=message.state_attempts,
        debit_amount=amount(message.debit_amount),
        receive_amount=amount(message.receive_amount),
        receiver=message.receiver,
        metadata=optional_json(message, "metadata"),
        sent_amount=amount(message.sent_amount),
        created_at=iso(message.created_at),
        grant_id=optional(message, "grant_id"),
        tenant_id=message.tenant_id,
    )


async def outgoing_payments_page(
    info: Info,
    *,
    after: str | None,
    before: str | None,
    first: int | None,
    last: int | None,
    sort_order: SortOrder | None,
    tenant_id: str | None = None,
    wallet_address_id: str | None = None,
    payment_filter: OutgoingPaymentFilter | None = None,
) -> OutgoingPaymentConnection:
    """A page of outgoing payments of all or one wallet address."""
    wanted = payment_filter or OutgoingPaymentFilter()
    page = plan_page(after=after, before=before, first=first, last=last, sort_order=sort_order)
    states = chosen(wanted.state, "state", tuple(OutgoingPaymentState.__members__))
    reply = await info.context.clients.payments.ListOutgoingPayments(
        pb.ListOutgoingPaymentsRequest(
            tenant_id=info.context.scope(tenant_id),
            page=page,
            wallet_address_id=wallet_address_id
            or single(wanted.wallet_address_id, "walletAddressId"),
            receiver=single(wanted.receiver, "receiver"),
            states=[pb.OutgoingPaymentState.Value(STATE_PREFIX + state) for state in states],
        )
    )
    return OutgoingPaymentConnection(
        page_info=page_info(reply.page_info),
        edges=[
            OutgoingPaymentEdge(node=outgoing_payment_node(message), cursor=message.id)
            for message in reply.payments
        ],
    )


@strawberry.type
class OutgoingPaymentQuery:
    """Reads of outgoing payments."""

    @documented
    async def outgoing_payment(self, info: Info, payment_id: IdArgument) -> OutgoingPayment | None:
        """One outgoing payment."""
        return outgoing_payment_node(
            await info.context.clients.payments.GetOutgoingPayment(
                pb.GetOutgoingPaymentRequest(tenant_id=info.context.scope(), id=payment_id)
            )
        )

    @documented
    async def outgoing_payments(
        self,
        info: Info,
        after: str | None = None,
        before: str | None = None,
        first: int | None = None,
        last: int | None = None,
        sort_order: SortOrder | None = None,
        filter: OutgoingPaymentFilter | None = None,
        tenant_id: str | None = None,
    ) -> OutgoingPaymentConnection:
        """Outgoing payments."""
        return await outgoing_payments_page(
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
class OutgoingPaymentMutation:
    """Changes to outgoing payments."""

    @mutation
    async def create_outgoing_payment(
        self, info: Info, input: CreateOutgoingPaymentInput
    ) -> OutgoingPaymentResponse:
        """Create an outgoing payment from a quote."""
        message = await info.context.clients.payments.CreateOutgoingPayment(
            pb.CreateOutgoingPaymentRequest(
                tenant_id=info.context.scope(),
                wallet_address_id=input.wallet_address_id,
                quote_id=input.quote_id,
                metadata=struct(input.metadata),
                idempotency_key=info.context.key(input.idempotency_key),
            )
        )
        return OutgoingPaymentResponse(payment=outgoing_payment_node(message))

    @mutation
    async def create_outgoing_payment_from_incoming_payment(
        self, info: Info, input: CreateOutgoingPaymentFromIncomingPaymentInput
    ) -> OutgoingPaymentResponse:
        """Price a payment to an incoming payment and create it."""
        if input.card_details is not None:
            raise not_offered("card payments")
        message = await info.context.clients.payments.CreateOutgoingPaymentFromIncomingPayment(
            pb.CreateOutgoingPaymentFromIncomingPaymentRequest(
                tenant_id=info.context.scope(),
                wallet_address_id=input.wallet_address_id,
                incoming_payment=input.incoming_payment,
                debit_amount=amount_message(input.debit_amount),
                metadata=struct(input.metadata),
                idempotency_key=info.context.key(input.idempotency_key),
            )
        )
        return OutgoingPaymentResponse(payment=outgoing_payment_node(message))

    @mutation
    async def cancel_outgoing_payment(
        self, info: Info, input: CancelOutgoingPaymentInput
    ) -> OutgoingPaymentResponse:
        """Cancel an outgoing payment that is not funded yet."""
        if input.card_payment_failure_reason is not None:
            raise not_offered("card payments")
        message = await info.context.clients.payments.CancelOutgoingPayment(
            pb.CancelOutgoingPaymentRequest(
                tenant_id=info.context.scope(),
                id=input.id,
                reason=input.reason,
                idempotency_key=info.context.key(),
            )
        )
        return OutgoingPaymentResponse(payment=outgoing_payment_node(message))
