"""Revoke an access token."""

from functools import partial
from typing import Final
from uuid import UUID

from servicekit.clock import Clock
from servicekit.commands import Command
from servicekit.database import Database, WriteSession

from services.auth.gnap.errors import UnprovenClient
from services.auth.secrets.model import hash_secret
from services.auth.tokens import repository
from services.auth.tokens.ended import announce_end
from services.auth.tokens.model import PresentedToken

_no_such_token: Final = partial(UnprovenClient, "there is no such token")


class RevokeToken(Command[PresentedToken, UUID, None]):
    """Raises UnprovenClient: no token that is still valid has this id and value."""

    def __init__(self, *, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def read(self, given: PresentedToken) -> UUID:
        """The token's grant, which the guard knows already."""
        if given.grant_id is not None:
            return given.grant_id
        async with self._database.read() as session:
            found = await repository.find_managed(
                session, given.management_id, hash_secret(given.value)
            )
        if found is None:
            raise _no_such_token()
        return found.grant.id

    async def write(self, session: WriteSession, given: PresentedToken, facts: UUID) -> None:
        """The end of its row."""
        repository.revoke(
            session,
            given.management_id,
            hash_secret(given.value),
            self._clock.now(),
            grant_id=facts,
            refused=_no_such_token,
        )
        await announce_end(session, facts)
