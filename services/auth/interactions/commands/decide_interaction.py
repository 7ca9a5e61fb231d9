"""Record what the user decided, as the identity provider says; the same again changes nothing.

The decision alone approves nothing: the grant moves when the browser that started the interaction
comes back (`finish_interaction`), and only then does the client learn its reference.
"""

from dataclasses import dataclass, field
from uuid import UUID

from servicekit.clock import Clock
from servicekit.commands import Command
from servicekit.database import WriteSession

from services.auth.gnap.errors import InvalidInteraction, UnknownInteraction, UserDenied
from services.auth.grants.model import Finalization
from services.auth.interactions import repository
from services.auth.interactions.model import FoundInteraction, InteractionState
from services.auth.interactions.queries import InteractionQueries, check_idp


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What was decided about which interaction, and who says so."""

    interaction_id: UUID
    nonce: str
    idp_secret: str | None = field(repr=False)
    state: InteractionState


class DecideInteraction(Command[Decision, FoundInteraction, None]):
    """Records decisions.

    Raises:
        UnknownInteraction: it is unknown.
        UnprovenInteraction: the secret is wrong.
        UserDenied: it was refused before, or the grant was revoked.
        InvalidInteraction: it was decided otherwise, or is expired.
    """

    def __init__(self, *, queries: InteractionQueries, clock: Clock) -> None:
        self._queries = queries
        self._clock = clock

    async def read(self, given: Decision) -> FoundInteraction:
        """The interaction, if this can be decided about it."""
        found = await self._queries.find(given.interaction_id, given.nonce)
        if found is None:
            raise UnknownInteraction
        check_idp(found, given.idp_secret)
        if found.grant.finalization is Finalization.REVOKED:
            raise UserDenied("the grant was revoked")
        decided = found.interaction.state
        if decided is given.state:
            return found
        if decided is InteractionState.DENIED:
            raise UserDenied("the user refused before")
        if decided is not InteractionState.PENDING:
            raise InvalidInteraction("the user agreed before")
        if found.interaction.expired(self._clock.now()):
            raise InvalidInteraction("the interaction has expired")
        return found

    async def write(self, session: WriteSession, given: Decision, facts: FoundInteraction) -> None:
        """The decision, unless it is there."""
        if facts.interaction.state is not given.state:
            repository.decide(session, facts.interaction.id, given.state, self._clock.now())
