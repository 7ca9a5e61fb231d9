"""What one attempt at sending a payment comes to: pure decisions.

| the sender ended with          | stored as                  | then                              |
|--------------------------------|----------------------------|-----------------------------------|
| completed                      |                            | COMPLETED                         |
| cancelled                      |                            | at once again, by another process |
| idle timeout, unresolved       | IdleTimeout                | again                             |
| closed by receiver             | ClosedByReceiver           | again                             |
| connector error, refused       | ConnectorError             | again                             |
| exchange rate, source used up  | InsufficientExchangeRate   | again                             |
| receiver full                  | IncompatibleReceiveMax     | FAILED                            |
| application error              | ApplicationError           | FAILED                            |
| a breach of the protocol       | ReceiverProtocolViolation  | FAILED                            |
| sequences used up              | MaxSafeEncryptionLimit     | FAILED                            |

The names are those of the TypeScript Rafiki. "Again" is up to the number of attempts; the reason of
the last one is the payment's.

Rules of this file:
- Only its receiver's 404 or 410 ends a payment whose sending has begun. Any other refusal of the
  receiver's bank, and any other document than an incoming payment, may pass, as no connection may:
  it says nothing about the payment, and the attempt is repeated.
- A payment completes when all that was promised is delivered, or when its receiver says that all
  that it asked for has arrived, whoever paid it.
- No payment ends while packets hold money of it: see `settle`.
- Each attempt pays what is left: the quote's amounts less what the ledger and the receivers'
  authentic replies say was sent and delivered.
- An attempt that was cut off left no record of what was delivered. It was no less than the least
  rate brings, and no more than the receiver got since the quote was given; it is taken to be the
  latter as far as a rate can have made it, since paying twice is worse than paying less.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, StrEnum
from types import MappingProxyType
from typing import Final

from ilpkit.money import Ratio
from ilpkit.stream.outcome import EndReason

from services.backend.outgoing_payments.books import Standing
from services.backend.outgoing_payments.model import OutgoingPayment

RETRY_DELAY_STEP: Final = timedelta(seconds=10)
RETRY_STEPS_MAX: Final = 6
PACKETS_DELAY: Final = timedelta(seconds=5)
"""Until a payment that waits for packets is looked at again, if nobody wakes it before."""
RATE_GAIN_MAX: Final = Ratio(11, 10)
"""How much better than its least rate a packet is taken to have done when nobody remembers."""


class Failure(StrEnum):
    """Why a payment failed or is tried again, as `error` shows it."""

    QUOTE_EXPIRED = "QuoteExpired"
    DESTINATION_ASSET_CONFLICT = "DestinationAssetConflict"
    BAD_STATE = "BadState"
    """Something is left to deliver and nothing to send it with."""
    IDLE_TIMEOUT = "IdleTimeout"
    CLOSED_BY_RECEIVER = "ClosedByReceiver"
    CONNECTOR_ERROR = "ConnectorError"
    INSUFFICIENT_EXCHANGE_RATE = "InsufficientExchangeRate"
    INCOMPATIBLE_RECEIVE_MAX = "IncompatibleReceiveMax"
    APPLICATION_ERROR = "ApplicationError"
    RECEIVER_PROTOCOL_VIOLATION = "ReceiverProtocolViolation"
    MAX_SAFE_ENCRYPTION_LIMIT = "MaxSafeEncryptionLimit"
    RECEIVER_CLOSED = "ReceiverClosed"
    """Not in the TypeScript Rafiki, which takes such a payment for completed."""
    PACKETS_PENDING = "PacketsPending"
    """Packets that nobody answered hold money; the payment ends when their fate is known."""
    CANCELLED = "Cancelled"
    """The process that sent it ended."""
    TENANT_DELETED = "TenantDeleted"
    """Its tenant is gone. What was sent stays sent; the operator withdraws the rest."""


FAILURES: Final[Mapping[EndReason, Failure]] = MappingProxyType(
    {
        EndReason.CANCELLED: Failure.CANCELLED,
        EndReason.IDLE_TIMEOUT: Failure.IDLE_TIMEOUT,
        EndReason.UNRESOLVED_PACKETS: Failure.IDLE_TIMEOUT,
        EndReason.CLOSED_BY_RECEIVER: Failure.CLOSED_BY_RECEIVER,
        EndReason.CONNECTOR_ERROR: Failure.CONNECTOR_ERROR,
        EndReason.RECEIVER_REFUSED: Failure.CONNECTOR_ERROR,
        EndReason.INSUFFICIENT_EXCHANGE_RATE: Failure.INSUFFICIENT_EXCHANGE_RATE,
        EndReason.SOURCE_EXHAUSTED: Failure.INSUFFICIENT_EXCHANGE_RATE,
        EndReason.RECEIVER_FULL: Failure.INCOMPATIBLE_RECEIVE_MAX,
        EndReason.APPLICATION_ERROR: Failure.APPLICATION_ERROR,
        EndReason.RECEIVER_VIOLATION: Failure.RECEIVER_PROTOCOL_VIOLATION,
        EndReason.INVALID_FULFILLMENT: Failure.RECEIVER_PROTOCOL_VIOLATION,
        EndReason.SEQUENCES_EXHAUSTED: Failure.MAX_SAFE_ENCRYPTION_LIMIT,
    }
)
"""All ends but COMPLETED."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remaining:
    """What an attempt still has to do."""

    deliver: int
    """In the receiver's asset."""
    source_max: int
    """In the payer's asset."""
    delivered: int
    """What earlier attempts delivered, in the receiver's asset."""
    sent: int
    """What the packets of earlier attempts took, in the payer's asset."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """All is delivered."""

    delivered: int
    sent: int = 0
    """What the packets that `delivered` counts took, and no others, in the payer's asset: all of
    them were fulfilled, and the ledger may not have posted each yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """It will not be delivered."""

    error: str
    delivered: int
    sent: int = 0
    """As of `Completed`."""


class Pause(Enum):
    """What the next attempt waits for."""

    AT_ONCE = "at once"
    """Nothing: this process ends or lost its lease, another goes on."""
    RETRY = "retry"
    """Better times; the attempt counts as failed."""
    PACKETS = "packets"
    """The fate of packets, which decides how the payment ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TryAgain:
    """This attempt did not finish it, a later one may."""

    error: str
    delivered: int | None
    """None when nothing was learned of it: what is recorded stays."""
    sent: int = 0
    """As of `Completed`."""
    pause: Pause = Pause.RETRY


Result = Completed | Failed | TryAgain


def remaining(
    payment: OutgoingPayment, standing: Standing, *, received: int | None = None
) -> Remaining:
    """What is left of a payment.

    Args:
        payment: as recorded.
        standing: as the ledger has it.
        received: all that the receiver has got by now, by its own word; None while it is unknown.
    """
    quote = payment.quote
    posted = standing.sent - standing.unknown
    unrecorded = max(posted - payment.sent_amount, 0)
    # Recorded as fulfilled, and still reserved in the ledger.
    unposted = max(payment.sent_amount - posted, 0)
    delivered = payment.delivered_amount + quote.min_rate.floor_mul(unrecorded)
    unsure = unrecorded + max(standing.unsettled - unposted, 0)
    if received is not None and unsure:
        by_receiver = received - quote.received_before
        by_rate = payment.delivered_amount + (quote.min_rate * RATE_GAIN_MAX).ceil_mul(unsure)
        delivered = max(delivered, min(by_receiver, by_rate))
    return Remaining(
        deliver=max(quote.receive_amount.value - delivered, 0),
        source_max=max(quote.source_amount - standing.sent - standing.pending, 0),
        delivered=delivered,
        sent=max(posted, payment.sent_amount),
    )


def settle(result: Result, *, least: int, pending: int, attempts: int, attempts_max: int) -> Result:
    """What an attempt's result means to the payment.

    As long as packets hold money nothing ends: their fate decides what was sent and what is left.
    The last attempt's failure is the payment's.

    Args:
        result: the attempt's.
        least: what was surely delivered.
        pending: what packets hold now.
        attempts: failed ones before this.
        attempts_max: how many may fail.
    """
    goes_on = isinstance(result, TryAgain) and (
        result.pause is not Pause.RETRY or attempts + 1 < attempts_max
    )
    if goes_on:
        return result
    if pending:
        return TryAgain(
            error=Failure.PACKETS_PENDING,
            delivered=result.delivered,
            sent=result.sent,
            pause=Pause.PACKETS,
        )
    if isinstance(result, TryAgain):
        delivered = least if result.delivered is None else result.delivered
        return Failed(error=result.error, delivered=delivered, sent=result.sent)
    return result


def due_at(now: datetime, pause: Pause, attempts: int) -> datetime:
    """When the next attempt is due; retries wait longer each time, up to a minute.

    `attempts` are the failed ones, the last included.
    """
    if pause is Pause.AT_ONCE:
        return now
    if pause is Pause.PACKETS:
        return now + PACKETS_DELAY
    return now + RETRY_DELAY_STEP * min(max(attempts, 1), RETRY_STEPS_MAX)
