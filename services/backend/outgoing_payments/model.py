"""An outgoing payment: a quote that was accepted.

| state     | fund in time | fund too late | all sent  | try failed | failed for good | cancel    |
|-----------|--------------|---------------|-----------|------------|-----------------|-----------|
| FUNDING   | SENDING      | FAILED        | -         | -          | -               | CANCELLED |
| SENDING   | no-op        | no-op         | COMPLETED | SENDING    | FAILED          | refused   |
| COMPLETED | no-op        | no-op         | -         | -          | -               | refused   |
| FAILED    | no-op        | no-op         | -         | -          | -               | refused   |
| CANCELLED | refused      | refused       | -         | -          | -               | no-op     |

A try that failed and may be repeated is due again later. A payment leaves SENDING when none of its
packets is pending in the ledger. What moves on its account afterwards is told by another event of
the kind that told of its end.

A quote is a promise until it expires: to be accepted and funded within that time. From then on the
payment is held to the quote's rate, and fails only if packets bring less than its least rate.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from ilpkit.money import Amount
from ilpkit.openpayments.access import Limits

from services.backend.assets.model import Asset
from services.backend.quotes.model import Quote
from services.backend.wallet_addresses.model import WalletAddress


class State(StrEnum):
    """Where a payment stands."""

    FUNDING = "FUNDING"
    SENDING = "SENDING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingPayment:
    """An outgoing payment; its id is its quote's and its ledger account's."""

    id: UUID
    tenant_id: UUID
    wallet_address_id: UUID
    client: str | None
    grant_id: str | None
    grant_interval_start: datetime | None
    state: State
    error: str | None
    metadata: dict[str, Any] | None
    data_to_transmit: bytes | None
    sent_amount: int
    """What was sent, in the wallet address's asset; while packets fly, the ledger knows better."""
    delivered_amount: int
    """What arrived as far as the receiver confirmed it, in the receiver's asset."""
    attempts: int
    """Failed ones, in this state."""
    claims: int
    """How often a worker took it; the number that a worker got is its right to write."""
    due_at: datetime | None
    lease_until: datetime | None
    created_at: datetime
    updated_at: datetime
    quote: Quote

    @property
    def failed(self) -> bool:
        """Open Payments' view: it ended without paying."""
        return self.state in {State.FAILED, State.CANCELLED}


@dataclass(frozen=True, slots=True, kw_only=True)
class SpentAmounts:
    """What a grant has spent in an interval."""

    debit: Amount
    receive: Amount


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """The grant that a client creates a payment under."""

    grant_id: str
    limits: Limits | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentView:
    """A payment with all that its wire form needs."""

    payment: OutgoingPayment
    wallet_address: WalletAddress
    asset: Asset
    sent: int
    """What was sent so far, in the wallet address's asset."""
