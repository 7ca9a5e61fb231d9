"""What browsers and identity providers ask about an interaction."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from ilpkit.gnap.client import WalletAddressClient
from servicekit.clock import Clock
from servicekit.database import Database

from services.auth.gnap.errors import (
    ClosedInteraction,
    NoSuchInteraction,
    UnknownInteraction,
    UnprovenInteraction,
)
from services.auth.gnap.urls import with_query
from services.auth.grants.model import Finalization, GrantState
from services.auth.interactions import repository
from services.auth.interactions.model import FoundInteraction, Interaction, InteractionState
from services.auth.secrets.model import same_secret

RESULT_INVALID: Final = "invalid_interaction"


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """Where the browser goes, and the interaction whose session begins; None if none does."""

    location: str
    interaction: Interaction | None = None


class InteractionQueries:
    """Reads interactions."""

    def __init__(self, *, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def find(self, interaction_id: UUID, nonce: str) -> FoundInteraction | None:
        """The interaction with this id and nonce."""
        async with self._database.read() as session:
            return await repository.find(session, interaction_id, nonce)

    async def start(self, interaction_id: UUID, nonce: str) -> Started:
        """Where to send a browser that comes from the client.

        Raises:
            NoSuchInteraction: it is unknown.
            ClosedInteraction: it is over, and the client has no finish URL to say so.
        """
        found = await self.find(interaction_id, nonce)
        if found is None:
            raise NoSuchInteraction
        consent_page = None if found.tenant is None else found.tenant.idp_consent_url
        problem = self._why_closed(found)
        if problem is None and consent_page is None:
            problem = "this server has no consent page"
        if problem is not None or consent_page is None:
            return _closed(found, problem or "")
        client = found.grant.client
        uri = client.url if isinstance(client, WalletAddressClient) else ""
        # The client's name comes from the grant: in this request's query anyone could change it.
        location = with_query(
            consent_page,
            interactId=str(found.interaction.id),
            nonce=found.interaction.nonce,
            clientName=found.grant.client_name or uri,
            clientUri=uri,
        )
        return Started(location=location, interaction=found.interaction)

    async def describe(
        self, interaction_id: UUID, nonce: str, *, idp_secret: str | None
    ) -> FoundInteraction:
        """What the client asks for, for the identity provider.

        Raises UnknownInteraction, or UnprovenInteraction for a wrong secret.
        """
        found = await self.find(interaction_id, nonce)
        if found is None:
            raise UnknownInteraction
        check_idp(found, idp_secret)
        if found.grant.finalization is Finalization.REVOKED:
            raise UnknownInteraction("the grant was revoked")
        return found

    def _why_closed(self, found: FoundInteraction) -> str | None:
        if found.interaction.state is not InteractionState.PENDING:
            return "the interaction is over"
        if found.grant.state is not GrantState.PENDING:
            return "the grant no longer waits for a user"
        if found.interaction.expired(self._clock.now()):
            return "the interaction has expired"
        return None


def check_idp(found: FoundInteraction, presented: str | None) -> None:
    """Raise UnprovenInteraction unless the tenant's identity provider asks."""
    expected = None if found.tenant is None else found.tenant.idp_secret_hash
    if expected is None or presented is None or not same_secret(presented, expected):
        raise UnprovenInteraction("x-idp-secret is missing or wrong")


def _closed(found: FoundInteraction, problem: str) -> Started:
    finish = found.grant.finish
    if finish is None:
        raise ClosedInteraction(problem)
    return Started(location=with_query(finish.uri, result=RESULT_INVALID, message=problem))
