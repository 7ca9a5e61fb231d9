"""What administrators ask about grants."""

from uuid import UUID

from servicekit.database import Database
from servicekit.paging import Page, PageQuery

from services.auth.gnap.errors import UnknownGrant
from services.auth.grants import repository
from services.auth.grants.model import Grant
from services.auth.grants.repository import GrantFilter


class GrantQueries:
    """Reads grants."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def get(self, grant_id: UUID, *, tenant_id: UUID | None) -> Grant:
        """One grant. Raises UnknownGrant if there is none, or not for this tenant."""
        async with self._database.read() as session:
            grant = await repository.get(session, grant_id, tenant_id)
        if grant is None:
            raise UnknownGrant
        return grant

    async def page(self, wanted: GrantFilter, query: PageQuery) -> Page[Grant]:
        """A page of grants, newest first."""
        async with self._database.read() as session:
            return await repository.page(session, wanted, query)
