"""Why a quote can't be given or used."""

from uuid import UUID

from servicekit.errors import (
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    Unavailable,
)


def unknown_quote(quote_id: UUID | str) -> NotFound:
    """No such quote, or not for this caller."""
    return NotFound(
        "UNKNOWN_QUOTE", f"there is no quote {quote_id}", metadata={"id": str(quote_id)}
    )


def one_amount_at_most() -> InvalidArgument:
    """Both amounts, or an amount where the incoming payment has one."""
    return InvalidArgument(
        "INVALID_AMOUNT",
        "give receiveAmount or debitAmount, not both",
        field="receiveAmount",
        metadata={"field": "receiveAmount"},
    )


def amount_needed() -> InvalidArgument:
    """The receiver accepts any amount, so the payer must say one."""
    return InvalidArgument(
        "INVALID_AMOUNT",
        "the incoming payment has no incomingAmount: give receiveAmount or debitAmount",
        field="debitAmount",
        metadata={"field": "debitAmount"},
    )


def wrong_asset(field: str, code: str, scale: int) -> InvalidArgument:
    """The amount is in another asset."""
    return InvalidArgument(
        "INVALID_AMOUNT",
        f"{field} must be in {code} of scale {scale}",
        field=field,
        metadata={"field": field, "limit": f"{code}/{scale}"},
    )


def out_of_range(field: str, limit: int) -> InvalidArgument:
    """The amount is zero, or more than the receiver still takes."""
    return InvalidArgument(
        "INVALID_AMOUNT",
        f"{field} lies between 1 and {limit}",
        field=field,
        metadata={"field": field, "limit": str(limit)},
    )


def non_positive_receive_amount(minimum: int, code: str, scale: int) -> InvalidArgument:
    """Nothing would be delivered."""
    return InvalidArgument(
        "NON_POSITIVE_RECEIVE_AMOUNT",
        f"nothing would be delivered: send at least {minimum} {code} (scale {scale})",
        field="debitAmount",
        metadata={"min_send_amount": str(minimum), "asset_code": code, "asset_scale": str(scale)},
    )


def rate_unavailable(base: str, counter: str) -> Unavailable:
    """No exchange rate is known."""
    return Unavailable(
        "RATE_UNAVAILABLE",
        f"no exchange rate from {base} to {counter} is known now",
        metadata={"base": base, "counter": counter},
    )


def unreachable(destination: str) -> FailedPrecondition:
    """No peer leads there."""
    return FailedPrecondition(
        "UNREACHABLE",
        f"no peer leads to {destination}",
        metadata={"destination": destination},
    )


def invalid_quote(detail: str) -> InvalidArgument:
    """The quote can't be used."""
    return InvalidArgument(
        "INVALID_QUOTE", f"the quote {detail}", field="quoteId", metadata={"detail": detail}
    )
