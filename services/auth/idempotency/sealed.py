"""Replies kept by idempotency key, sealed: some hold tokens, and no table may hold a clear token.

A reply is sealed with AES-256-GCM under a key derived (HKDF-SHA256) from the server's secret and
the idempotency key itself, of which the store keeps no clear copy either. So a repeat gets its
first answer back, and a copy of the database gives away neither.
"""

from dataclasses import replace
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from servicekit.database import Database, WriteSession
from servicekit.idempotency import Once, ReplyStore
from servicekit.ids import IdSource

from services.auth.secrets.model import hash_secret

_NONCE_BYTES: Final = 12
_KEY_BYTES: Final = 32
_PURPOSE: Final = b"rafiki auth idempotency reply"


class SealedReplies:
    """A `ReplyStore` whose replies, scopes and keys nobody can read in the one it wraps."""

    def __init__(self, *, store: ReplyStore, ids: IdSource, secret: bytes) -> None:
        self._store = store
        self._ids = ids
        self._secret = secret

    async def earlier(self, database: Database, once: Once) -> bytes | None:
        """The reply of an earlier call, opened."""
        sealed = await self._store.earlier(database, _hidden(once))
        if sealed is None:
            return None
        return self._cipher(once).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], None)

    def keep(self, session: WriteSession, once: Once, reply: bytes) -> None:
        """Write the reply sealed."""
        nonce = self._ids.token(_NONCE_BYTES)
        sealed = nonce + self._cipher(once).encrypt(nonce, reply, None)
        self._store.keep(session, _hidden(once), sealed)

    def _cipher(self, once: Once) -> AESGCM:
        derive = HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=self._secret, info=_PURPOSE)
        return AESGCM(derive.derive(once.key.encode()))


def _hidden(once: Once) -> Once:
    """With hashes for the key and for the scope, which may hold a token."""
    caller, _, operation = once.scope.rpartition("/")
    return replace(
        once, scope=f"{operation}/{hash_secret(caller).hex()}", key=hash_secret(once.key).hex()
    )
