"""What can be asked about tenants."""

from uuid import UUID

from servicekit.database import Database
from servicekit.paging import Page, PageQuery

from services.backend.tenants import repository
from services.backend.tenants.errors import unknown_tenant
from services.backend.tenants.model import Tenant
from services.backend.tenants.roles import KnownTenants


class TenantQueries:
    """Reads tenants that are not deleted: a single one from memory, lists from Postgres."""

    def __init__(self, *, database: Database, known: KnownTenants) -> None:
        self._database = database
        self._known = known

    def get(self, tenant_id: UUID) -> Tenant:
        """One tenant; raises NotFound."""
        tenant = self._known.tenant(tenant_id)
        if tenant is None:
            raise unknown_tenant(tenant_id)
        return tenant

    async def page(self, query: PageQuery) -> Page[Tenant]:
        """A page of tenants, newest first."""
        async with self._database.read() as session:
            return await repository.page(session, query)
