"""Why a quote can't be given or used."""

from uuid import UUID

from ilpkit.money import Asset
from servicekit.error_details import amount_metadata
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
    """The amount is zero, or more than the receiver still takes or the price can be."""
    return InvalidArgument(
        "INVALID_AMOUNT",
        f"{field} lies between 1 and {limit}"
        if limit
        else f"no {field} can be quoted: with its fee, the debit would not fit into 64 bits",
        field=field,
        metadata={"field": field, "limit": str(limit)},
    )


def non_positive_receive_amount(minimum: int | None, asset: Asset) -> InvalidArgument:
    """Nothing would be delivered; no minimum is named where the fee takes all of any debit."""
    if minimum is None:
        return InvalidArgument(
            "NON_POSITIVE_RECEIVE_AMOUNT",
            "nothing would be delivered: the fee takes all of any debitAmount; give receiveAmount",
            field="debitAmount",
        )
    return InvalidArgument(
        "NON_POSITIVE_RECEIVE_AMOUNT",
        f"nothing would be delivered: send at least {minimum} {asset.code} (scale {asset.scale})",
        field="debitAmount",
        metadata=amount_metadata("min_send_amount", minimum, asset.code, asset.scale),
    )


def unusable_rate(base: Asset, counter: Asset) -> InvalidArgument:
    """The exchange rate leaves no amount that both assets can express."""
    return InvalidArgument(
        "INVALID_AMOUNT",
        f"no amount can be sent from {base.code} (scale {base.scale}) to {counter.code} (scale"
        f" {counter.scale}): at the current rate a packet is worth less than one unit there,"
        " or one unit more than 64 bits hold",
        field="receiver",
        metadata={"field": "receiver"},
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
