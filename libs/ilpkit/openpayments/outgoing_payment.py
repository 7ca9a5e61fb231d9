"""Outgoing payment shapes (resource server API 1.3). There is no `state` on the wire."""

from typing import Annotated, Final, TypeAlias, cast

from pydantic import BeforeValidator, Discriminator, Tag

from ilpkit.openpayments.amounts import WireAmount
from ilpkit.openpayments.bodies import BodyKind
from ilpkit.openpayments.paging import Page
from ilpkit.openpayments.wire import (
    HttpUrl,
    Metadata,
    Omittable,
    Receiver,
    Timestamp,
    WireModel,
    broken_rule,
    has_members,
)


class CreateOutgoingPaymentFromQuote(WireModel):
    """POST /outgoing-payments, paying as quoted."""

    wallet_address: HttpUrl
    quote_id: HttpUrl
    metadata: Omittable[Metadata] = None


class CreateOutgoingPaymentFromIncomingPayment(WireModel):
    """POST /outgoing-payments, sending a fixed amount straight to an incoming payment."""

    wallet_address: HttpUrl
    incoming_payment: HttpUrl
    debit_amount: WireAmount
    metadata: Omittable[Metadata] = None


def _form(value: object) -> str:
    """Which form is meant, so that errors speak of that form alone."""
    if has_members(value, "incomingPayment") and not has_members(value, "quoteId"):
        return "#incomingPayment"
    return "#quoteId"


def _require_a_form(value: object) -> object:
    neither = not has_members(value, "quoteId") and not has_members(value, "incomingPayment")
    if has_members(value) and neither:
        raise broken_rule("has neither quoteId nor incomingPayment", "add one of them")
    return value


CreateOutgoingPayment: TypeAlias = Annotated[
    Annotated[CreateOutgoingPaymentFromQuote, Tag("#quoteId")]
    | Annotated[CreateOutgoingPaymentFromIncomingPayment, Tag("#incomingPayment")],
    Discriminator(_form),
    BeforeValidator(_require_a_form),
]


class OutgoingPayment(WireModel):
    """An outgoing payment as read and listed."""

    id: HttpUrl
    wallet_address: HttpUrl
    quote_id: Omittable[HttpUrl] = None
    failed: bool = False
    receiver: Receiver
    receive_amount: WireAmount
    debit_amount: WireAmount
    sent_amount: WireAmount
    metadata: Omittable[Metadata] = None
    created_at: Timestamp


class OutgoingPaymentWithSpentAmounts(OutgoingPayment):
    """The reply to POST: what the grant had spent in its current window before this payment."""

    grant_spent_debit_amount: Omittable[WireAmount] = None
    grant_spent_receive_amount: Omittable[WireAmount] = None


class OutgoingPaymentPage(Page):
    """GET /outgoing-payments."""

    result: tuple[OutgoingPayment, ...]


class GrantSpentAmounts(WireModel):
    """GET /outgoing-payment-grant: both always present, null while nothing was spent."""

    spent_debit_amount: WireAmount | None
    spent_receive_amount: WireAmount | None


CREATE_OUTGOING_PAYMENT: Final = BodyKind(
    "create outgoing payment",
    cast(
        "type[CreateOutgoingPaymentFromQuote | CreateOutgoingPaymentFromIncomingPayment]",
        CreateOutgoingPayment,
    ),
)
OUTGOING_PAYMENT: Final = BodyKind("outgoing payment", OutgoingPayment)
OUTGOING_PAYMENT_WITH_SPENT_AMOUNTS: Final = BodyKind(
    "outgoing payment with spent amounts", OutgoingPaymentWithSpentAmounts
)
OUTGOING_PAYMENT_PAGE: Final = BodyKind("outgoing payment page", OutgoingPaymentPage)
GRANT_SPENT_AMOUNTS: Final = BodyKind("grant spent amounts", GrantSpentAmounts)
