"""A receiver: an incoming payment somewhere, and how to pay it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from ilpkit.money import Amount, Asset

from services.backend.ledger.rules.accounting import Side
from services.backend.tenants.scope import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class IlpMethod:
    """STREAM credentials of a receiver."""

    ilp_address: str
    shared_secret: bytes

    def __repr__(self) -> str:
        return f"IlpMethod({self.ilp_address})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """An incoming payment as a payer sees it."""

    url: str
    wallet_address: str
    asset: Asset
    incoming_amount: Amount | None
    received_amount: Amount
    completed: bool
    expires_at: datetime | None
    created_at: datetime
    metadata: Mapping[str, Any] | None
    local_id: UUID | None
    """Its id when it is an account of this node."""
    tenant_id: UUID | None
    """The tenant whose account it then is."""
    methods: tuple[IlpMethod, ...]

    def is_payable(self, now: datetime) -> bool:
        """Whether money is still taken and there is a way to send it."""
        open_until = self.expires_at is None or now < self.expires_at
        reachable = self.local_id is not None or bool(self.methods)
        return not self.completed and open_until and reachable

    @property
    def satisfied(self) -> bool:
        """Whether all that it asked for has arrived, by its own word."""
        return self.outstanding == 0

    @property
    def outstanding(self) -> int | None:
        """What is still expected, in the receiver's asset; None when any amount is welcome."""
        if self.incoming_amount is None:
            return None
        return max(self.incoming_amount.value - self.received_amount.value, 0)

    def seen_by(self, scope: Scope) -> "Receiver":
        """What a tenant may know: of another tenant's payment only what paying it takes."""
        if self.tenant_id is None or scope.filter in {None, self.tenant_id}:
            return self
        return replace(self, metadata=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalAccount:
    """Where a transfer to an incoming payment of this node goes."""

    side: Side
    allowance_account_id: int
    """Debited along, so that no more than the `incomingAmount` is accepted."""
