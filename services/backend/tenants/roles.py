"""What tenants need of others."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Protocol
from uuid import UUID

from servicekit.database import ReadSession, WriteSession

from services.backend.tenants.model import Tenant

EndOfTenant = Callable[[WriteSession, UUID, datetime], Awaitable[None]]
"""Ends, in the transaction that deletes a tenant, what a feature has of it."""


class Names(Protocol):
    """Which ILP addresses and URLs are whose."""

    async def lock(self, session: WriteSession) -> None:
        """Keep all names as they are until the transaction ends."""
        ...

    async def check_tenant(self, session: ReadSession, tenant: Tenant) -> None:
        """Refuse a tenant's names when they are another's; raises ServiceError."""
        ...


class KnownTenants(Protocol):
    """Tenants that are not deleted, in memory."""

    def tenant(self, tenant_id: UUID) -> Tenant | None:
        """The tenant with this id."""
        ...


class ChangeTeller(Protocol):
    """Who else must know of changes."""

    async def changed(self, session: WriteSession, tenant_id: UUID) -> None:
        """Remember, in this transaction, that a tenant changed."""
        ...
