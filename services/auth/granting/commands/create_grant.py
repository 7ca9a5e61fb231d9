"""Create a grant: its token is issued at once, or it waits for a user to agree."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol
from uuid import UUID

from servicekit.clock import Clock
from servicekit.commands import Command
from servicekit.database import Database, WriteSession
from servicekit.ids import IdSource

from services.auth.access.model import access_to_json
from services.auth.clients.model import ClientDisplay
from services.auth.gnap.errors import InvalidRequest, UnknownTenant
from services.auth.granting.model import AskedGrant, GrantAnswer, GrantTimes
from services.auth.granting.policy import (
    InteractionPolicy,
    named_wallet_addresses,
    needs_interaction,
)
from services.auth.grants import repository as grants
from services.auth.grants.model import Finish, GrantState, NewGrant
from services.auth.interactions import repository as interactions
from services.auth.interactions.model import Interaction, InteractionState
from services.auth.secrets.model import hash_secret, new_nonce, new_public_id, new_secret
from services.auth.tenants import repository as tenants
from services.auth.tokens.issuing import TokenIssuer


class Displays(Protocol):
    """Who knows what to show of a client."""

    async def display(self, wallet_address: str) -> ClientDisplay:
        """What to show; raises UnusableClient."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantFacts:
    """What is known before a grant is written."""

    named: tuple[tuple[str, str], ...]
    """Field and canonical wallet address of each access item that names one."""
    display: ClientDisplay | None
    """What to show the user; None when none is asked."""


class CreateGrant(Command[AskedGrant, GrantFacts, GrantAnswer]):
    """Creates grants.

    Raises:
        UnknownTenant: the tenant is unknown or deleted.
        InvalidRequest: a user is needed and the tenant has no consent page, or the grant would be
            for a wallet address of another tenant.
        UnusableClient: the client can't be shown to a user.
    """

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        ids: IdSource,
        issuer: TokenIssuer,
        displays: Displays,
        policy: InteractionPolicy,
        times: GrantTimes,
    ) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids
        self._issuer = issuer
        self._displays = displays
        self._policy = policy
        self._times = times

    async def read(self, given: AskedGrant) -> GrantFacts:
        """Check the request; where a user must agree, ask the client's wallet for its name."""
        display = None
        if needs_interaction(given.request, self._policy):
            await self._check_tenant(given.tenant_id)
            display = await self._displays.display(str(given.request.client_wallet_address))
        return GrantFacts(named=tuple(named_wallet_addresses(given.request)), display=display)

    async def write(
        self, session: WriteSession, given: AskedGrant, facts: GrantFacts
    ) -> GrantAnswer:
        """The grant with its token or its interaction, if the tenant may give it."""
        tenant_id = given.tenant_id
        tenants.hold(session, tenant_id, refused=partial(UnknownTenant, str(tenant_id)))
        for field, identifier in facts.named:
            tenants.require_own(session, tenant_id, identifier, refused=partial(_foreign, field))
        now, continue_token = self._clock.now(), new_secret(self._ids)
        grant = self._new_grant(given, facts.display, continue_token, now)
        grants.add(session, grant)
        if facts.display is None:
            token = self._issuer.issue(session, grant_id=grant.id)
            return GrantAnswer(
                grant=grant, continue_token=continue_token, token=token, approved=True
            )
        tenants.require_consent_page(session, tenant_id, refused=_no_consent_page)
        interaction = self._new_interaction(grant.id, now)
        interactions.add(session, interaction)
        return GrantAnswer(
            grant=grant,
            continue_token=continue_token,
            interaction=interaction,
            wait_s=self._times.wait_s,
        )

    async def _check_tenant(self, tenant_id: UUID) -> None:
        """Nobody's wallet is asked for a tenant whose users can't be."""
        async with self._database.read() as session:
            tenant = await tenants.get(session, tenant_id)
        if tenant is None:
            raise UnknownTenant(str(tenant_id))
        if not tenant.can_interact:
            raise _no_consent_page()

    def _new_grant(
        self, given: AskedGrant, display: ClientDisplay | None, continue_token: str, now: datetime
    ) -> NewGrant:
        request, interactive = given.request, display is not None
        items = () if request.access_token is None else request.access_token.access
        sub_ids = () if request.subject is None else request.subject.sub_ids
        finish = None if request.interact is None else request.interact.finish
        return NewGrant(
            id=self._ids.uuid(),
            tenant_id=given.tenant_id,
            client=given.client,
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


def _foreign(field: str) -> InvalidRequest:
    return InvalidRequest(
        "the wallet address is not one of this server's tenant; ask the server that its authServer "
        "names",
        field=field,
    )
