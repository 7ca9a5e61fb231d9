"""Incoming payment shapes (resource server API 1.3)."""

from typing import Annotated, Final, Literal

from pydantic import Field

from ilpkit.openpayments.amounts import WireAmount
from ilpkit.openpayments.bodies import BodyKind
from ilpkit.openpayments.paging import Page
from ilpkit.openpayments.wire import HttpUrl, Metadata, Omittable, Timestamp, WireModel

ILP_ADDRESS_CHARACTERS_MAX: Final = 1023


class CreateIncomingPayment(WireModel):
    """POST /incoming-payments."""

    wallet_address: HttpUrl
    incoming_amount: Omittable[WireAmount] = None
    expires_at: Omittable[Timestamp] = None
    metadata: Omittable[Metadata] = None


class IlpPaymentMethod(WireModel):
    """How to pay over ILP: a STREAM address and its secret (schema `ilp-payment-method`)."""

    type: Literal["ilp"] = "ilp"
    ilp_address: Annotated[
        str,
        Field(
            max_length=ILP_ADDRESS_CHARACTERS_MAX,
            pattern=r"^(g|private|example|peer|self|test[1-3]?|local)([.][a-zA-Z0-9_~-]+)+$",
        ),
    ]
    shared_secret: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]+$")]


class PublicIncomingPayment(WireModel):
    """GET /incoming-payments/{id} without a token."""

    received_amount: Omittable[WireAmount] = None
    auth_server: HttpUrl


class IncomingPayment(WireModel):
    """An incoming payment as lists and /complete show it: without methods."""

    id: HttpUrl
    wallet_address: HttpUrl
    incoming_amount: Omittable[WireAmount] = None
    received_amount: WireAmount
    completed: bool
    metadata: Omittable[Metadata] = None
    created_at: Timestamp
    expires_at: Omittable[Timestamp] = None


class IncomingPaymentWithMethods(IncomingPayment):
    """The owner's view; `methods` is empty once the payment is completed or expired."""

    methods: tuple[IlpPaymentMethod, ...]


class IncomingPaymentPage(Page):
    """GET /incoming-payments."""

    result: tuple[IncomingPayment, ...]


CREATE_INCOMING_PAYMENT: Final = BodyKind("create incoming payment", CreateIncomingPayment)
INCOMING_PAYMENT: Final = BodyKind("incoming payment", IncomingPayment)
INCOMING_PAYMENT_WITH_METHODS: Final = BodyKind(
    "incoming payment with methods", IncomingPaymentWithMethods
)
PUBLIC_INCOMING_PAYMENT: Final = BodyKind("public incoming payment", PublicIncomingPayment)
INCOMING_PAYMENT_PAGE: Final = BodyKind("incoming payment page", IncomingPaymentPage)
