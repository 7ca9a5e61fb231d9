"""Signing in to the admin pages, and out."""

import base64
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from servicekit.clock import Clock
from servicekit.database import Database
from servicekit.errors import Unauthenticated
from servicekit.ids import IdSource

from services.backend.admin_sessions import repository
from services.backend.admin_sessions.errors import session_over
from services.backend.admin_sessions.failures import SignInFailures
from services.backend.admin_sessions.model import LIFE, TOKEN_BYTES, AdminSession, digest
from services.backend.tenants import repository as tenants
from services.backend.tenants.model import Tenant


class SignatureCheck(Protocol):
    """Who signed a call of the Admin API."""

    async def verify_api_signature(self, *, tenant_id: str, signature: str, body: bytes) -> Tenant:
        """The tenant; raises Unauthenticated."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A new session and the token that only its browser keeps."""

    token: str
    tenant: Tenant
    expires_at: datetime


class AdminSessionService:
    """Starts, checks and ends sessions."""

    def __init__(
        self, *, database: Database, signatures: SignatureCheck, clock: Clock, ids: IdSource
    ) -> None:
        self._database = database
        self._signatures = signatures
        self._failures = SignInFailures(clock=clock)
        self._clock = clock
        self._ids = ids

    async def start(self, *, tenant_id: str, signature: str, body: bytes, source: str) -> Started:
        """Sign in.

        Raises:
            Unauthenticated: the signature is not the tenant's.
            ResourceExhausted: too many sign-ins failed within a minute.
        """
        self._failures.check(tenant_id, source)
        try:
            tenant = await self._signatures.verify_api_signature(
                tenant_id=tenant_id, signature=signature, body=body
            )
        except Unauthenticated:
            self._failures.failed(tenant_id, source)
            raise
        now = self._clock.now()
        token = base64.urlsafe_b64encode(self._ids.token(TOKEN_BYTES)).decode()
        new = AdminSession(
            token_sha256=digest(token),
            tenant_id=tenant.id,
            secret_sha256=digest(tenant.api_secret),
            started_at=now,
            expires_at=now + LIFE,
        )
        async with self._database.write() as session:
            await repository.purge(session, now)
            await repository.add(session, new)
        return Started(token=token, tenant=tenant, expires_at=new.expires_at)

    async def check(self, token: str) -> Tenant:
        """Whose a session is; raises Unauthenticated when it is over.

        Both rows come from Postgres and not from memory, so that a session is over for all
        processes as soon as what ended it was committed.
        """
        async with self._database.read() as session:
            found = await repository.get(session, digest(token))
            if found is None or found.expires_at <= self._clock.now():
                raise session_over()
            tenant = await tenants.get(session, found.tenant_id)
        if tenant is None or not tenant.is_active:
            raise session_over()
        if digest(tenant.api_secret) != found.secret_sha256:
            raise session_over()
        return tenant

    async def end(self, token: str) -> None:
        """Sign out."""
        async with self._database.write() as session:
            await repository.remove(session, digest(token))
