"""Add a tenant with its settings."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from servicekit.clock import Clock
from servicekit.commands import Command
from servicekit.database import WriteSession
from servicekit.ids import IdSource

from services.backend.tenants import repository
from services.backend.tenants.announcing import announce_tenant
from services.backend.tenants.checks import checked_secret, checked_url, clean_settings
from services.backend.tenants.model import Tenant
from services.backend.tenants.roles import ChangeTeller, Names


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTenant:
    """What to create; without an `id` it gets a new one."""

    id: UUID | None
    api_secret: str
    email: str | None
    public_name: str | None
    idp_consent_url: str | None
    idp_secret: str | None
    settings: Sequence[tuple[str, str]]

    def __repr__(self) -> str:
        return f"NewTenant({self.id})"


class CreateTenant(Command[NewTenant, None, Tenant]):
    """Raises InvalidArgument, and AlreadyExists for the id or a setting that must be its own."""

    def __init__(self, *, names: Names, auth: ChangeTeller, clock: Clock, ids: IdSource) -> None:
        self._names = names
        self._auth = auth
        self._clock = clock
        self._ids = ids

    async def write(self, session: WriteSession, given: NewTenant, facts: None) -> Tenant:
        """Its row and its settings, once nobody else has its names."""
        del facts
        cleaned = clean_settings(given.settings)
        settings = {key.value: value for key, value in cleaned.items() if value}
        tenant = Tenant(
            id=given.id or self._ids.uuid(),
            is_operator=False,
            api_secret=checked_secret("api_secret", given.api_secret),
            email=given.email,
            public_name=given.public_name,
            idp_consent_url=checked_url("idp_consent_url", given.idp_consent_url),
            idp_secret=given.idp_secret,
            settings=settings,
            created_at=self._clock.now(),
            deleted_at=None,
        )
        await self._names.lock(session)
        await self._names.check_tenant(session, tenant)
        repository.add(session, tenant)
        repository.set_settings(session, tenant.id, settings)
        await announce_tenant(session, self._auth, tenant)
        return tenant
