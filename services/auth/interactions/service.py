"""Use cases of interactions: the browser starts, the identity provider decides, the browser ends.

The identity provider's decision alone approves nothing: the grant moves when the browser that
started the interaction comes back, and only then does the client learn its reference.
"""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from ilpkit.gnap.interaction_hash import interaction_hash
from servicekit.clock import Clock
from servicekit.database import ReadSession, WriteSession

from services.auth.clients.model import WalletAddressClient
from services.auth.errors import (
    ClosedInteraction,
    InvalidInteraction,
    NoSuchInteraction,
    UnknownInteraction,
    UnprovenInteraction,
    UserDenied,
)
from services.auth.grants import repository as grants
from services.auth.grants.model import Finalization, Grant, GrantState
from services.auth.interactions import repository
from services.auth.interactions.model import Interaction, InteractionState
from services.auth.tenants import repository as tenants
from services.auth.tokens.model import same_secret
from services.auth.urls import PublicUrls, with_query

RESULT_REJECTED: Final = "grant_rejected"
RESULT_UNDECIDED: Final = "grant_invalid"
RESULT_INVALID: Final = "invalid_interaction"
RESULT_UNKNOWN: Final = "unknown_interaction"


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """Where the browser goes, and the interaction whose session begins; None if none does."""

    location: str
    interaction: Interaction | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """How an interaction ended for the browser: a redirect, or a page that says `message`."""

    location: str | None
    message: str


class InteractionService:
    """Interactions."""

    def __init__(self, *, clock: Clock, urls: PublicUrls) -> None:
        self._clock = clock
        self._urls = urls

    async def start(self, session: ReadSession, *, interaction_id: UUID, nonce: str) -> Started:
        """Where to send a browser that comes from the client.

        Raises:
            NoSuchInteraction: it is unknown.
            ClosedInteraction: it is over, and the client has no finish URL to say so.
        """
        interaction = await repository.find(session, interaction_id, nonce)
        grant = (
            None if interaction is None else await grants.get(session, interaction.grant_id, None)
        )
        if interaction is None or grant is None:
            raise NoSuchInteraction
        problem = self._why_closed(interaction, grant)
        tenant = None if problem else await tenants.get(session, grant.tenant_id)
        if problem is None and (tenant is None or tenant.idp_consent_url is None):
            problem = "this server has no consent page"
        if problem is not None:
            if grant.finish is None:
                raise ClosedInteraction(problem)
            return Started(
                location=with_query(grant.finish.uri, result=RESULT_INVALID, message=problem)
            )
        assert tenant is not None and tenant.idp_consent_url is not None  # noqa: PT018 - checked above
        client = grant.client
        uri = client.url if isinstance(client, WalletAddressClient) else ""
        # The client's name comes from the grant: in this request's query anyone could change it.
        location = with_query(
            tenant.idp_consent_url,
            interactId=str(interaction.id),
            nonce=interaction.nonce,
            clientName=grant.client_name or uri,
            clientUri=uri,
        )
        return Started(location=location, interaction=interaction)

    async def finish(
        self, session: WriteSession, *, interaction_id: UUID, nonce: str, same_browser: bool
    ) -> Finished:
        """End an interaction for the browser that started it; repeating it changes nothing.

        Raises:
            UnknownInteraction: it is unknown, or revoked without a finish URL.
            UnprovenInteraction: another browser's; expired or undecided without a finish URL.
        """
        grant = await repository.lock_grant(session, interaction_id, nonce)
        interaction = await repository.find(session, interaction_id, nonce)
        if grant is None or interaction is None:
            raise UnknownInteraction
        now = self._clock.now()
        if interaction.expired(now):
            return _refused(grant, RESULT_INVALID, "the interaction has expired")
        if not same_browser:
            raise UnprovenInteraction("this browser did not start the interaction")
        if grant.finalization is Finalization.REVOKED:
            if grant.finish is None:
                raise UnknownInteraction("the grant was revoked")
            return _refused(grant, RESULT_UNKNOWN, "the grant was revoked")
        if interaction.state is InteractionState.APPROVED:
            return await self._approve(session, grant, interaction)
        if interaction.state is InteractionState.DENIED:
            return await _reject(session, grant)
        if grant.finish is None:
            raise UnprovenInteraction("the user has not decided yet")
        return Finished(
            location=with_query(grant.finish.uri, result=RESULT_UNDECIDED),
            message="the user has not decided yet",
        )

    async def describe(
        self, session: ReadSession, *, interaction_id: UUID, nonce: str, idp_secret: str | None
    ) -> tuple[Grant, Interaction]:
        """What the client asks for, for the identity provider.

        Raises UnknownInteraction, or UnprovenInteraction for a wrong secret.
        """
        interaction = await repository.find(session, interaction_id, nonce)
        grant = (
            None if interaction is None else await grants.get(session, interaction.grant_id, None)
        )
        if interaction is None or grant is None:
            raise UnknownInteraction
        await _check_idp(session, grant, idp_secret)
        if grant.finalization is Finalization.REVOKED:
            raise UnknownInteraction("the grant was revoked")
        return grant, interaction

    async def decide(
        self,
        session: WriteSession,
        *,
        interaction_id: UUID,
        nonce: str,
        idp_secret: str | None,
        decision: InteractionState,
    ) -> None:
        """Record the user's decision; the same one again changes nothing.

        Raises:
            UnknownInteraction: it is unknown.
            UnprovenInteraction: the secret is wrong.
            UserDenied: it was refused before, or the grant was revoked.
            InvalidInteraction: it was decided otherwise, or is expired.
        """
        grant = await repository.lock_grant(session, interaction_id, nonce)
        interaction = await repository.find(session, interaction_id, nonce)
        if grant is None or interaction is None:
            raise UnknownInteraction
        await _check_idp(session, grant, idp_secret)
        if grant.finalization is Finalization.REVOKED:
            raise UserDenied("the grant was revoked")
        if interaction.state is decision:
            return
        if interaction.state is InteractionState.DENIED:
            raise UserDenied("the user refused before")
        if interaction.state is not InteractionState.PENDING:
            raise InvalidInteraction("the user agreed before")
        now = self._clock.now()
        if interaction.expired(now):
            raise InvalidInteraction("the interaction has expired")
        await repository.decide(session, interaction.id, decision, now)

    def _why_closed(self, interaction: Interaction, grant: Grant) -> str | None:
        if interaction.state is not InteractionState.PENDING:
            return "the interaction is over"
        if grant.state is not GrantState.PENDING:
            return "the grant no longer waits for a user"
        return "the interaction has expired" if interaction.expired(self._clock.now()) else None

    async def _approve(
        self, session: WriteSession, grant: Grant, interaction: Interaction
    ) -> Finished:
        if grant.allows(GrantState.APPROVED):
            await grants.set_state(session, grant.id, GrantState.APPROVED, None)
        message = "access was granted"
        if grant.finish is None:
            return Finished(location=None, message=message)
        proof = interaction_hash(
            client_nonce=grant.finish.nonce,
            server_nonce=interaction.nonce,
            interact_ref=interaction.ref,
            grant_endpoint=self._urls.grant_endpoint(grant.tenant_id),
        )
        location = with_query(grant.finish.uri, hash=proof, interact_ref=interaction.ref)
        return Finished(location=location, message=message)


async def _reject(session: WriteSession, grant: Grant) -> Finished:
    if grant.allows(GrantState.FINALIZED, Finalization.REJECTED):
        await grants.set_state(session, grant.id, GrantState.FINALIZED, Finalization.REJECTED)
    message = "access was refused"
    if grant.finish is None:
        return Finished(location=None, message=message)
    return Finished(location=with_query(grant.finish.uri, result=RESULT_REJECTED), message=message)


def _refused(grant: Grant, result: str, message: str) -> Finished:
    if grant.finish is None:
        raise UnprovenInteraction(message)
    location = with_query(grant.finish.uri, result=result, message=message)
    return Finished(location=location, message=message)


async def _check_idp(session: ReadSession, grant: Grant, presented: str | None) -> None:
    tenant = await tenants.get(session, grant.tenant_id)
    expected = None if tenant is None else tenant.idp_secret_hash
    if expected is None or presented is None or not same_secret(presented, expected):
        raise UnprovenInteraction("x-idp-secret is missing or wrong")
