"""End an interaction for the browser that started it; repeating it changes nothing."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from ilpkit.gnap.interaction_hash import interaction_hash
from servicekit.clock import Clock
from servicekit.commands import Command
from servicekit.database import WriteSession

from services.auth.gnap.errors import UnknownInteraction, UnprovenInteraction
from services.auth.gnap.urls import PublicUrls, with_query
from services.auth.grants import repository as grants
from services.auth.grants.model import Finalization, Grant, GrantState
from services.auth.interactions.model import FoundInteraction, Interaction, InteractionState
from services.auth.interactions.queries import RESULT_INVALID, InteractionQueries

RESULT_REJECTED: Final = "grant_rejected"
RESULT_UNDECIDED: Final = "grant_invalid"
RESULT_UNKNOWN: Final = "unknown_interaction"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """Whose browser came back from which interaction."""

    interaction_id: UUID
    nonce: str
    same_browser: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """How an interaction ended for the browser: a redirect, or a page that says `message`."""

    location: str | None
    message: str


class FinishInteraction(Command[Finish, FoundInteraction, Finished]):
    """Ends interactions.

    Raises:
        UnknownInteraction: it is unknown, or revoked without a finish URL.
        UnprovenInteraction: another browser's; expired or undecided without a finish URL.
    """

    def __init__(self, *, queries: InteractionQueries, clock: Clock, urls: PublicUrls) -> None:
        self._queries = queries
        self._clock = clock
        self._urls = urls

    async def read(self, given: Finish) -> FoundInteraction:
        """The interaction."""
        found = await self._queries.find(given.interaction_id, given.nonce)
        if found is None:
            raise UnknownInteraction
        return found

    async def write(
        self, session: WriteSession, given: Finish, facts: FoundInteraction
    ) -> Finished:
        """The grant's next state, if the user decided and it is not there yet."""
        interaction, grant = facts.interaction, facts.grant
        if interaction.expired(self._clock.now()):
            return _refused(grant, RESULT_INVALID, "the interaction has expired")
        if not given.same_browser:
            raise UnprovenInteraction("this browser did not start the interaction")
        if grant.finalization is Finalization.REVOKED:
            if grant.finish is None:
                raise UnknownInteraction("the grant was revoked")
            return _refused(grant, RESULT_UNKNOWN, "the grant was revoked")
        return self._move(session, grant, interaction)

    def _move(self, session: WriteSession, grant: Grant, interaction: Interaction) -> Finished:
        match interaction.state:
            case InteractionState.APPROVED:
                if grant.allows(GrantState.APPROVED):
                    grants.move(session, grant, GrantState.APPROVED)
                return self._agreed(grant, interaction)
            case InteractionState.DENIED:
                if grant.allows(GrantState.FINALIZED, Finalization.REJECTED):
                    grants.move(session, grant, GrantState.FINALIZED, Finalization.REJECTED)
                return _ended(grant, "access was refused", result=RESULT_REJECTED)
            case InteractionState.PENDING:
                if grant.finish is None:
                    raise UnprovenInteraction("the user has not decided yet")
                return _ended(grant, "the user has not decided yet", result=RESULT_UNDECIDED)

    def _agreed(self, grant: Grant, interaction: Interaction) -> Finished:
        message = "access was granted"
        if grant.finish is None:
            return Finished(location=None, message=message)
        proof = interaction_hash(
            client_nonce=grant.finish.nonce,
            server_nonce=interaction.nonce,
            interact_ref=interaction.ref,
            grant_endpoint=self._urls.grant_endpoint(grant.tenant_id),
        )
        return _ended(grant, message, hash=proof, interact_ref=interaction.ref)


def _ended(grant: Grant, message: str, /, **told: str) -> Finished:
    location = None if grant.finish is None else with_query(grant.finish.uri, **told)
    return Finished(location=location, message=message)


def _refused(grant: Grant, result: str, message: str) -> Finished:
    if grant.finish is None:
        raise UnprovenInteraction(message)
    return _ended(grant, message, result=result, message=message)
