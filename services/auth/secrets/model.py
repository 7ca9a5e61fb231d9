"""How secrets are made, kept and compared.

Decision: values of access and continue tokens are stored as SHA-256 and nowhere else. They are
random with 160 bits, so a plain hash cannot be searched for; a copy of the database lets nobody
call anything. The price: an answer that repeats a token needs the value its caller presented.
"""

import hashlib
import hmac
from typing import Final
from uuid import UUID

from servicekit.ids import IdSource

TOKEN_BYTES: Final = 20
"""160 random bits, written as upper-case hex as the TypeScript server writes its 80."""
NONCE_BYTES: Final = 16


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
