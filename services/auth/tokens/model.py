"""Access tokens, without their values: see `secrets.model`."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from services.auth.grants.model import Grant

TOKEN_CHARACTERS_MAX: Final = 256
"""A longer value was never ours, so it is not even hashed."""
ROTATION_REPEAT: Final = timedelta(minutes=5)
"""For how long a rotation whose answer was lost can be repeated with the old token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewToken:
    """A token to be stored: the hash of its value, never the value."""

    id: UUID
    management_id: UUID
    value_hash: bytes = field(repr=False)
    expires_in_s: int
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagedToken:
    """A token as its client manages it, expired or not."""

    id: UUID
    grant: Grant
    revoked_at: datetime | None
    replaced_by: UUID | None
    """What it was rotated into."""
    successor_is_valid: bool
    """Whether that is not revoked."""

    def proves(self, now: datetime) -> bool:
        """Whether its holder may ask to rotate or revoke it.

        It may have been revoked by a rotation whose answer was lost, a moment ago.
        """
        if not self.grant.live:
            return False
        if self.revoked_at is None:
            return True
        return self.replaced_by is not None and self.revoked_at > now - ROTATION_REPEAT


@dataclass(frozen=True, slots=True, kw_only=True)
class PresentedToken:
    """A token as its client shows it."""

    management_id: UUID
    value: str = field(repr=False)
    grant_id: UUID | None
    """The grant that the guard has seen it belong to; None if it was not asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedToken:
    """A token as its client gets it, once."""

    value: str
    management_id: UUID
    expires_in_s: int

    def __repr__(self) -> str:
        return f"IssuedToken(management_id={self.management_id})"
