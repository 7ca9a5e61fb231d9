"""Use cases of tenants."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol
from uuid import UUID

from servicekit.clock import Clock
from servicekit.database import Database, WriteSession
from servicekit.hmac_signature import SignatureRefused, verify_signature
from servicekit.ids import IdSource
from servicekit.paging import Page, PageQuery
from servicekit.redis import ReplayGuard

from services.backend.changes.announcement import announce_change
from services.backend.changes.model import Kind
from services.backend.directory.names import NAME_KEYS, Names
from services.backend.directory.worker import Directory
from services.backend.tenants import repository
from services.backend.tenants.checks import checked_secret, checked_url, clean_settings
from services.backend.tenants.errors import (
    duplicate_tenant,
    operator_is_fixed,
    signature_refused,
    unknown_tenant,
)
from services.backend.tenants.model import SettingKey, Tenant


class ChangeTeller(Protocol):
    """Who else must know of changes."""

    async def changed(self, session: WriteSession, tenant_id: UUID) -> None:
        """Remember, in this transaction, that a tenant changed."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTenant:
    """What a tenant is made of."""

    id: UUID | None
    api_secret: str
    email: str | None
    public_name: str | None
    idp_consent_url: str | None
    idp_secret: str | None
    settings: Sequence[tuple[str, str]]

    def __repr__(self) -> str:
        return f"NewTenant({self.id})"


class TenantService:
    """Who the tenants are, and whether a call is theirs."""

    def __init__(
        self,
        *,
        database: Database,
        directory: Directory,
        names: Names,
        replay_guard: ReplayGuard,
        changes: ChangeTeller,
        signature_version: int,
        signature_ttl_ms: int,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._database = database
        self._directory = directory
        self._names = names
        self._replay_guard = replay_guard
        self._changes = changes
        self._signature_version = signature_version
        self._signature_ttl_ms = signature_ttl_ms
        self._clock = clock
        self._ids = ids

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
            await repository.set_settings(session, tenant_id, settings)
            if wanted != known:
                await announce_change(session, Kind.TENANT, tenant_id)

    async def verify_api_signature(
        self, *, tenant_id: str, signature: str, body: bytes, call: str = ""
    ) -> Tenant:
        """The tenant that signed an Admin API call; raises Unauthenticated.

        A signature is good for one call: the same one again is refused. A call without a name is
        another each time; one with a name may be tried again.
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
        mark, ttl_ms = call.encode(), 2 * self._signature_ttl_ms
        used = await self._replay_guard.claim(signature, mark=mark, ttl_ms=ttl_ms)
        if used is not None and not (call and self._replay_guard.same_mark(used, mark)):
            raise signature_refused()
        return entry.tenant

    async def create(self, session: WriteSession, new: NewTenant) -> Tenant:
        """Add a tenant with its settings.

        Raises:
            InvalidArgument: a field is malformed.
            AlreadyExists: the id is taken, or a setting that must be its own.
        """
        await self._names.lock(session)
        tenant = Tenant(
            id=new.id or self._ids.uuid(),
            is_operator=False,
            api_secret=checked_secret("api_secret", new.api_secret),
            email=new.email,
            public_name=new.public_name,
            idp_consent_url=checked_url("idp_consent_url", new.idp_consent_url),
            idp_secret=new.idp_secret,
            settings={},
            created_at=self._clock.now(),
            deleted_at=None,
        )
        if not await repository.add(session, tenant):
            raise duplicate_tenant(tenant.id)
        created = await self._with_settings(session, tenant, new.settings)
        await self._names.check_tenant(session, created)
        await self._tell(session, created)
        return created

    async def get(self, tenant_id: UUID) -> Tenant:
        """One tenant; raises NotFound."""
        async with self._database.read() as session:
            tenant = await repository.get(session, tenant_id)
        if tenant is None or not tenant.is_active:
            raise unknown_tenant(tenant_id)
        return tenant

    async def page(self, query: PageQuery) -> Page[Tenant]:
        """A page of tenants, newest first."""
        async with self._database.read() as session:
            return await repository.page(session, query)

    async def change(
        self, session: WriteSession, tenant_id: UUID, values: dict[str, Any]
    ) -> Tenant:
        """Change some fields, named as in Tenant; raises NotFound and as `create` does."""
        tenant = await self._held(session, tenant_id)
        if "api_secret" in values:
            if tenant.is_operator:
                raise operator_is_fixed("given another secret")
            checked_secret("api_secret", values["api_secret"])
        checked_url("idp_consent_url", values.get("idp_consent_url"))
        changed = replace(tenant, **values)
        await repository.upsert(session, changed)
        await self._tell(session, changed)
        return changed

    async def set_settings(
        self, session: WriteSession, tenant_id: UUID, settings: Sequence[tuple[str, str]]
    ) -> Tenant:
        """Set some settings; an empty value takes one away. Raises as `change` does."""
        names_change = NAME_KEYS.intersection(key for key, _ in settings)
        if names_change:
            await self._names.lock(session)
        changed = await self._with_settings(session, await self._held(session, tenant_id), settings)
        if names_change:
            await self._names.check_tenant(session, changed)
        await self._tell(session, changed)
        return changed

    async def delete(self, session: WriteSession, tenant_id: UUID) -> None:
        """Serve nothing of a tenant any more: no calls, no peers, no wallet addresses.

        Raises:
            NotFound: there is none.
            PermissionDenied: it is the operator's.
        """
        tenant = await self._held(session, tenant_id)
        if tenant.is_operator:
            raise operator_is_fixed("deleted")
        now = self._clock.now()
        gone = replace(tenant, deleted_at=now)
        await repository.upsert(session, gone)
        await repository.unset_settings(session, tenant_id, SettingKey)
        await repository.end_of(session, tenant_id, now)
        await self._tell(session, gone)

    async def _held(self, session: WriteSession, tenant_id: UUID) -> Tenant:
        tenant = await repository.lock(session, tenant_id)
        if tenant is None:
            raise unknown_tenant(tenant_id)
        return tenant

    async def _with_settings(
        self, session: WriteSession, tenant: Tenant, settings: Sequence[tuple[str, str]]
    ) -> Tenant:
        cleaned = clean_settings(settings)
        kept = {key: value for key, value in cleaned.items() if value}
        await repository.set_settings(session, tenant.id, kept.items())
        await repository.unset_settings(session, tenant.id, cleaned.keys() - kept.keys())
        rest = {key: value for key, value in tenant.settings.items() if key not in cleaned}
        return replace(tenant, settings=rest | kept)

    async def _tell(self, session: WriteSession, tenant: Tenant) -> None:
        # Auth has the operator's consent page from its own settings, unless one is set here.
        if not tenant.is_operator or tenant.idp_consent_url is not None:
            await self._changes.changed(session, tenant.id)
        await announce_change(session, Kind.TENANT, tenant.id)
