"""Introspection of access tokens."""

from collections.abc import Sequence
from dataclasses import replace

from ilpkit.openpayments.access import AskedAccess
from servicekit.clock import Clock
from servicekit.database import ReadSession

from services.auth.access.model import covering
from services.auth.introspection import repository
from services.auth.introspection.model import ActiveToken
from services.auth.tokens.model import TOKEN_CHARACTERS_MAX, hash_secret


class TokenIntrospection:
    """Answers what a token allows now."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock

    async def introspect(
        self, session: ReadSession, *, value: str, asked: Sequence[AskedAccess]
    ) -> ActiveToken | None:
        """The token with the granted items that cover what is asked; None if it is not active."""
        if not 1 <= len(value) <= TOKEN_CHARACTERS_MAX:
            return None
        found = await repository.find_active(session, hash_secret(value), self._clock.now())
        return None if found is None else replace(found, access=covering(found.access, asked))
