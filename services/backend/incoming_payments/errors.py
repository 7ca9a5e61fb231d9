"""What can be wrong with incoming payments."""

from uuid import UUID

from servicekit.errors import Conflict, InvalidArgument, NotFound


def unknown_payment(payment_id: UUID | str) -> NotFound:
    """No such payment, or not for this caller."""
    return NotFound(
        "UNKNOWN_PAYMENT", f"there is no payment {payment_id}", metadata={"id": str(payment_id)}
    )


def wrong_asset(code: str, scale: int) -> InvalidArgument:
    """The amount is not in the wallet address's asset."""
    return InvalidArgument(
        "INVALID_AMOUNT",
        f"incomingAmount must be in the wallet address's asset, {code} of scale {scale}",
        field="incomingAmount",
        metadata={"field": "incomingAmount", "limit": f"{code}/{scale}"},
    )


def not_positive() -> InvalidArgument:
    """The amount is zero."""
    return InvalidArgument(
        "INVALID_AMOUNT",
        "incomingAmount must be greater than zero; leave it out to accept any amount",
        field="incomingAmount",
        metadata={"field": "incomingAmount", "limit": "1"},
    )


def invalid_expiry(limit: str) -> InvalidArgument:
    """The expiry lies in the past or too far ahead."""
    return InvalidArgument(
        "INVALID_EXPIRY",
        f"expiresAt must lie in the future and not after {limit}",
        field="expiresAt",
        metadata={"field": "expiresAt", "limit": limit},
    )


def wrong_state(state: str) -> Conflict:
    """The payment has ended."""
    return Conflict(
        "WRONG_STATE", f"the payment is {state} and can't be changed", metadata={"state": state}
    )
