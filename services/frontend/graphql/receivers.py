"""Receivers: incoming payments at local or remote wallet addresses."""
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
from services.frontend.graphql.scalars import (
    JSONObject,
    iso,
    optional_iso,
    optional_json,
    struct,
    timestamp,
)


@strawberry.type(description="An incoming payment at a local or remote wallet address.")
class Receiver:
    """An incoming payment at a local or remote wallet address."""

    id: str
    wallet_address_url: str
    completed: bool
    incoming_amount: Amount | None
    received_amount: Amount
    expires_at: str | None
    metadata: JSONObject | None
    created_at: str


@strawberry.input
class CreateReceiverInput:
    """A new incoming payment at a local or remote wallet address."""

    wallet_address_url: str
    expires_at: str | None = None
    incoming_amount: AmountInput | None = None
    metadata: JSONObject | None = None
    idempotency_key: str | None = None


@strawberry.input
class CompleteReceiverInput:
    """Which receiver."""

    incoming_payment_url: str


@strawberry.type
class CreateReceiverResponse:
    """The new receiver."""

    receiver: Receiver | None


@strawberry.type
class CompleteReceiverResponse:
    """The receiver as it is now."""

    receiver: Receiver | None


def receiver_node(message: pb.Receiver) -> Receiver:
    """A receiver from the wire."""
    return Receiver(
        id=message.id,
        wallet_address_url=message.wallet_address_url,
        completed=message.completed,
        incoming_amount=(
            amount(message.incoming_amount) if message.HasField("incoming_amount") else None
        ),
        received_amount=amount(message.received_amount),
        expires_at=optional_iso(message, "expires_at"),
        metadata=optional_json(message, "metadata"),
        created_at=iso(message.created_at),
    )


@strawberry.type
class ReceiverQuery:
    """Reads of receivers."""

    @documented
    async def receiver(self, info: Info, receiver_id: IdArgument) -> Receiver | None:
        """The incoming payment at a URL."""
        return receiver_node(
            await info.context.clients.payments.GetReceiver(
                pb.GetReceiverRequest(tenant_id=info.context.scope(), url=receiver_id)
            )
        )


@strawberry.type
class ReceiverMutation:
    """Changes to receivers."""

    @mutation
    async def create_receiver(
        self, info: Info, input: CreateReceiverInput
    ) -> CreateReceiverResponse:
        """Create an incoming payment at a local or remote wallet address."""
        message = await info.context.clients.payments.CreateReceiver(
            pb.CreateReceiverRequest(
                tenant_id=info.context.scope(),
                wallet_address_url=input.wallet_address_url,
                incoming_amount=amount_message(input.incoming_amount),
                expires_at=timestamp(input.expires_at, "expiresAt"),
                metadata=struct(input.metadata),
                idempotency_key=info.context.key(input.idempotency_key),
            )
        )
        return CreateReceiverResponse(receiver=receiver_node(message))

    @mutation
    async def complete_receiver(
        self, info: Info, input: CompleteReceiverInput
    ) -> CompleteReceiverResponse:
        """Complete an incoming payment at a local or remote wallet address."""
        message = await info.context.clients.payments.CompleteReceiver(
            pb.CompleteReceiverRequest(
                tenant_id=info.context.scope(),
                url=input.incoming_payment_url,
                idempotency_key=info.context.key(),
            )
        )
        return CompleteReceiverResponse(receiver=receiver_node(message))
