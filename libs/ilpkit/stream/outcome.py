"""How a payment ends, what it moved, and what each ILP error code means to a sender.

| codes                            | what the sender does                                |
|----------------------------------|-----------------------------------------------------|
| T04                              | ILLIQUID: less in flight, then again                |
| T00-T03 T05 T99, other T, R00    | CONGESTED: fewer in flight, then again              |
| F08                              | TOO_LARGE: smaller packets                          |
| F99 F04 F05 R01                  | REFUSED: tolerated for a few rounds                 |
| all others                       | FINAL                                               |

Receivers' dialects use each of F99, F04 and F05 for a missed minimum and a wrong condition.

Source: RFC 0027, RFC 0029 section 5.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final


class ReplyClass(Enum):
    """What a Reject asks of the sender."""

    ILLIQUID = "illiquid"
    CONGESTED = "congested"
    TOO_LARGE = "too_large"
    REFUSED = "refused"
    FINAL = "final"


_CLASS_BY_CODE: Final = {
    "T04": ReplyClass.ILLIQUID,
    "R00": ReplyClass.CONGESTED,
    "F08": ReplyClass.TOO_LARGE,
    "F99": ReplyClass.REFUSED,
    "F04": ReplyClass.REFUSED,
    "F05": ReplyClass.REFUSED,
    "R01": ReplyClass.REFUSED,
}


def classify(code: str) -> ReplyClass:
    """What a Reject with this ILP error code asks of the sender."""
    known = _CLASS_BY_CODE.get(code)
    if known is not None:
        return known
    return ReplyClass.CONGESTED if code.startswith("T") else ReplyClass.FINAL


class EndReason(Enum):
    """Why a payment ended."""

    COMPLETED = "completed"
    CANCELLED = "cancelled"
    """The caller stopped it."""
    IDLE_TIMEOUT = "idle_timeout"
    """Nothing was fulfilled for too long."""
    CLOSED_BY_RECEIVER = "closed_by_receiver"
    APPLICATION_ERROR = "application_error"
    """The receiver closed the connection and said why in application data."""
    CONNECTOR_ERROR = "connector_error"
    """A final ILP error; the outcome has its code."""
    RECEIVER_REFUSED = "receiver_refused"
    """Round after round was refused with codes that are tolerated."""
    RECEIVER_FULL = "receiver_full"
    """The receiver takes less than the payment must deliver."""
    RECEIVER_VIOLATION = "receiver_violation"
    """A fulfil below its minimum, or without an authentic reply."""
    INVALID_FULFILLMENT = "invalid_fulfillment"
    """A Fulfill that doesn't match its condition: nobody downstream can have been paid for it."""
    INSUFFICIENT_EXCHANGE_RATE = "insufficient_exchange_rate"
    SOURCE_EXHAUSTED = "source_exhausted"
    """The source limit can't deliver what is left at the best rate that the path can have."""
    SEQUENCES_EXHAUSTED = "sequences_exhausted"
    """The connection's keys have sealed as many packets as is safe."""
    UNRESOLVED_PACKETS = "unresolved_packets"
    """Packets without an answer hold money that may have arrived: ask the ledger, then go on."""


RETRYABLE: Final = frozenset(
    {
        EndReason.CANCELLED,
        EndReason.IDLE_TIMEOUT,
        EndReason.CLOSED_BY_RECEIVER,
        EndReason.CONNECTOR_ERROR,
        EndReason.RECEIVER_REFUSED,
        EndReason.INSUFFICIENT_EXCHANGE_RATE,
        EndReason.SOURCE_EXHAUSTED,
        EndReason.UNRESOLVED_PACKETS,
    }
)
"""Ends after which a new attempt for what is left may succeed."""


@dataclass(frozen=True, slots=True)
class PaymentTotals:
    """What a payment has moved, in the smallest units of the source and destination assets."""

    source_sent: int = 0
    """Fulfilled."""
    source_in_flight: int = 0
    """Sent and not answered, within its expiry and a margin."""
    source_unresolved: int = 0
    """Sent and never answered: perhaps delivered, perhaps not. Never sent again by this payment."""
    delivered: int = 0
    """Received according to authentic replies."""
    delivered_unconfirmed: int = 0
    """The minimums of fulfilled packets whose replies weren't authentic."""
    packets_sent: int = 0
    packets_fulfilled: int = 0
    packets_rejected: int = 0

    @property
    def source_committed(self) -> int:
        """Everything that may have left the payer: sent, in flight and unresolved."""
        return self.source_sent + self.source_in_flight + self.source_unresolved


@dataclass(frozen=True, slots=True)
class PaymentOutcome:
    """The end of a payment."""

    reason: EndReason
    totals: PaymentTotals
    ilp_code: str = ""
    """The code of the final Reject, for CONNECTOR_ERROR and RECEIVER_REFUSED."""
    message: str = ""
    """What the failing connector or the closing receiver said: foreign text."""
    application_data: bytes = b""
    """What the receiver sent with its close, for APPLICATION_ERROR."""
    receipt: bytes = b""
    """The STREAM receipt with the greatest total, or empty."""

    @property
    def completed(self) -> bool:
        """Whether the payment reached its target."""
        return self.reason is EndReason.COMPLETED

    @property
    def retryable(self) -> bool:
        """Whether a new attempt for what is left may succeed."""
        return self.reason in RETRYABLE
