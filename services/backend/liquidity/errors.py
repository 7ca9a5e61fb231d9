"""What can be wrong with deposits and withdrawals."""

from uuid import UUID

from servicekit.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound

from services.backend.ledger.model import AMOUNT_MAX, TIMEOUT_S_MAX


def invalid_amount() -> InvalidArgument:
    """A deposit or withdrawal of nothing."""
    return InvalidArgument(
        "INVALID_AMOUNT", f"amount lies between 1 and {AMOUNT_MAX}", field="amount"
    )


def invalid_timeout() -> InvalidArgument:
    """Longer than a ledger can keep a reservation."""
    return InvalidArgument(
        "INVALID_FIELD",
        f"timeout_seconds is at most {TIMEOUT_S_MAX}",
        field="timeout_seconds",
    )


def invalid_limit(limit_max: int) -> InvalidArgument:
    """A page of transfers that is too large."""
    return InvalidArgument("INVALID_FIELD", f"limit lies between 1 and {limit_max}", field="limit")


def id_used(chosen_id: UUID) -> AlreadyExists:
    """The tenant used the id before."""
    return AlreadyExists(
        "TRANSFER_EXISTS",
        f"there is a deposit or withdrawal {chosen_id} already; use a new id",
        metadata={"id": str(chosen_id)},
    )


def nothing_to_withdraw(account_id: UUID) -> FailedPrecondition:
    """The account is empty, or all of it is being withdrawn."""
    return FailedPrecondition(
        "NOTHING_TO_WITHDRAW",
        "there is nothing to withdraw: it was withdrawn before, or nothing came in",
        metadata={"account": str(account_id)},
    )


def still_pending(withdrawal_id: UUID) -> FailedPrecondition:
    """An earlier withdrawal of the payment is neither posted nor voided."""
    return FailedPrecondition(
        "WRONG_STATE",
        f"the withdrawal {withdrawal_id} is pending; post or void it first",
        metadata={"state": "PENDING", "id": str(withdrawal_id)},
    )


def not_ended(state: str) -> FailedPrecondition:
    """A payment that may still receive or send."""
    return FailedPrecondition(
        "WRONG_STATE",
        f"the payment is {state}: only an ended one can be withdrawn",
        metadata={"state": state},
    )


def unknown_withdrawal(withdrawal_id: UUID) -> NotFound:
    """No such withdrawal of this tenant."""
    return NotFound(
        "UNKNOWN_TRANSFER",
        f"there is no withdrawal {withdrawal_id}",
        metadata={"id": str(withdrawal_id)},
    )


def moved_at_once(withdrawal_id: UUID) -> FailedPrecondition:
    """A withdrawal in one phase is nobody's to post or void."""
    return FailedPrecondition(
        "TRANSFER_RESOLVED",
        f"the withdrawal {withdrawal_id} had no timeout: it moved at once",
        metadata={"state": "POSTED", "id": str(withdrawal_id)},
    )


def ambiguous_withdrawal() -> InvalidArgument:
    """The operator named an id that several tenants use."""
    return InvalidArgument(
        "INVALID_FIELD",
        "several tenants have a withdrawal of this id; name one in tenant_id",
        field="tenant_id",
    )


def unknown_account(account_id: UUID | str) -> NotFound:
    """No such account, or another tenant's."""
    return NotFound(
        "UNKNOWN_ACCOUNT",
        f"there is no account {account_id}",
        metadata={"account": str(account_id)},
    )
