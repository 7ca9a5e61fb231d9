"""Use cases of grants: ask, continue, cancel, and what administrators do.

Two continuations of one grant meet at the lock of its row: the first moves it to FINALIZED and
issues the token in the same transaction, the second finds it there and is refused.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from ilpkit.gnap.request import GrantRequest
from servicekit.clock import Clock
from servicekit.database import ReadSession, WriteSession
from servicekit.ids import IdSource
from servicekit.paging import Page, PageQuery

from services.auth.access.model import access_to_json
from services.auth.clients.model import Client, ClientDisplay
from services.auth.errors import (
    InvalidRequest,
    UnknownGrant,
    UnknownTenant,
    UnprovenContinuation,
)
from services.auth.grants import repository
from services.auth.grants.model import Finalization, Finish, Grant, GrantState, NewGrant
from services.auth.grants.policy import NextStep, named_wallet_addresses, next_step
from services.auth.grants.repository import GrantFilter
from services.auth.interactions import repository as interactions
from services.auth.interactions.model import Interaction, InteractionState
from services.auth.tenants import repository as tenants
from services.auth.tokens import repository as tokens
from services.auth.tokens.model import (
    IssuedToken,
    hash_secret,
    new_nonce,
    new_public_id,
    new_secret,
)
from services.auth.tokens.service import TokenService


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantTimes:
    """Seconds between continuations, and seconds that a user has to decide."""

    wait_s: int
    interaction_life_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantAnswer:
    """The answer to a request or continuation: a token, an interaction, or only how to go on."""

    grant: NewGrant | Grant
    continue_token: str = field(repr=False)
    token: IssuedToken | None = None
    interaction: Interaction | None = None
    wait_s: int | None = None
    approved: bool = False


class GrantService:
    """Grants."""

    def __init__(
        self, *, clock: Clock, ids: IdSource, tokens: TokenService, times: GrantTimes
    ) -> None:
        self._clock = clock
        self._ids = ids
        self._tokens = tokens
        self._times = times

    async def check_interactive(self, session: ReadSession, tenant_id: UUID) -> None:
        """Raise UnknownTenant, or InvalidRequest if the tenant's users can't be asked."""
        tenant = await tenants.get(session, tenant_id)
        if tenant is None:
            raise UnknownTenant(str(tenant_id))
        if not tenant.can_interact:
            raise _no_consent_page()

    async def request(
        self,
        session: WriteSession,
        *,
        tenant_id: UUID,
        request: GrantRequest,
        client: Client,
        display: ClientDisplay | None,
    ) -> GrantAnswer:
        """A new grant; with `display` it waits for a user, without its token is issued at once.

        Raises:
            UnknownTenant: the tenant is unknown or deleted.
            InvalidRequest: a user is needed and the tenant has no consent page, or the grant would
                be for a wallet address of another tenant.
        """
        tenant = await tenants.get_for_grant(session, tenant_id)
        if tenant is None:
            raise UnknownTenant(str(tenant_id))
        for name, identifier in named_wallet_addresses(request):
            base = await tenants.base_of(session, identifier)
            if base != tenant.wallet_address_url:
                raise InvalidRequest(
                    "the wallet address is not one of this server's tenant; ask the server that "
                    "its authServer names",
                    field=name,
                )
        if display is not None and not tenant.can_interact:
            raise _no_consent_page()
        now = self._clock.now()
        continue_token = new_secret(self._ids)
        grant = self._new_grant(
            request,
            tenant_id=tenant_id,
            client=client,
            display=display,
            continue_token=continue_token,
            now=now,
        )
        await repository.add(session, grant)
        if display is None:
            token = await self._tokens.issue(session, grant.id)
            return GrantAnswer(
                grant=grant, continue_token=continue_token, token=token, approved=True
            )
        interaction = self._new_interaction(grant.id, now)
        await interactions.add(session, interaction)
        return GrantAnswer(
            grant=grant,
            continue_token=continue_token,
            interaction=interaction,
            wait_s=self._times.wait_s,
        )

    async def continue_(
        self,
        session: WriteSession,
        *,
        continue_id: UUID,
        continue_token: str,
        interact_ref: str | None,
        grant_id: UUID | None,
    ) -> GrantAnswer:
        """Issue the token of an approved grant, once; or say how long to wait.

        `grant_id`, if given, is the grant that the guard has seen this token belong to.

        Raises:
            UnprovenContinuation: no grant has this continue id and token.
            UnknownContinuation, RequestDenied, TooFast: see `grants.policy.next_step`.
        """
        token_hash = hash_secret(continue_token)
        grant = await repository.lock_continuable(session, continue_id, token_hash)
        if grant is None or grant_id not in (None, grant.id):
            raise UnprovenContinuation
        interaction = await interactions.of_grant(session, grant.id)
        now = self._clock.now()
        step = next_step(
            grant, interaction, interact_ref=interact_ref, now=now, wait_s=self._times.wait_s
        )
        if step is NextStep.WAIT:
            await repository.set_polled(session, grant.id, now)
            return GrantAnswer(
                grant=grant, continue_token=continue_token, wait_s=self._times.wait_s
            )
        assert grant.allows(GrantState.FINALIZED, Finalization.ISSUED)
        await repository.set_state(session, grant.id, GrantState.FINALIZED, Finalization.ISSUED)
        token = await self._tokens.issue(session, grant.id) if grant.access else None
        return GrantAnswer(grant=grant, continue_token=continue_token, token=token, approved=True)

    async def cancel(
        self,
        session: WriteSession,
        *,
        continue_id: UUID,
        continue_token: str,
        grant_id: UUID | None,
    ) -> None:
        """Revoke a grant and its tokens for its client.

        Raises:
            UnprovenContinuation: no grant has this continue id and token.
            UnknownGrant: it is revoked or rejected already.
        """
        token_hash = hash_secret(continue_token)
        grant = await repository.lock_continuable(session, continue_id, token_hash)
        if grant is None or grant_id not in (None, grant.id):
            raise UnprovenContinuation
        if not grant.live:
            raise UnknownGrant
        await self._revoke(session, grant)

    async def revoke(
        self, session: WriteSession, *, grant_id: UUID, tenant_id: UUID | None
    ) -> None:
        """Revoke a grant and its tokens for an administrator; a repeat does nothing.

        Raises:
            UnknownGrant: there is none, or not for this tenant.
        """
        grant = await repository.lock(session, grant_id, tenant_id)
        if grant is None:
            raise UnknownGrant
        if grant.live:
            await self._revoke(session, grant)

    async def get(self, session: ReadSession, *, grant_id: UUID, tenant_id: UUID | None) -> Grant:
        """One grant. Raises UnknownGrant if there is none, or not for this tenant."""
        grant = await repository.get(session, grant_id, tenant_id)
        if grant is None:
            raise UnknownGrant
        return grant

    async def page(
        self, session: ReadSession, wanted: GrantFilter, query: PageQuery
    ) -> Page[Grant]:
        """A page of grants, newest first."""
        return await repository.page(session, wanted, query)

    async def _revoke(self, session: WriteSession, grant: Grant) -> None:
        await repository.set_state(session, grant.id, GrantState.FINALIZED, Finalization.REVOKED)
        await tokens.revoke_of_grant(session, grant.id, self._clock.now())

    def _new_grant(
        self,
        request: GrantRequest,
        *,
        tenant_id: UUID,
        client: Client,
        display: ClientDisplay | None,
        continue_token: str,
        now: datetime,
    ) -> NewGrant:
        items = () if request.access_token is None else request.access_token.access
        sub_ids = () if request.subject is None else request.subject.sub_ids
        finish = None if request.interact is None else request.interact.finish
        interactive = display is not None
        return NewGrant(
            id=self._ids.uuid(),
            tenant_id=tenant_id,
            client=client,
            client_name=None if display is None else display.name,
            access=access_to_json(items),
            subject_ids=tuple({"id": s.id, "format": s.format} for s in sub_ids),
            state=GrantState.PENDING if interactive else GrantState.APPROVED,
            interactive=interactive,
            finish=(Finish(uri=finish.uri, nonce=finish.nonce) if finish and interactive else None),
            continue_id=new_public_id(self._ids),
            continue_token_hash=hash_secret(continue_token),
            created_at=now,
        )

    def _new_interaction(self, grant_id: UUID, now: datetime) -> Interaction:
        return Interaction(
            id=new_public_id(self._ids),
            grant_id=grant_id,
            nonce=new_nonce(self._ids),
            ref=new_nonce(self._ids),
            state=InteractionState.PENDING,
            created_at=now,
            expires_at=now + timedelta(seconds=self._times.interaction_life_s),
        )


def _no_consent_page() -> InvalidRequest:
    return InvalidRequest("this server has no consent page, so it can't ask users for access")
