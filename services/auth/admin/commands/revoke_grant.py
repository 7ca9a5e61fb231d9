"""Revoke a grant and its tokens for an administrator; a repeat does nothing."""

from dataclasses import dataclass
from uuid import UUID

from servicekit.clock import Clock
from servicekit.commands import Command
from servicekit.database import WriteSession

from services.auth.admin.queries import GrantQueries
from services.auth.grants.model import Grant
from services.auth.tokens.revoking import revoke_grant


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantToRevoke:
    """Which one; None as the tenant means any."""

    grant_id: UUID
    tenant_id: UUID | None


class RevokeGrant(Command[GrantToRevoke, Grant, None]):
    """Raises UnknownGrant: there is none, or not for this tenant."""

    def __init__(self, *, queries: GrantQueries, clock: Clock) -> None:
        self._queries = queries
        self._clock = clock

    async def read(self, given: GrantToRevoke) -> Grant:
        """The grant."""
        return await self._queries.get(given.grant_id, tenant_id=given.tenant_id)

    async def write(self, session: WriteSession, given: GrantToRevoke, facts: Grant) -> None:
        """Its end, unless it came before."""
        del given
        if facts.live:
            await revoke_grant(session, facts, self._clock.now())
