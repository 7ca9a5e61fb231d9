"""Browser sessions of interactions: a signed cookie names a record in Redis.

Each interaction has its own session, in a cookie that goes to its own path only, so several can run
in one browser. The record holds the server's nonce and dies with the interaction.
"""

import base64
import hashlib
import hmac
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from http.cookies import CookieError, SimpleCookie
from typing import Final, Literal, Protocol
from uuid import UUID

from redis.exceptions import RedisError
from servicekit.errors import Unavailable
from servicekit.ids import IdSource

from services.auth.gnap.urls import PublicUrls

COOKIE_NAME: Final = "sessionId"
SESSION_ID_BYTES: Final = 32
COOKIE_CHARACTERS_MAX: Final = 4096
_KEY_PREFIX: Final = "auth:interaction-session:"

SameSite = Literal["lax", "none"]


class SessionStore(Protocol):
    """What sessions need of Redis."""

    def set(self, name: str, value: str, *, ex: int) -> Awaitable[object]:
        """Keep a value for `ex` seconds."""
        ...

    def get(self, name: str) -> Awaitable[bytes | str | None]:
        """The value, while it is kept."""
        ...


class InteractionSessions:
    """Begins sessions and recognises the browser that has one."""

    def __init__(
        self,
        *,
        store: SessionStore,
        ids: IdSource,
        cookie_key: bytes,
        urls: PublicUrls,
        same_site: SameSite | None,
    ) -> None:
        self._store = store
        self._ids = ids
        self._cookie_key = cookie_key
        self._urls = urls
        self._same_site = same_site

    async def begin(self, interaction_id: UUID, nonce: str, *, life_s: int) -> str:
        """Store a session for `life_s` seconds; returns the Set-Cookie header's value."""
        session_id = self._ids.token(SESSION_ID_BYTES).hex()
        with _translated():
            await self._store.set(self._key(interaction_id, session_id), nonce, ex=max(1, life_s))
        attributes = [
            f"{COOKIE_NAME}={session_id}.{self._signature(session_id)}",
            f"Path={self._urls.interaction_path(interaction_id)}",
            f"Max-Age={max(1, life_s)}",
            "HttpOnly",
        ]
        # A browser drops a SameSite=None cookie that is not Secure.
        if self._urls.secure or self._same_site == "none":
            attributes.append("Secure")
        if self._same_site is not None:
            attributes.append(f"SameSite={self._same_site.capitalize()}")
        return "; ".join(attributes)

    async def began(self, interaction_id: UUID, nonce: str, cookie_header: str | None) -> bool:
        """Whether these cookies are of the browser that began this interaction."""
        session_id = self._session_id(cookie_header or "")
        if session_id is None:
            return False
        with _translated():
            stored = await self._store.get(self._key(interaction_id, session_id))
        if stored is None:
            return False
        stored_bytes = stored.encode() if isinstance(stored, str) else stored
        return hmac.compare_digest(stored_bytes, nonce.encode())

    def _session_id(self, cookie_header: str) -> str | None:
        if len(cookie_header) > COOKIE_CHARACTERS_MAX:
            return None
        try:
            morsel = SimpleCookie(cookie_header).get(COOKIE_NAME)
        except CookieError:
            return None
        if morsel is None:
            return None
        session_id, _, signature = morsel.value.partition(".")
        expected = self._signature(session_id)
        return session_id if hmac.compare_digest(signature.encode(), expected.encode()) else None

    def _signature(self, session_id: str) -> str:
        mac = hmac.new(self._cookie_key, session_id.encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(mac).rstrip(b"=").decode()

    @staticmethod
    def _key(interaction_id: UUID, session_id: str) -> str:
        return f"{_KEY_PREFIX}{interaction_id}:{session_id}"


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except RedisError as error:
        raise Unavailable("UNAVAILABLE", "the session store does not answer") from error
