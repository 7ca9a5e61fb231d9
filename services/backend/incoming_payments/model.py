"""An incoming payment: money that a wallet address expects."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from services.backend.assets.model import Asset
from services.backend.wallet_addresses.model import WalletAddress


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

    @property
    def shown_state(self) -> str:
        """What an error calls its state: cancelled and approved ones are so before all else."""
        if self.cancelled_at is not None:
            return "CANCELLED"
        return "APPROVED" if self.approved_at is not None else self.state

    def has_all(self, received: int) -> bool:
        """Whether this is all that it expects."""
        return self.incoming_amount is not None and received >= self.incoming_amount

    def ended(self, *, state: State, received: int) -> "IncomingPayment":
        """As it is after its end, in the state that it was ended for.

        What the ledger let in decides: one that received all that it expected is COMPLETED, and was
        not cancelled. One that was cancelled before it got there has EXPIRED.
        """
        if self.has_all(received):
            return replace(
                self,
                state=State.COMPLETED,
                received_amount=received,
                cancelled_at=None,
                cancellation_reason=None,
            )
        if self.cancelled_at is not None:
            state = State.EXPIRED
        return replace(self, state=state, received_amount=received)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentView:
    """A payment with all that its wire form needs, and what it received so far."""

    payment: IncomingPayment
    wallet_address: WalletAddress
    asset: Asset
    received: int

    @property
    def completed(self) -> bool:
        """Whether no more is expected: closed, or all received though not yet closed."""
        payment = self.payment
        return payment.state is State.COMPLETED or payment.has_all(self.received)
