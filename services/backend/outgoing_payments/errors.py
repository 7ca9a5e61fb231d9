"""What can be wrong with outgoing payments."""

from uuid import UUID

from servicekit.errors import Conflict, NotFound, PermissionDenied


def unknown_payment(payment_id: UUID | str) -> NotFound:
    """No such payment, or not for this caller."""
    return NotFound(
        "UNKNOWN_PAYMENT", f"there is no payment {payment_id}", metadata={"id": str(payment_id)}
    )


def wrong_state(state: str) -> Conflict:
    """The payment is past that."""
    return Conflict(
        "WRONG_STATE",
        f"the payment is {state}, which does not allow this",
        metadata={"state": state},
    )


def limit_exceeded(message: str) -> PermissionDenied:
    """The grant does not cover this payment."""
    return PermissionDenied("GRANT_LIMIT_EXCEEDED", f"unauthorized: {message}")
