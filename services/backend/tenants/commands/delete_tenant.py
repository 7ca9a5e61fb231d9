"""Serve nothing of a tenant any more: no calls, no peers, no wallet addresses."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from servicekit.clock import Clock
from servicekit.commands import Command
from servicekit.database import WriteSession

from services.backend.tenants import repository
from services.backend.tenants.announcing import announce_tenant
from services.backend.tenants.errors import operator_is_fixed, unknown_tenant
from services.backend.tenants.model import SettingKey, Tenant
from services.backend.tenants.roles import ChangeTeller, EndOfTenant


class DeleteTenant(Command[UUID, None, Tenant]):
    """Raises NotFound, and PermissionDenied for the operator's tenant."""

    def __init__(self, *, auth: ChangeTeller, ends: Sequence[EndOfTenant], clock: Clock) -> None:
        self._auth = auth
        self._ends = ends
        self._clock = clock

    async def write(self, session: WriteSession, given: UUID, facts: None) -> Tenant:
        """Its row, its settings, and what other features have of it."""
        del facts
        tenant = await repository.lock(session, given)
        if tenant is None:
            raise unknown_tenant(given)
        if tenant.is_operator:
            raise operator_is_fixed("deleted")
        gone = replace(tenant, deleted_at=self._clock.now())
        repository.upsert(session, gone)
        repository.unset_settings(session, gone.id, SettingKey)
        for end in self._ends:
            await end(session, gone.id, self._clock.now())
        await announce_tenant(session, self._auth, gone)
        return gone
