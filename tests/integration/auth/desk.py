"""Every use case of auth on a real database, without a wire."""

import json
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from ilpkit.gnap.client import WalletAddressClient
from ilpkit.gnap.request import GRANT_REQUEST
from ilpkit.openpayments.bodies import validate_body
from servicekit.commands import Commands
from servicekit.database import Database
from servicekit.idempotency import IdempotencyStore

from services.auth.admin.build import Administration
from services.auth.admin.build import build as build_admin
from services.auth.admin.commands.upsert_tenant import TenantSettings
from services.auth.clients.model import ClientDisplay
from services.auth.gnap.urls import PublicUrls
from services.auth.granting.build import Granting
from services.auth.granting.build import build as build_granting
from services.auth.granting.model import AskedGrant, Continuation, GrantAnswer, GrantTimes
from services.auth.granting.policy import InteractionPolicy
from services.auth.idempotency.tables import idempotency_keys
from services.auth.interactions.build import Interactions
from services.auth.interactions.build import build as build_interactions
from services.auth.interactions.commands.decide_interaction import Decision
from services.auth.interactions.commands.finish_interaction import Finish
from services.auth.interactions.model import InteractionState
from services.auth.introspection.queries import TokenIntrospection
from services.auth.tokens.build import Tokens
from services.auth.tokens.build import build as build_tokens
from services.auth.tokens.model import PresentedToken
from tests.integration.auth.conftest import FINISH, IDP_SECRET, IDP_URL, INCOMING, OUTGOING, TENANT
from tests.support.clock import ManualClock
from tests.support.ids import SeededIds

CLIENT = WalletAddressClient("http://client.test/shop")
WAIT_S = 5
OPERATOR = TenantSettings(
    tenant_id=TENANT, idp_consent_url=IDP_URL, idp_secret=IDP_SECRET, api_secret="s"
)


class Shown:
    async def display(self, wallet_address: str) -> ClientDisplay:
        return ClientDisplay(name="Shop", uri=wallet_address)


@dataclass
class Desk:
    """Every use case on one database, run as a process runs them."""

    database: Database
    clock: ManualClock
    commands: Commands
    granting: Granting
    tokens: Tokens
    interactions: Interactions
    admin: Administration
    introspection: TokenIntrospection

    def asked(self, *items: dict[str, Any], **members: Any) -> AskedGrant:
        body = {"client": CLIENT.url, "access_token": {"access": items}, **members}
        request = validate_body(GRANT_REQUEST, json.dumps(body).encode())
        return AskedGrant(tenant_id=TENANT, request=request, client=CLIENT)

    async def grant(self) -> GrantAnswer:
        return await self.commands.run(self.granting.create, self.asked(INCOMING))

    async def pending(self) -> GrantAnswer:
        interact = {"start": ["redirect"], "finish": FINISH}
        return await self.commands.run(
            self.granting.create, self.asked(OUTGOING, interact=interact)
        )

    async def decide(self, answer: GrantAnswer) -> None:
        assert answer.interaction is not None
        await self.commands.run(
            self.interactions.decide,
            Decision(
                interaction_id=answer.interaction.id,
                nonce=answer.interaction.nonce,
                idp_secret=IDP_SECRET,
                state=InteractionState.APPROVED,
            ),
        )

    async def finish(self, answer: GrantAnswer) -> None:
        assert answer.interaction is not None
        given = Finish(
            interaction_id=answer.interaction.id,
            nonce=answer.interaction.nonce,
            same_browser=True,
        )
        await self.commands.run(self.interactions.finish, given)

    async def approved(self) -> GrantAnswer:
        answer = await self.pending()
        await self.decide(answer)
        await self.finish(answer)
        await self.clock.advance(WAIT_S)
        return answer

    async def continue_(self, answer: GrantAnswer) -> GrantAnswer:
        assert answer.interaction is not None
        return await self.commands.run(
            self.granting.continue_, continuation(answer, answer.interaction.ref)
        )

    async def counted(self, work: Awaitable[Any]) -> list[str]:
        with self.database.count_statements() as statements:
            await work
        return statements


def continuation(answer: GrantAnswer, interact_ref: str | None = None) -> Continuation:
    return Continuation(
        continue_id=answer.grant.continue_id,
        continue_token=answer.continue_token,
        grant_id=answer.grant.id,
        interact_ref=interact_ref,
    )


def presented(answer: GrantAnswer) -> PresentedToken:
    assert answer.token is not None
    return PresentedToken(
        management_id=answer.token.management_id,
        value=answer.token.value,
        grant_id=answer.grant.id,
    )


@asynccontextmanager
async def open_desk(url: str) -> AsyncIterator[Desk]:
    """A desk on a database, with the operator's tenant."""
    clock = ManualClock()
    ids = SeededIds(clock)
    database = Database(url)
    tokens = build_tokens(database=database, clock=clock, ids=ids, token_life_s=600)
    admin = build_admin(database=database, clock=clock)
    replies = IdempotencyStore(table=idempotency_keys, clock=clock)
    desk = Desk(
        database=database,
        clock=clock,
        commands=Commands(database=database, replies=replies),
        granting=build_granting(
            database=database,
            clock=clock,
            ids=ids,
            issuer=tokens.issuer,
            displays=Shown(),
            policy=InteractionPolicy(),
            times=GrantTimes(wait_s=WAIT_S, interaction_life_s=600),
        ),
        tokens=tokens,
        interactions=build_interactions(
            database=database, clock=clock, urls=PublicUrls(base_url="http://auth.test")
        ),
        admin=admin,
        introspection=TokenIntrospection(database=database, clock=clock),
    )
    await desk.commands.run(admin.upsert_tenant, OPERATOR)
    yield desk
    await database.close()
