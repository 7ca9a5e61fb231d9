"""Issue, rotation and revocation of access tokens."""

from datetime import datetime, timedelta
from uuid import UUID

from servicekit.clock import Clock
from servicekit.database import WriteSession
from servicekit.ids import IdSource

from services.auth.errors import InvalidRotation, UnprovenClient
from services.auth.grants.model import Grant
from services.auth.tokens import repository
from services.auth.tokens.model import (
    ROTATION_REPEAT,
    AccessToken,
    IssuedToken,
    hash_secret,
    new_public_id,
    new_secret,
)


class TokenService:
    """Tokens live `token_life_s` seconds; rotating one starts a new life."""

    def __init__(self, *, clock: Clock, ids: IdSource, token_life_s: int) -> None:
        self._clock = clock
        self._ids = ids
        self._life_s = token_life_s

    async def issue(self, session: WriteSession, grant_id: UUID) -> IssuedToken:
        """A new token of a grant whose row the caller has locked or just made."""
        issued, _ = await self._add(session, grant_id, self._clock.now())
        return issued

    async def rotate(
        self, session: WriteSession, *, management_id: UUID, value: str, grant_id: UUID | None
    ) -> tuple[Grant, IssuedToken]:
        """Replace a token, expired or not, by a new one; both happen or neither does.

        A client that did not get the answer asks again with the old token, for up to
        ROTATION_REPEAT after the first time: the new token, which nobody has seen, is then replaced
        by another one. The old one stays of no use for access.

        `grant_id`, if given, is the grant that the guard has seen this token belong to.

        Raises:
            InvalidRotation: the token is unknown or revoked, or its grant is no longer live.
        """
        now = self._clock.now()
        grant = await repository.lock_grant(session, management_id)
        if grant is None or not grant.live or grant_id not in (None, grant.id):
            raise InvalidRotation
        value_hash = hash_secret(value)
        revoked = await repository.revoke(session, management_id, value_hash, now)
        if revoked is None and not await repository.revoke_successor(
            session, management_id, value_hash, now, rotated_since=now - ROTATION_REPEAT
        ):
            raise InvalidRotation
        issued, token_id = await self._add(session, grant.id, now)
        await repository.set_successor(session, management_id, token_id)
        return grant, issued

    async def revoke(
        self, session: WriteSession, *, management_id: UUID, value: str, grant_id: UUID | None
    ) -> None:
        """Revoke a token.

        Raises:
            UnprovenClient: no token that is still valid has this id and value.
        """
        grant = await repository.lock_grant(session, management_id)
        if grant is not None and grant_id in (None, grant.id):
            now = self._clock.now()
            if await repository.revoke(session, management_id, hash_secret(value), now):
                return
        raise UnprovenClient("there is no such token")

    async def _add(
        self, session: WriteSession, grant_id: UUID, now: datetime
    ) -> tuple[IssuedToken, UUID]:
        value = new_secret(self._ids)
        token = AccessToken(
            id=self._ids.uuid(),
            grant_id=grant_id,
            management_id=new_public_id(self._ids),
            expires_in_s=self._life_s,
            created_at=now,
            expires_at=now + timedelta(seconds=self._life_s),
            revoked_at=None,
        )
        await repository.add(session, token, value_hash=hash_secret(value))
        issued = IssuedToken(
            value=value, management_id=token.management_id, expires_in_s=self._life_s
        )
        return issued, token.id
