"""A browser's cookie: encrypted and authenticated, and nothing of it is kept here.

It carries the token of a session that the backend keeps. The backend is asked at each page whose
the token is, so that a session ends at once when its user signs out, the tenant's API secret
changes, or the tenant is deleted. The API secret is used at the sign-in and is in no cookie.
"""

import base64
import json
from dataclasses import dataclass
from typing import Final

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from servicekit.clock import Clock
from servicekit.ids import IdSource

COOKIE: Final = "rafiki_admin"
NOTICE_COOKIE: Final = "rafiki_admin_notice"
NOTICE_S_MAX: Final = 60
IDLE_S_MAX: Final = 30 * 60
LIFE_S_MAX: Final = 8 * 60 * 60
# A cookie younger than this is not sent anew with each page.
REFRESH_AFTER_S: Final = 60
CSRF_BYTES: Final = 32
_KEY_BYTES: Final = 32
_PURPOSE: Final = b"rafiki admin session cookie v1"
_MS: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A browser's session; one without a token only guards the sign-in form."""

    token: str | None
    """Of the backend's session."""
    csrf: str
    started_ms: int
    sealed_ms: int
    tenant_id: str | None = None
    """Whose it is, once the backend has said so; never from the cookie."""
    is_operator: bool = False

    @property
    def scope(self) -> str | None:
        """The `tenant_id` of calls; None means the operator, who sees all tenants."""
        assert self.tenant_id is not None, "pages ask for the session before they call anything"
        return None if self.is_operator else self.tenant_id


class Sessions:
    """Makes, reads and writes sessions."""

    def __init__(self, *, secret: str, clock: Clock, ids: IdSource) -> None:
        derived = HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=_PURPOSE)
        key = derived.derive(secret.encode())
        self._fernet = Fernet(base64.urlsafe_b64encode(key))
        self._clock = clock
        self._ids = ids

    def start(self, *, token: str | None = None) -> Session:
        """A new session with a CSRF token of its own."""
        now_ms = self._clock.now_ms()
        return Session(
            token=token,
            csrf=base64.urlsafe_b64encode(self._ids.token(CSRF_BYTES)).decode(),
            started_ms=now_ms,
            sealed_ms=now_ms,
        )

    def seal(self, session: Session) -> str:
        """The cookie's value, valid from now on for `IDLE_S_MAX`."""
        now_ms = self._clock.now_ms()
        body = [session.token, session.csrf, session.started_ms, now_ms]
        return self._fernet.encrypt_at_time(json.dumps(body).encode(), now_ms // _MS).decode()

    def open(self, cookie: str | None) -> Session | None:
        """The session in a cookie, None when there is none or it is over."""
        if not cookie:
            return None
        now_ms = self._clock.now_ms()
        try:
            body = self._fernet.decrypt_at_time(cookie.encode(), IDLE_S_MAX, now_ms // _MS)
        except InvalidToken:
            return None
        fields = json.loads(body)
        if not isinstance(fields, list):
            return None  # a notice is sealed with the same key
        token, csrf, started_ms, sealed_ms = fields
        if now_ms - started_ms > LIFE_S_MAX * _MS:
            return None
        return Session(token=token, csrf=csrf, started_ms=started_ms, sealed_ms=sealed_ms)

    def seal_notice(self, notice: str) -> str:
        """The value of the cookie that carries the name of a notice to the next page.

        A query parameter would let any link make a page claim that something was done.
        """
        body = json.dumps({"notice": notice}).encode()
        return self._fernet.encrypt_at_time(body, self._clock.now_ms() // _MS).decode()

    def open_notice(self, cookie: str | None) -> str | None:
        """The notice's name, None when the cookie is not one of ours or a minute old."""
        if not cookie:
            return None
        try:
            now_s = self._clock.now_ms() // _MS
            body = json.loads(self._fernet.decrypt_at_time(cookie.encode(), NOTICE_S_MAX, now_s))
        except InvalidToken:
            return None
        return body.get("notice") if isinstance(body, dict) else None

    def is_stale(self, session: Session) -> bool:
        """Whether the cookie should be sent anew, so that the session does not end in use."""
        return self._clock.now_ms() - session.sealed_ms > REFRESH_AFTER_S * _MS
