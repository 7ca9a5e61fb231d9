"""What a grant allows: access items, their limits, and whether they cover what is asked.

Schema `access` of the authorization server API; coverage as Rafiki's token introspection decides
it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Final, Literal, TypeAlias, TypeVar

from pydantic import AfterValidator, Field, model_validator

from ilpkit.openpayments.amounts import WireAmount
from ilpkit.openpayments.errors import InvalidInterval
from ilpkit.openpayments.intervals import parse_interval
from ilpkit.openpayments.urls import same_wallet_address
from ilpkit.openpayments.wire import HttpUrl, Omittable, Receiver, WireModel, broken_rule

ACCESS_ITEMS_MAX: Final = 3
ACTIONS_MAX: Final = 6

AccessType: TypeAlias = Literal["incoming-payment", "outgoing-payment", "quote"]
IncomingPaymentAction: TypeAlias = Literal[
    "create", "complete", "read", "read-all", "list", "list-all"
]
OutgoingPaymentAction: TypeAlias = Literal["create", "read", "read-all", "list", "list-all"]
QuoteAction: TypeAlias = Literal["create", "read", "read-all"]
Action: TypeAlias = IncomingPaymentAction

_T = TypeVar("_T")
_WIDER: Final[dict[str, str]] = {"read": "read-all", "list": "list-all"}
"""An action on the client's own resources, and the one that covers everybody's."""


def _unique(values: tuple[_T, ...]) -> tuple[_T, ...]:
    if any(value in values[:index] for index, value in enumerate(values)):
        raise broken_rule("holds the same item twice", "send each item once")
    return values


def _interval(text: str) -> str:
    try:
        _ = parse_interval(text)
    except InvalidInterval as error:
        raise broken_rule(error.limit, error.remedy) from None
    return text


Interval: TypeAlias = Annotated[str, AfterValidator(_interval)]


class Limits(WireModel):
    """Limits on outgoing payments: totals for each window of the interval, or for ever."""

    receiver: Omittable[Receiver] = None
    interval: Omittable[Interval] = None
    debit_amount: Omittable[WireAmount] = None
    receive_amount: Omittable[WireAmount] = None

    @model_validator(mode="after")
    def _one_amount(self) -> "Limits":
        if self.debit_amount is not None and self.receive_amount is not None:
            raise broken_rule("has both debitAmount and receiveAmount", "limit one of them")
        for amount in (self.debit_amount, self.receive_amount):
            if amount is None:
                continue
            if int(amount.value) == 0:
                raise broken_rule("has an amount of 0", "allow at least 1, or ask for nothing")
            if amount.asset_code != amount.asset_code.upper():
                raise broken_rule(
                    f"has the asset code {amount.asset_code}", "write asset codes in capitals"
                )
        return self


class IncomingPaymentAccess(WireModel):
    """Access to incoming payments, of one wallet address if `identifier` names it."""

    type: Literal["incoming-payment"]
    actions: Annotated[
        tuple[IncomingPaymentAction, ...],
        Field(min_length=1, max_length=ACTIONS_MAX, strict=False),
        AfterValidator(_unique),
    ]
    identifier: Omittable[HttpUrl] = None


class OutgoingPaymentAccess(WireModel):
    """Access to the outgoing payments of one wallet address, within limits."""

    type: Literal["outgoing-payment"]
    actions: Annotated[
        tuple[OutgoingPaymentAction, ...],
        Field(min_length=1, max_length=ACTIONS_MAX, strict=False),
        AfterValidator(_unique),
    ]
    identifier: HttpUrl
    limits: Omittable[Limits] = None


class QuoteAccess(WireModel):
    """Access to quotes; the API has no identifier for it."""

    type: Literal["quote"]
    actions: Annotated[
        tuple[QuoteAction, ...],
        Field(min_length=1, max_length=ACTIONS_MAX, strict=False),
        AfterValidator(_unique),
    ]


AccessItem: TypeAlias = Annotated[
    IncomingPaymentAccess | OutgoingPaymentAccess | QuoteAccess, Field(discriminator="type")
]
Access: TypeAlias = Annotated[
    tuple[AccessItem, ...],
    Field(min_length=1, max_length=ACCESS_ITEMS_MAX, strict=False),
    AfterValidator(_unique),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedAccess:
    """What a request needs. `identifier` and `limits` narrow it only where they are given."""

    type: AccessType
    actions: frozenset[Action]
    identifier: str | None = None
    limits: Limits | None = None


def grants(granted: AccessItem, asked: AskedAccess) -> bool:
    """Whether one granted item covers everything asked.

    read-all covers read and list-all covers list; identifiers on both sides must spell one
    wallet address; asked limits must equal the granted ones.
    """
    if granted.type != asked.type:
        return False
    if not all(action_granted(granted, action) for action in asked.actions):
        return False
    identifier = None if isinstance(granted, QuoteAccess) else granted.identifier
    if identifier is not None and asked.identifier is not None:
        same = same_wallet_address(identifier, asked.identifier)
        if not same:
            return False
    limits = granted.limits if isinstance(granted, OutgoingPaymentAccess) else None
    return asked.limits is None or asked.limits == limits


def action_granted(granted: AccessItem, action: Action) -> bool:
    """Whether the item holds the action or the wider one that includes it."""
    return action in granted.actions or _WIDER.get(action) in granted.actions


def find_granting(items: Iterable[AccessItem], asked: AskedAccess) -> AccessItem | None:
    """The first granted item that covers what is asked, or None."""
    return next((item for item in items if grants(item, asked)), None)
