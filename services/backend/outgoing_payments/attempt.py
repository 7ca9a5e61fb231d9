"""What one attempt at sending a payment comes to: pure decisions.

Rules of this file:
- A receiver that can't be reached says nothing about the payment: the attempt is repeated.
- A payment completes only when all that was promised is delivered.
- Each attempt pays what is left: the quote's amounts less what the ledger and the receivers'
  authentic replies say was sent and delivered.
- An attempt that was cut off left no record of what was delivered. It was no less than the least
  rate brings, and no more than the receiver got since the quote was given; it is taken to be the
  latter as far as a rate can have made it, since paying twice is worse than paying less.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from ilpkit.money import Ratio

from services.backend.outgoing_payments.model import OutgoingPayment

RETRY_DELAY_STEP: Final = timedelta(seconds=10)
RETRY_STEPS_MAX: Final = 6
RATE_GAIN_MAX: Final = Ratio(11, 10)
"""How much better than its least rate a packet is taken to have done when nobody remembers."""


class Failure(StrEnum):
    """Why a payment failed, as `error` shows it."""

    QUOTE_EXPIRED = "QuoteExpired"
    RECEIVER_CLOSED = "ReceiverClosed"
    SOURCE_EXHAUSTED = "SourceExhausted"
    DESTINATION_ASSET_CONFLICT = "DestinationAssetConflict"
    RETRIES_EXHAUSTED = "RetriesExhausted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Remaining:
    """What an attempt still has to do."""

    deliver: int
    """In the receiver's asset."""
    source_max: int
    """In the payer's asset."""
    delivered: int
    """What earlier attempts delivered, in the receiver's asset."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """All is delivered."""

    delivered: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """It will not be delivered."""

    error: str
    delivered: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TryAgain:
    """This attempt did not finish it, a later one may."""

    error: str
    delivered: int | None
    """None when nothing was learned of it: what is recorded stays."""
    at_once: bool = False
    """Whether another process should go on now: this one ends."""


Result = Completed | Failed | TryAgain


def remaining(
    payment: OutgoingPayment, *, sent: int, reserved: int, received: int | None = None
) -> Remaining:
    """What is left of a payment.

    Args:
        payment: as recorded.
        sent: what left the payment's account for packets, by the ledger.
        reserved: what packets hold that an earlier attempt never heard of again, by the ledger.
        received: all that the receiver has got by now, by its own word; None while it is unknown.
    """
    quote = payment.quote
    unrecorded = max(sent - payment.sent_amount, 0)
    delivered = payment.delivered_amount + quote.min_rate.floor_mul(unrecorded)
    unsure = unrecorded + reserved
    if received is not None and unsure:
        by_receiver = received - quote.received_before
        by_rate = payment.delivered_amount + (quote.min_rate * RATE_GAIN_MAX).ceil_mul(unsure)
        delivered = max(delivered, min(by_receiver, by_rate))
    return Remaining(
        deliver=max(quote.receive_amount.value - delivered, 0),
        source_max=max(quote.source_amount - sent - reserved, 0),
        delivered=delivered,
    )


def settle(
    result: Result, *, least: int, reserved: int, attempts: int, attempts_max: int
) -> Result:
    """The last attempt's failure is the payment's; `least` is what was surely delivered.

    As long as packets of a process that died hold money there is another attempt: the ledger frees
    it within minutes.
    """
    waits = isinstance(result, TryAgain) and (result.at_once or reserved > 0)
    if isinstance(result, TryAgain) and not waits and attempts >= attempts_max:
        return Failed(
            error=f"{Failure.RETRIES_EXHAUSTED}: {result.error}",
            delivered=least if result.delivered is None else result.delivered,
        )
    return result


def retry_at(now: datetime, attempts: int) -> datetime:
    """When the next attempt is due: later each time, up to a minute."""
    return now + RETRY_DELAY_STEP * min(max(attempts, 1), RETRY_STEPS_MAX)
