"""Revoke an access token."""

from functools import partial

from servicekit.clock import Clock
from servicekit.commands import Command
from servicekit.database import WriteSession

from services.auth.gnap.errors import UnprovenClient
from services.auth.secrets.model import hash_secret
from services.auth.tokens import repository
from services.auth.tokens.model import PresentedToken


class RevokeToken(Command[PresentedToken, None, None]):
    """Raises UnprovenClient: no token that is still valid has this id and value."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock

    async def write(self, session: WriteSession, given: PresentedToken, facts: None) -> None:
        """The end of its row."""
        del facts
        repository.revoke(
            session,
            given.management_id,
            hash_secret(given.value),
            self._clock.now(),
            grant_id=given.grant_id,
            refused=partial(UnprovenClient, "there is no such token"),
        )
