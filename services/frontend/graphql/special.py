"""The few operations that are more than one request and its reply."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from rafiki.admin.v1 import event_service_pb2, tenant_service_pb2
from rafiki.admin.v1 import liquidity_service_pb2 as liquidity
from servicekit.errors import InvalidArgument

from services.frontend.graphql.context import AdminContext

LEDGER_MAX: Final = 2**32 - 1
_INCOMING: Final = frozenset({"incoming_payment.completed", "incoming_payment.expired"})
_OUTGOING: Final = frozenset({"outgoing_payment.completed", "outgoing_payment.failed"})


def account_id(given: str) -> str:
    """An account's UUID; a settlement account is also known by its ledger's number."""
    if given.isascii() and given.isdecimal() and int(given) <= LEDGER_MAX:
        return str(UUID(int=int(given)))
    return given


async def remember_secrets(
    context: AdminContext, _given: Mapping[str, Any], request: Any, reply: tenant_service_pb2.Tenant
) -> tenant_service_pb2.Tenant:
    """Show the secrets of a tenant in the answer to the request that sets them."""
    context.secrets[reply.id] = request
    return reply


async def deposit_of_event(
    context: AdminContext,
    given: Mapping[str, Any],
    _request: Any,
    event: event_service_pb2.WebhookEvent,
) -> Any:
    """Fund the outgoing payment of an event."""
    payment_id = _payment_of(event)
    if event.type != "outgoing_payment.created":
        raise _invalid_event("this event asks for no deposit")
    return await context.call(
        "DepositOutgoingPaymentLiquidity",
        liquidity.DepositOutgoingPaymentLiquidityRequest(
            outgoing_payment_id=payment_id, idempotency_key=given["idempotencyKey"]
        ),
    )


async def withdrawal_of_event(
    context: AdminContext,
    given: Mapping[str, Any],
    _request: Any,
    event: event_service_pb2.WebhookEvent,
) -> Any:
    """Take what an event told of."""
    payment_id, key = _payment_of(event), given["idempotencyKey"]
    if event.type in _INCOMING:
        return await context.call(
            "WithdrawIncomingPayment",
            liquidity.WithdrawIncomingPaymentRequest(
                incoming_payment_id=payment_id, event_id=event.id, idempotency_key=key
            ),
        )
    if event.type in _OUTGOING:
        return await context.call(
            "WithdrawOutgoingPayment",
            liquidity.WithdrawOutgoingPaymentRequest(
                outgoing_payment_id=payment_id, event_id=event.id, idempotency_key=key
            ),
        )
    raise _invalid_event("this event asks for no withdrawal of a payment")


def _payment_of(event: event_service_pb2.WebhookEvent) -> str:
    payment_id = event.data["id"] if "id" in event.data else None  # noqa: SIM401 - a Struct has no get
    if not isinstance(payment_id, str):
        raise _invalid_event("this event names no payment")
    return payment_id


def _invalid_event(message: str) -> InvalidArgument:
    return InvalidArgument("INVALID_FIELD", message, field="eventId")
