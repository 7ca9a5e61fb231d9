"""Whose a session is."""

from servicekit.clock import Clock
from servicekit.database import Database

from services.backend.admin_sessions import repository
from services.backend.admin_sessions.errors import session_over
from services.backend.admin_sessions.model import digest
from services.backend.tenants import repository as tenants
from services.backend.tenants.model import Tenant


class SessionQueries:
    """Checks sessions."""

    def __init__(self, *, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def tenant_of(self, token: str) -> Tenant:
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
