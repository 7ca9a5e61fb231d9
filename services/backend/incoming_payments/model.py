"""An incoming payment: money that a wallet address expects."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID


class State(StrEnum):
    """What is stored. PROCESSING is seen, not stored: PENDING with something received."""

    PENDING = "PENDING"
    COMPLETED = "COMPLETED"
    EXPIRED = "EXPIRED"


class InitiatedBy(StrEnum):
    """Who asked for the payment."""

    OPEN_PAYMENTS = "OPEN_PAYMENTS"
    ADMIN = "ADMIN"
    CARD = "CARD"


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingPayment:
    """An incoming payment; its id is also its ledger account's."""

    id: UUID
    tenant_id: UUID
    wallet_address_id: UUID
    client: str | None
    """Who created it: a wallet address or `jwk:<public key>`."""
    initiated_by: InitiatedBy
    state: State
    incoming_amount: int | None
    """What is expected, in the wallet address's asset; None accepts any amount."""
    received_amount: int | None
    """The final total; None while the ledger still counts."""
    metadata: dict[str, Any] | None
    expires_at: datetime
    created_at: datetime
    approved_at: datetime | None
    cancelled_at: datetime | None
    cancellation_reason: str | None

    def accepts(self, now: datetime) -> bool:
        """Whether money is still taken, as far as time and state decide it."""
        return self.state is State.PENDING and self.cancelled_at is None and now < self.expires_at


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedPayment:
    """A payment together with what it received so far."""

    payment: IncomingPayment
    received: int

    @property
    def completed(self) -> bool:
        """Whether no more is expected: closed, or all received though not yet closed."""
        expected = self.payment.incoming_amount
        enough = expected is not None and self.received >= expected
        return self.payment.state is State.COMPLETED or enough
