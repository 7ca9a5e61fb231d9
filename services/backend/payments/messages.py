"""Payments, receivers and quotes as the Admin contract's messages."""

from collections.abc import Iterable
from typing import Final, Protocol
from uuid import UUID

from rafiki.admin.v1 import payment_service_pb2 as pb
from servicekit.errors import InvalidArgument
from servicekit.messages import amount, struct, timestamp

from services.backend.assets.model import Asset
from services.backend.incoming_payments import model as incoming
from services.backend.incoming_payments.model import PaymentView as IncomingView
from services.backend.outgoing_payments import model as outgoing
from services.backend.outgoing_payments.model import PaymentView as OutgoingView
from services.backend.quotes.model import Quote
from services.backend.receivers.model import Receiver

_INCOMING_STATES: Final = {
    incoming.State.PENDING: pb.INCOMING_PAYMENT_STATE_PENDING,
    incoming.State.COMPLETED: pb.INCOMING_PAYMENT_STATE_COMPLETED,
    incoming.State.EXPIRED: pb.INCOMING_PAYMENT_STATE_EXPIRED,
}
_OUTGOING_STATES: Final = {
    outgoing.State.FUNDING: pb.OUTGOING_PAYMENT_STATE_FUNDING,
    outgoing.State.SENDING: pb.OUTGOING_PAYMENT_STATE_SENDING,
    outgoing.State.COMPLETED: pb.OUTGOING_PAYMENT_STATE_COMPLETED,
    outgoing.State.FAILED: pb.OUTGOING_PAYMENT_STATE_FAILED,
    outgoing.State.CANCELLED: pb.OUTGOING_PAYMENT_STATE_CANCELLED,
}
_OUTGOING_STATES_IN: Final[dict[int, outgoing.State]] = {
    number: state for state, number in _OUTGOING_STATES.items()
}


class IncomingPaymentUrls(Protocol):
    """URLs in the replies."""

    def incoming_payment(self, tenant_id: UUID, payment_id: UUID) -> str:
        """URL of an incoming payment."""
        ...


def incoming_payment(view: IncomingView, urls: IncomingPaymentUrls) -> pb.IncomingPayment:
    """An incoming payment with what it received so far."""
    payment, unit = view.payment, view.asset.unit
    message = pb.IncomingPayment(
        id=str(payment.id),
        url=urls.incoming_payment(payment.tenant_id, payment.id),
        tenant_id=str(payment.tenant_id),
        wallet_address_id=str(payment.wallet_address_id),
        client=payment.client,
        state=_INCOMING_STATES[payment.state],
        received_amount=amount(view.received, unit),
        expires_at=timestamp(payment.expires_at),
        created_at=timestamp(payment.created_at),
        cancellation_reason=payment.cancellation_reason,
    )
    # What the ledger says is told at once, whoever writes the end down a moment later.
    if view.completed:
        message.state = pb.INCOMING_PAYMENT_STATE_COMPLETED
    elif payment.state is incoming.State.PENDING and view.received > 0:
        message.state = pb.INCOMING_PAYMENT_STATE_PROCESSING
    if payment.incoming_amount is not None:
        message.incoming_amount.CopyFrom(amount(payment.incoming_amount, unit))
    if payment.metadata is not None:
        message.metadata.CopyFrom(struct(payment.metadata))
    if payment.approved_at is not None:
        message.approved_at.CopyFrom(timestamp(payment.approved_at))
    if payment.cancelled_at is not None:
        message.cancelled_at.CopyFrom(timestamp(payment.cancelled_at))
    return message


def outgoing_payment(view: OutgoingView) -> pb.OutgoingPayment:
    """An outgoing payment with what it sent so far."""
    payment, unit = view.payment, view.asset.unit
    quote = payment.quote
    message = pb.OutgoingPayment(
        id=str(payment.id),
        tenant_id=str(payment.tenant_id),
        wallet_address_id=str(payment.wallet_address_id),
        client=payment.client,
        state=_OUTGOING_STATES[payment.state],
        error=payment.error,
        state_attempts=payment.attempts,
        receiver=quote.receiver,
        debit_amount=amount(quote.debit_amount, unit),
        receive_amount=amount(quote.receive_amount.value, quote.receive_amount.asset),
        sent_amount=amount(view.sent, unit),
        grant_id=payment.grant_id,
        created_at=timestamp(payment.created_at),
    )
    if payment.metadata is not None:
        message.metadata.CopyFrom(struct(payment.metadata))
    return message


def receiver(found: Receiver) -> pb.Receiver:
    """An incoming payment at any bank."""
    message = pb.Receiver(
        id=found.url,
        wallet_address_url=found.wallet_address,
        received_amount=amount(found.received_amount.value, found.received_amount.asset),
        completed=found.completed,
        created_at=timestamp(found.created_at),
    )
    if found.incoming_amount is not None:
        message.incoming_amount.CopyFrom(amount(found.incoming_amount.value, found.asset))
    if found.metadata is not None:
        message.metadata.CopyFrom(struct(dict(found.metadata)))
    if found.expires_at is not None:
        message.expires_at.CopyFrom(timestamp(found.expires_at))
    return message


def quote(priced: Quote, asset: Asset) -> pb.Quote:
    """A quote; `asset` is the payer's."""
    return pb.Quote(
        id=str(priced.id),
        tenant_id=str(priced.tenant_id),
        wallet_address_id=str(priced.wallet_address_id),
        receiver=priced.receiver,
        debit_amount=amount(priced.debit_amount, asset.unit),
        receive_amount=amount(priced.receive_amount.value, priced.receive_amount.asset),
        expires_at=timestamp(priced.expires_at),
        created_at=timestamp(priced.created_at),
    )


def to_states(numbers: Iterable[int]) -> tuple[outgoing.State, ...]:
    """States that a list is filtered by; raises InvalidArgument."""
    try:
        return tuple(_OUTGOING_STATES_IN[number] for number in numbers)
    except KeyError as unknown:
        raise InvalidArgument(
            "INVALID_FIELD", f"states has no {unknown}; name known ones", field="states"
        ) from None
