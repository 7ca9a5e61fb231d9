"""Forget a tenant: no more grants, its tokens are revoked."""

from uuid import UUID

from servicekit.clock import Clock
from servicekit.commands import Command
from servicekit.database import WriteSession

from services.auth.gnap.errors import UnknownTenant
from services.auth.grants import repository as grants
from services.auth.tenants import repository as tenants
from services.auth.tokens import repository as tokens
from services.auth.tokens.ended import announce_end


class DeleteTenant(Command[UUID, None, None]):
    """Raises UnknownTenant: there is none, or it was deleted before."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock

    async def write(self, session: WriteSession, given: UUID, facts: None) -> None:
        """The tenant first: the next statement sees a grant that was being given meanwhile."""
        del facts
        now = self._clock.now()
        if not await tenants.delete(session, given, now):
            raise UnknownTenant(str(given))
        grants.revoke_of_tenant(session, given)
        tokens.revoke_of_tenant(session, given, now)
        await announce_end(session, None)
