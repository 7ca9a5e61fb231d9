"""Set some settings of a tenant; an empty value takes one away."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from servicekit.commands import Command
from servicekit.database import WriteSession

from services.backend.tenants import repository
from services.backend.tenants.announcing import announce_tenant
from services.backend.tenants.checks import clean_settings
from services.backend.tenants.errors import unknown_tenant
from services.backend.tenants.model import NAME_KEYS, Tenant
from services.backend.tenants.roles import ChangeTeller, Names


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSettings:
    """What to set; the node's own settings hold for what the tenant has none of."""

    tenant_id: UUID
    settings: Sequence[tuple[str, str]]


class SetTenantSettings(Command[NewSettings, None, Tenant]):
    """Raises NotFound, InvalidArgument, AlreadyExists, and PermissionDenied as `Names` says."""

    def __init__(self, *, names: Names, auth: ChangeTeller) -> None:
        self._names = names
        self._auth = auth

    async def write(self, session: WriteSession, given: NewSettings, facts: None) -> Tenant:
        """The rows of the settings, once nobody else has the names."""
        del facts
        cleaned = clean_settings(given.settings)
        renames = not NAME_KEYS.isdisjoint(cleaned)
        if renames:
            await self._names.lock(session)
        tenant = await repository.lock(session, given.tenant_id)
        if tenant is None:
            raise unknown_tenant(given.tenant_id)
        kept = {key.value: value for key, value in cleaned.items() if value}
        rest = {key: value for key, value in tenant.settings.items() if key not in cleaned}
        changed = replace(tenant, settings=rest | kept)
        if renames:
            await self._names.check_tenant(session, changed)
        repository.set_settings(session, tenant.id, kept)
        repository.unset_settings(session, tenant.id, cleaned.keys() - kept.keys())
        await announce_tenant(session, self._auth, changed)
        return changed
