"""New access tokens."""

from datetime import timedelta
from uuid import UUID

from servicekit.clock import Clock
from servicekit.database import WriteSession
from servicekit.ids import IdSource

from services.auth.secrets.model import hash_secret, new_public_id, new_secret
from services.auth.tokens import repository
from services.auth.tokens.model import IssuedToken, NewToken


class TokenIssuer:
    """Makes tokens that live `token_life_s` seconds."""

    def __init__(self, *, clock: Clock, ids: IdSource, token_life_s: int) -> None:
        self._clock = clock
        self._ids = ids
        self._life_s = token_life_s

    def new_id(self) -> UUID:
        """The id of the next token."""
        return self._ids.uuid()

    def issue(
        self, session: WriteSession, *, grant_id: UUID, token_id: UUID | None = None
    ) -> IssuedToken:
        """Write a new token of a grant."""
        value, now = new_secret(self._ids), self._clock.now()
        token = NewToken(
            id=token_id or self.new_id(),
            management_id=new_public_id(self._ids),
            value_hash=hash_secret(value),
            expires_in_s=self._life_s,
            created_at=now,
            expires_at=now + timedelta(seconds=self._life_s),
        )
        repository.add(session, token, grant_id=grant_id)
        return IssuedToken(
            value=value, management_id=token.management_id, expires_in_s=self._life_s
        )
