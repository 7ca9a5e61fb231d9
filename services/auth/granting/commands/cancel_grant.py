"""Revoke a grant and its tokens for its client."""

from servicekit.clock import Clock
from servicekit.commands import Command
from servicekit.database import Database, WriteSession

from services.auth.gnap.errors import UnknownGrant, UnprovenContinuation
from services.auth.granting.model import Continuation
from services.auth.grants import repository as grants
from services.auth.grants.model import Grant
from services.auth.secrets.model import hash_secret
from services.auth.tokens.revoking import revoke_grant


class CancelGrant(Command[Continuation, Grant, None]):
    """Cancels grants.

    Raises:
        UnprovenContinuation: no grant has this continue id and token.
        UnknownGrant: it is revoked or rejected already.
    """

    def __init__(self, *, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def read(self, given: Continuation) -> Grant:
        """The grant, while it is live."""
        async with self._database.read() as session:
            grant = await grants.find_continuable(
                session, given.continue_id, hash_secret(given.continue_token)
            )
        if grant is None or given.grant_id not in (None, grant.id):
            raise UnprovenContinuation
        if not grant.live:
            raise UnknownGrant
        return grant

    async def write(self, session: WriteSession, given: Continuation, facts: Grant) -> None:
        """Its end, and that of its tokens."""
        del given
        await revoke_grant(session, facts, self._clock.now())
