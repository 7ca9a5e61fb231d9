"""What one attempt at sending a payment comes to: pure decisions.

Rules of this file:
- A receiver that can't be reached says nothing about the payment: the attempt is repeated.
- A payment completes only when all that was promised is delivered.
- Each attempt pays what is left: the quote's amounts less what the ledger and the receivers'
  authentic replies say was sent and delivered.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from services.backend.outgoing_payments.model import OutgoingPayment

RETRY_DELAY_STEP: Final = timedelta(seconds=10)
RETRY_STEPS_MAX: Final = 6


class Failure(StrEnum):
    """Why a payment failed, as `error` shows it."""

    QUOTE_EXPIRED = "QuoteExpired"
    RECEIVER_CLOSED = "ReceiverClosed"
    DESTINATION_ASSET_CONFLICT = "DestinationAssetConflict"
    RETRIES_EXHAUSTED = "RetriesExhausted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Remaining:
    """What an attempt still has to do."""

    deliver: int
    """In the receiver's asset."""
    source_max: int
    """In the payer's asset."""


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
    delivered: int


Result = Completed | Failed | TryAgain


def remaining(payment: OutgoingPayment, *, sent: int) -> Remaining:
    """What is left; `sent` is what the ledger says left the payment's account for packets.

    What arrived is known from the receiver's replies. An attempt that ended in a crash left no
    record of them: then the minimum rate, which every packet had to bring, gives the least.
    """
    quote = payment.quote
    unrecorded = max(sent - payment.sent_amount, 0)
    delivered = payment.delivered_amount + quote.min_rate.floor_mul(unrecorded)
    return Remaining(
        deliver=max(quote.receive_amount.value - delivered, 0),
        source_max=max(quote.source_amount - sent, 0),
    )


def settle(result: Result, *, attempts: int, attempts_max: int) -> Result:
    """The last attempt's failure is the payment's."""
    if isinstance(result, TryAgain) and attempts >= attempts_max:
        return Failed(
            error=f"{Failure.RETRIES_EXHAUSTED}: {result.error}", delivered=result.delivered
        )
    return result


def retry_at(now: datetime, attempts: int) -> datetime:
    """When the next attempt is due: later each time, up to a minute."""
    return now + RETRY_DELAY_STEP * min(max(attempts, 1), RETRY_STEPS_MAX)
