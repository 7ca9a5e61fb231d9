"""What the ledger answers and what it raises.

A transfer that is refused is an *answer* (`TransferStatus`), never an exception: one refused chain
in a batch says nothing about its neighbours. Exceptions are for the ledger itself: full, closed, or
out of reach.
"""

from enum import StrEnum, unique
from typing import Final

from servicekit.errors import InvalidArgument, ResourceExhausted, ServiceError, Unavailable

OVERLOADED_RETRY_AFTER_MS: Final = 100


@unique
class TransferStatus(StrEnum):
    """The closed set of answers to a transfer; the values are the names that Rafiki's API uses."""

    CREATED = "Created"
    EXISTS = "Exists"  # the same transfer was applied before: success

    ALREADY_POSTED = "AlreadyPosted"
    ALREADY_VOIDED = "AlreadyVoided"
    DEPOSIT_TOO_LARGE = "DepositTooLarge"  # the asset would hold more than an amount can say
    DIFFERENT_ASSETS = "DifferentAssets"
    ID_ALREADY_FAILED = "IdAlreadyFailed"  # a burnt id, see interface.py
    INSUFFICIENT_BALANCE = "InsufficientBalance"
    INSUFFICIENT_DEBIT_BALANCE = "InsufficientDebitBalance"
    INSUFFICIENT_LIQUIDITY = "InsufficientLiquidity"
    ALLOWANCE_EXCEEDED = "AllowanceExceeded"  # more than an incoming payment's incomingAmount
    INVALID_AMOUNT = "InvalidAmount"
    INVALID_CODE = "InvalidCode"
    INVALID_DESTINATION_AMOUNT = "InvalidDestinationAmount"
    INVALID_ID = "InvalidId"
    INVALID_LEDGER = "InvalidLedger"
    INVALID_SOURCE_AMOUNT = "InvalidSourceAmount"
    INVALID_TIMEOUT = "InvalidTimeout"
    INVALID_USER_DATA = "InvalidUserData"
    LINKED_TRANSFER_FAILED = "LinkedTransferFailed"  # a neighbour in the chain failed
    SAME_ACCOUNTS = "SameAccounts"
    TRANSFER_EXISTS = "TransferExists"  # the id is taken by a transfer with other content
    TRANSFER_EXPIRED = "TransferExpired"
    UNKNOWN_DESTINATION_ACCOUNT = "UnknownDestinationAccount"
    UNKNOWN_ERROR = "UnknownError"
    UNKNOWN_SOURCE_ACCOUNT = "UnknownSourceAccount"
    UNKNOWN_TRANSFER = "UnknownTransfer"

    @property
    def ok(self) -> bool:
        """Whether the transfer is in the ledger as asked for."""
        return self in _SUCCESSES


_SUCCESSES = frozenset({TransferStatus.CREATED, TransferStatus.EXISTS})


@unique
class AccountStatus(StrEnum):
    """The closed set of answers to the creation of an account."""

    CREATED = "Created"
    EXISTS = "Exists"  # the same account was created before: success
    ACCOUNT_EXISTS = "AccountExists"  # the id is taken by an account with other content
    INVALID_CODE = "InvalidCode"
    INVALID_FLAGS = "InvalidFlags"
    INVALID_ID = "InvalidId"
    INVALID_LEDGER = "InvalidLedger"
    INVALID_USER_DATA = "InvalidUserData"
    UNKNOWN_ERROR = "UnknownError"

    @property
    def ok(self) -> bool:
        """Whether the account is there as asked for."""
        return self in (AccountStatus.CREATED, AccountStatus.EXISTS)


class LedgerError(ServiceError):
    """Root of what the ledger raises."""

    def __init__(
        self, message: str, *, reason: str = "INTERNAL", retry_after_ms: int | None = None
    ) -> None:
        super().__init__(reason, message, retry_after_ms=retry_after_ms)


class LedgerOverloadedError(LedgerError, ResourceExhausted):
    """The queue is full and the chain was NOT taken: nothing happened.

    Remedy: retry later under the same ids, slow down, or raise the queue's limit.
    """

    def __init__(self, *, queued: int, queued_max: int, what: str = "transfers") -> None:
        super().__init__(
            f"the ledger's queue is full ({queued} of {queued_max} {what}): "
            "nothing was written; retry later under the same ids",
            reason="OVERLOADED",
            retry_after_ms=OVERLOADED_RETRY_AFTER_MS,
        )
        self.queued = queued
        self.queued_max = queued_max


class LedgerUnavailableError(LedgerError, Unavailable):
    """The engine could not be reached, or its reply was lost: the outcome is UNKNOWN.

    Remedy: retry under the same ids (a replay of an applied chain answers EXISTS), or look the
    ids up.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message, reason="UNAVAILABLE")


class LedgerClosedError(LedgerError, Unavailable):
    """The ledger is closing or closed and the chain was NOT taken: nothing happened."""

    def __init__(self) -> None:
        super().__init__("the ledger is closing: nothing was written", reason="UNAVAILABLE")


class InvalidChainError(LedgerError, InvalidArgument):
    """A chain is empty, too long, or names one id twice: nothing was written."""

    def __init__(self, message: str) -> None:
        super().__init__(message, reason="INVALID_FIELD")


class InvalidQueryError(LedgerError, InvalidArgument):
    """A lookup asks for too much, or has a limit or cursor outside its range."""

    def __init__(self, message: str) -> None:
        super().__init__(message, reason="INVALID_PAGE")
