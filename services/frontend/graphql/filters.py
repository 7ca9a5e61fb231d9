"""The original's filters as the services take them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from google.protobuf.descriptor import EnumDescriptor
from servicekit.errors import InvalidArgument

from services.frontend.graphql.names import prefix_of
from services.frontend.graphql.requests import Convert

EVENT_TYPES: Final = (
    "incoming_payment.created",
    "incoming_payment.completed",
    "incoming_payment.expired",
    "incoming_payment.partial_payment_received",
    "outgoing_payment.created",
    "outgoing_payment.completed",
    "outgoing_payment.failed",
    "outgoing_payment.funded",
    "outgoing_payment.cancelled",
    "wallet_address.not_found",
    "wallet_address.web_monetization",
    "asset.liquidity_low",
    "peer.liquidity_low",
)

PAYMENT_TYPES: Final = ("INCOMING", "OUTGOING")


def names_of(kind: EnumDescriptor) -> tuple[str, ...]:
    """The values of an enum of the services as GraphQL has them."""
    prefix = prefix_of(kind)
    return tuple(value.name.removeprefix(prefix) for value in kind.values if value.number)


def among(field: str, known: Sequence[str]) -> Convert:
    """Values of a fixed set that a filter lets through, empty for all; raises InvalidArgument."""

    def chosen(given: Mapping[str, Any] | None) -> list[str]:
        wanted, unwanted = _lists(given)
        if wanted is None and unwanted is None:
            return []
        if any(text not in known for text in [*(wanted or ()), *(unwanted or ())]):
            raise _invalid(field, f"is one of {', '.join(known)}")
        left = [
            text for text in (known if wanted is None else wanted) if text not in (unwanted or ())
        ]
        if not left:
            raise _invalid(field, "lets nothing through")
        return left

    return chosen


def single(field: str) -> Convert:
    """The one value that a filter asks for; raises InvalidArgument when it asks for more."""

    def chosen(given: Mapping[str, Any] | None) -> str | None:
        wanted, unwanted = _lists(given)
        if wanted is None and unwanted is None:
            return None
        if unwanted is not None or wanted is None or len(wanted) != 1:
            raise _invalid(field, "takes one value in `in`")
        return wanted[0]

    return chosen


def _lists(given: Mapping[str, Any] | None) -> tuple[list[str] | None, list[str] | None]:
    """What must and must not be; an empty list asks for nothing, as in the original."""
    if given is None:
        return None, None
    return given.get("in") or None, given.get("notIn") or None


def _invalid(field: str, message: str) -> InvalidArgument:
    return InvalidArgument("INVALID_FIELD", f"{field} {message}", field=field)
