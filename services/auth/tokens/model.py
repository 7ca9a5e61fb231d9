"""Access tokens, and how secrets are made and kept.

Decision: values of access and continue tokens are stored as SHA-256 and nowhere else. They are
random with 160 bits, so a plain hash cannot be searched for; a copy of the database lets nobody
call anything. The price: an answer that repeats a token needs the value its caller presented.
"""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from servicekit.ids import IdSource

TOKEN_BYTES: Final = 20
"""160 random bits, written as upper-case hex as the TypeScript server writes its 80."""
NONCE_BYTES: Final = 16
TOKEN_CHARACTERS_MAX: Final = 256
"""A longer value was never ours, so it is not even hashed."""
ROTATION_REPEAT: Final = timedelta(minutes=5)
"""For how long a rotation whose answer was lost can be repeated with the old token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    """A token as stored: everything but its value."""

    id: UUID
    grant_id: UUID
    management_id: UUID
    expires_in_s: int
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedToken:
    """A token as its client gets it, once."""

    value: str
    management_id: UUID
    expires_in_s: int

    def __repr__(self) -> str:
        return f"IssuedToken(management_id={self.management_id})"


def new_secret(ids: IdSource) -> str:
    """A fresh token value."""
    return ids.token(TOKEN_BYTES).hex().upper()


def new_nonce(ids: IdSource) -> str:
    """A fresh nonce."""
    return ids.token(NONCE_BYTES).hex().upper()


def new_public_id(ids: IdSource) -> UUID:
    """An id for a URL that must not be guessable: a random UUID (version 4)."""
    return UUID(bytes=ids.token(16), version=4)


def hash_secret(value: str) -> bytes:
    """The SHA-256 under which a secret is stored."""
    return hashlib.sha256(value.encode()).digest()


def same_secret(presented: str, stored_hash: bytes) -> bool:
    """Whether a secret is the stored one, in constant time for secrets of any length."""
    return hmac.compare_digest(hash_secret(presented), stored_hash)
