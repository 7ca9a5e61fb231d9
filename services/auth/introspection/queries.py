"""What a token allows now."""

from collections.abc import Sequence
from dataclasses import replace

from ilpkit.openpayments.access import AskedAccess
from servicekit.clock import Clock
from servicekit.database import Database

from services.auth.access.model import covering
from services.auth.introspection import repository
from services.auth.introspection.model import ActiveToken
from services.auth.secrets.model import hash_secret
from services.auth.tokens.model import TOKEN_CHARACTERS_MAX


class TokenIntrospection:
    """Answers what resource servers ask."""

    def __init__(self, *, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def introspect(self, value: str, asked: Sequence[AskedAccess]) -> ActiveToken | None:
        """The token with the granted items that cover what is asked; None if it is not active."""
        if not 1 <= len(value) <= TOKEN_CHARACTERS_MAX:
            return None
        async with self._database.read() as session:
            found = await repository.find_active(session, hash_secret(value), self._clock.now())
        return None if found is None else replace(found, access=covering(found.access, asked))
