"""Use cases of tenants."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from servicekit.clock import Clock
from servicekit.database import Database, WriteSession
from servicekit.hmac_signature import SignatureRefused, verify_signature
from servicekit.redis import ReplayGuard

from services.backend.directory.worker import Directory, announce_change
from services.backend.tenants import repository
from services.backend.tenants.errors import signature_refused, unknown_tenant
from services.backend.tenants.model import Tenant


class TenantService:
    """Who the tenants are, and whether a call is theirs."""

    def __init__(
        self,
        *,
        database: Database,
        directory: Directory,
        replay_guard: ReplayGuard,
        signature_version: int,
        signature_ttl_ms: int,
        clock: Clock,
    ) -> None:
        self._database = database
        self._directory = directory
        self._replay_guard = replay_guard
        self._signature_version = signature_version
        self._signature_ttl_ms = signature_ttl_ms
        self._clock = clock

    async def ensure_operator(
        self, *, tenant_id: UUID, api_secret: str, settings: Sequence[tuple[str, str]] = ()
    ) -> None:
        """Make the operator's tenant what the settings say."""
        async with self._database.write() as session:
            known = await repository.get(session, tenant_id)
            blank = Tenant(
                id=tenant_id,
                is_operator=True,
                api_secret=api_secret,
                email=None,
                public_name=None,
                idp_consent_url=None,
                idp_secret=None,
                settings={},
                created_at=self._clock.now(),
                deleted_at=None,
            )
            tenant = blank if known is None else known
            wanted = replace(tenant, is_operator=True, api_secret=api_secret)
            if wanted != known:
                await repository.upsert(session, wanted)
                await announce_change(session)
            await repository.set_settings(session, tenant_id, settings)

    async def verify_api_signature(self, *, tenant_id: str, signature: str, body: bytes) -> Tenant:
        """The tenant that signed an Admin API call; raises Unauthenticated.

        A signature is good once: the same one again is refused.
        """
        try:
            entry = self._directory.snapshot.tenants.get(UUID(tenant_id))
        except ValueError:
            entry = None
        if entry is None:
            raise signature_refused()
        try:
            verify_signature(
                signature,
                secret=entry.tenant.api_secret,
                version=self._signature_version,
                body=body,
                now_ms=self._clock.now_ms(),
                ttl_ms=self._signature_ttl_ms,
            )
        except SignatureRefused:
            raise signature_refused() from None
        # Twice the life: a signature may be as far in the future as the clocks may differ.
        if not await self._replay_guard.first_use(signature, ttl_ms=2 * self._signature_ttl_ms):
            raise signature_refused()
        return entry.tenant

    async def get(self, tenant_id: UUID) -> Tenant:
        """One tenant; raises NotFound."""
        async with self._database.read() as session:
            tenant = await repository.get(session, tenant_id)
        if tenant is None or tenant.deleted_at is not None:
            raise unknown_tenant(tenant_id)
        return tenant

    async def change(
        self, session: WriteSession, tenant_id: UUID, values: dict[str, Any]
    ) -> Tenant:
        """Change some fields, named as in Tenant."""
        tenant = await repository.get(session, tenant_id)
        if tenant is None or tenant.deleted_at is not None:
            raise unknown_tenant(tenant_id)
        changed = replace(tenant, **values)
        await repository.upsert(session, changed)
        await announce_change(session)
        return changed
