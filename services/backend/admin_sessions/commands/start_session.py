"""Sign in to the admin pages."""

import base64
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from servicekit.clock import Clock
from servicekit.commands import Command
from servicekit.database import WriteSession
from servicekit.errors import Unauthenticated
from servicekit.ids import IdSource

from services.backend.admin_sessions import repository
from services.backend.admin_sessions.failures import SignInFailures
from services.backend.admin_sessions.model import LIFE, TOKEN_BYTES, AdminSession, digest
from services.backend.tenants.model import Tenant


class SignatureCheck(Protocol):
    """Who signed a call of the Admin API."""

    async def verify_api_signature(self, *, tenant_id: str, signature: str, body: bytes) -> Tenant:
        """The tenant; raises Unauthenticated."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """A body that the tenant signed, and the network address that it came from."""

    tenant_id: str
    signature: str
    body: bytes
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedSession:
    """A new session and the token that only its browser keeps."""

    token: str
    tenant: Tenant
    expires_at: datetime


class StartSession(Command[SignIn, Tenant, StartedSession]):
    """Raises Unauthenticated, and ResourceExhausted when too many failed within a minute."""

    def __init__(self, *, signatures: SignatureCheck, clock: Clock, ids: IdSource) -> None:
        self._signatures = signatures
        self._failures = SignInFailures(clock=clock)
        self._clock = clock
        self._ids = ids

    async def read(self, given: SignIn) -> Tenant:
        """Who signed."""
        self._failures.check(given.tenant_id, given.source)
        try:
            return await self._signatures.verify_api_signature(
                tenant_id=given.tenant_id, signature=given.signature, body=given.body
            )
        except Unauthenticated:
            self._failures.failed(given.tenant_id, given.source)
            raise

    async def write(self, session: WriteSession, given: SignIn, facts: Tenant) -> StartedSession:
        """The session, while some of those that are over go."""
        del given
        now = self._clock.now()
        token = base64.urlsafe_b64encode(self._ids.token(TOKEN_BYTES)).decode()
        new = AdminSession(
            token_sha256=digest(token),
            tenant_id=facts.id,
            secret_sha256=digest(facts.api_secret),
            started_at=now,
            expires_at=now + LIFE,
        )
        repository.purge(session, now)
        repository.add(session, new)
        return StartedSession(token=token, tenant=facts, expires_at=new.expires_at)
