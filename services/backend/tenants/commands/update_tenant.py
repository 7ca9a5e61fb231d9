"""Change some fields of a tenant; its settings are another command's."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from servicekit.commands import Command
from servicekit.database import WriteSession

from services.backend.tenants import repository
from services.backend.tenants.announcing import announce_tenant
from services.backend.tenants.checks import checked_secret, checked_url
from services.backend.tenants.errors import operator_is_fixed, unknown_tenant
from services.backend.tenants.model import Tenant
from services.backend.tenants.roles import ChangeTeller


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantChanges:
    """What to change: fields by name, as in Tenant."""

    tenant_id: UUID
    values: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"TenantChanges({self.tenant_id})"


class UpdateTenant(Command[TenantChanges, None, Tenant]):
    """Raises NotFound, InvalidArgument, and PermissionDenied for the operator's secret."""

    def __init__(self, *, auth: ChangeTeller) -> None:
        self._auth = auth

    async def write(self, session: WriteSession, given: TenantChanges, facts: None) -> Tenant:
        """Its row."""
        del facts
        tenant = await repository.lock(session, given.tenant_id)
        if tenant is None:
            raise unknown_tenant(given.tenant_id)
        if "api_secret" in given.values:
            if tenant.is_operator:
                raise operator_is_fixed("given another secret")
            checked_secret("api_secret", given.values["api_secret"])
        checked_url("idp_consent_url", given.values.get("idp_consent_url"))
        changed = replace(tenant, **given.values)
        repository.upsert(session, changed)
        await announce_tenant(session, self._auth, changed)
        return changed
