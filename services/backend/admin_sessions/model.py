"""A browser's session at the admin pages."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final
from uuid import UUID

LIFE: Final = timedelta(hours=8)
TOKEN_BYTES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminSession:
    """One session; the database knows its token and the API secret only as hashes."""

    token_sha256: bytes
    tenant_id: UUID
    secret_sha256: bytes
    """Of the API secret that signed in: another secret ends the session."""
    started_at: datetime
    expires_at: datetime


def digest(text: str) -> bytes:
    """SHA-256 of a token or secret; both are random, so they need no salt."""
    return sha256(text.encode()).digest()
