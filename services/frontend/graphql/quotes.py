"""Quotes: what a payment costs."""
# ruff: noqa: A002 - arguments have the names that the schema gives them

import strawberry
from rafiki.admin.v1 import payment_service_pb2 as pb

from services.frontend.graphql.common import (
    Amount,
    AmountInput,
    IdArgument,
    amount,
    amount_message,
    documented,
    mutation,
)
from services.frontend.graphql.context import Info
from services.frontend.graphql.paging import PageInfo
from services.frontend.graphql.scalars import iso


@strawberry.type(description="What a payment costs.")
class Quote:
    """What a payment costs."""

    id: strawberry.ID
    tenant_id: strawberry.ID
    wallet_address_id: strawberry.ID
    receiver: str
    debit_amount: Amount
    receive_amount: Amount
    created_at: str
    expires_at: str
    estimated_exchange_rate: float | None = strawberry.field(
        description="Always null: the amounts are exact, a float is not."
    )


@strawberry.type
class QuoteEdge:
    """A quote in a page."""

    node: Quote
    cursor: str


@strawberry.type
class QuoteConnection:
    """A page of quotes."""

    page_info: PageInfo
    edges: list[QuoteEdge]


@strawberry.input
class CreateQuoteInput:
    """A payment to price, by one of the two amounts or the receiver's."""

    wallet_address_id: str
    receiver: str
    debit_amount: AmountInput | None = None
    receive_amount: AmountInput | None = None
    idempotency_key: str | None = None


@strawberry.type
class QuoteResponse:
    """The new quote."""

    quote: Quote | None


def quote_node(message: pb.Quote) -> Quote:
    """A quote from the wire."""
    return Quote(
        id=strawberry.ID(message.id),
        tenant_id=strawberry.ID(message.tenant_id),
        wallet_address_id=strawberry.ID(message.wallet_address_id),
        receiver=message.receiver,
        debit_amount=amount(message.debit_amount),
        receive_amount=amount(message.receive_amount),
        created_at=iso(message.created_at),
        expires_at=iso(message.expires_at),
        estimated_exchange_rate=None,
    )


@strawberry.type
class QuoteQuery:
    """Reads of quotes."""

    @documented
    async def quote(self, info: Info, quote_id: IdArgument) -> Quote | None:
        """One quote."""
        return quote_node(
            await info.context.clients.payments.GetQuote(
                pb.GetQuoteRequest(tenant_id=info.context.scope(), id=quote_id)
            )
        )


@strawberry.type
class QuoteMutation:
    """New quotes."""

    @mutation
    async def create_quote(self, info: Info, input: CreateQuoteInput) -> QuoteResponse:
        """Price a payment."""
        message = await info.context.clients.payments.CreateQuote(
            pb.CreateQuoteRequest(
                tenant_id=info.context.scope(),
                wallet_address_id=input.wallet_address_id,
                receiver=input.receiver,
                debit_amount=amount_message(input.debit_amount),
                receive_amount=amount_message(input.receive_amount),
                idempotency_key=info.context.key(input.idempotency_key),
            )
        )
        return QuoteResponse(quote=quote_node(message))
