"""Replace an access token, expired or not, by a new one; both happen or neither does.

A client that did not get the answer asks again with the old token, for up to ROTATION_REPEAT after
the first time: the new token, which nobody has seen, is then replaced by another one. The old one
stays of no use for access.
"""

from dataclasses import dataclass

from servicekit.clock import Clock
from servicekit.commands import Command
from servicekit.database import Database, WriteSession

from services.auth.gnap.errors import InvalidRotation
from services.auth.grants import repository as grants
from services.auth.grants.model import Grant
from services.auth.secrets.model import hash_secret
from services.auth.tokens import repository
from services.auth.tokens.ended import announce_end
from services.auth.tokens.issuing import TokenIssuer
from services.auth.tokens.model import IssuedToken, ManagedToken, PresentedToken


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotated:
    """The new token, and what it allows."""

    grant: Grant
    token: IssuedToken


class RotateToken(Command[PresentedToken, ManagedToken, Rotated]):
    """Raises InvalidRotation: the token is unknown or revoked, or its grant is no longer live."""

    def __init__(self, *, database: Database, clock: Clock, issuer: TokenIssuer) -> None:
        self._database = database
        self._clock = clock
        self._issuer = issuer

    async def read(self, given: PresentedToken) -> ManagedToken:
        """The token, if it may be rotated."""
        async with self._database.read() as session:
            found = await repository.find_managed(
                session, given.management_id, hash_secret(given.value)
            )
        if (
            found is None
            or given.grant_id not in (None, found.grant.id)
            or not found.proves(self._clock.now())
            or not (found.revoked_at is None or found.successor_is_valid)
        ):
            raise InvalidRotation
        return found

    async def write(
        self, session: WriteSession, given: PresentedToken, facts: ManagedToken
    ) -> Rotated:
        """The old one's end and the new one, while the grant is held live."""
        del given
        grants.hold_live(session, facts.grant.id)
        new_id = self._issuer.new_id()
        token = self._issuer.issue(session, grant_id=facts.grant.id, token_id=new_id)
        repository.replace(session, facts, new_id, self._clock.now())
        await announce_end(session, facts.grant.id)
        return Rotated(grant=facts.grant, token=token)
