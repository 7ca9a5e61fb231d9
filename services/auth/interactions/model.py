"""An interaction: one chance for a user to decide about a grant.

PENDING ──► APPROVED | DENIED, decided once by the identity provider, before it expires.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from services.auth.grants.model import Grant
from services.auth.tenants.model import Tenant


class InteractionState(StrEnum):
    """What the user decided."""

    PENDING = "PENDING"
    APPROVED = "APPROVED"
    DENIED = "DENIED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Interaction:
    """An interaction."""

    id: UUID
    grant_id: UUID
    nonce: str
    """The server's nonce: proof in the interaction's URL, and part of the interaction hash."""
    ref: str
    """What the client shows to continue, handed out with the finish redirect."""
    state: InteractionState
    created_at: datetime
    expires_at: datetime

    def expired(self, now: datetime) -> bool:
        """Whether the time to decide is over."""
        return now >= self.expires_at


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundInteraction:
    """An interaction with the grant that it is about, and the tenant whose users decide."""

    interaction: Interaction
    grant: Grant
    tenant: Tenant | None
    """None once it is deleted."""
