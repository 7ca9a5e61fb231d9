"""Replies kept by idempotency key, sealed: some hold tokens, and no table may hold a clear token.

A reply is sealed with AES-256-GCM under a key derived (HKDF-SHA256) from the server's secret and
the idempotency key itself, of which the store keeps no clear copy either. So a repeat gets its
first answer back, and a copy of the database gives away neither.
"""

from collections.abc import Awaitable, Callable
from typing import Final, Protocol, TypeVar

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from google.protobuf.message import Message
from servicekit.database import WriteSession
from servicekit.errors import InvalidArgument
from servicekit.ids import IdSource

from services.auth.tokens.model import hash_secret

KEY_CHARACTERS_MAX: Final = 255
_NONCE_BYTES: Final = 12
_KEY_BYTES: Final = 32
_PURPOSE: Final = b"rafiki auth idempotency reply"

Reply = TypeVar("Reply", bound=Message)


class ReplyStore(Protocol):
    """Runs work once for a key, in the caller's transaction."""

    async def execute(
        self,
        session: WriteSession,
        *,
        scope: str,
        key: str,
        request: bytes,
        produce: Callable[[], Awaitable[bytes]],
    ) -> bytes:
        """The reply of the first call with this key; Conflict if its request was another."""
        ...


class IdempotentCalls:
    """Runs mutating calls once for their key."""

    def __init__(self, *, store: ReplyStore, ids: IdSource, secret: bytes) -> None:
        self._store = store
        self._ids = ids
        self._secret = secret

    async def run(
        self,
        session: WriteSession,
        *,
        scope: str,
        key: str | None,
        request: Message,
        reply_type: type[Reply],
        work: Callable[[], Awaitable[Reply]],
    ) -> Reply:
        """The reply of `work`, or the first reply for this key; without a key just the work's.

        `scope` names whose key it is: two callers may use the same text. It may hold a token,
        so it is stored as a hash.

        Raises:
            InvalidArgument: the key is too long.
            Conflict: the key was used with another request (IDEMPOTENCY_KEY_REUSED).
        """
        if key is None:
            return await work()
        if not 1 <= len(key) <= KEY_CHARACTERS_MAX:
            raise InvalidArgument(
                "INVALID_FIELD",
                f"idempotency_key has 1 to {KEY_CHARACTERS_MAX} characters",
                field="idempotency_key",
            )
        cipher = AESGCM(self._derive(key))

        async def produce() -> bytes:
            nonce = self._ids.token(_NONCE_BYTES)
            reply = (await work()).SerializeToString(deterministic=True)
            return nonce + cipher.encrypt(nonce, reply, None)

        sealed = await self._store.execute(
            session,
            scope=f"{request.DESCRIPTOR.full_name}/{hash_secret(scope).hex()}",
            key=hash_secret(key).hex(),
            request=request.SerializeToString(deterministic=True),
            produce=produce,
        )
        nonce, text = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        return reply_type.FromString(cipher.decrypt(nonce, text, None))

    def _derive(self, key: str) -> bytes:
        return HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=self._secret, info=_PURPOSE).derive(
            key.encode()
        )
