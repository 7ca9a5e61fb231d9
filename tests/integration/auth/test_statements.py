"""Commands of auth against a real database: what each does, and in how many statements."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest
from ilpkit.gnap.client import WalletAddressClient
from ilpkit.gnap.request import GRANT_REQUEST
from ilpkit.openpayments.bodies import validate_body
from rafiki.grant.v1.grant_service_pb2 import GrantResponse
from servicekit.commands import Commands, Replies, nothing_to_recover
from servicekit.database import Database
from servicekit.idempotency import IdempotencyStore, Once
from servicekit.messages import NOTHING

from services.auth.admin.build import Administration
from services.auth.admin.build import build as build_admin
from services.auth.admin.commands.revoke_grant import GrantToRevoke
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


@pytest.fixture
async def desk(auth_database_url: str) -> AsyncIterator[Desk]:
    clock = ManualClock()
    ids = SeededIds(clock)
    database = Database(auth_database_url)
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
    settings = TenantSettings(
        tenant_id=TENANT, idp_consent_url=IDP_URL, idp_secret=IDP_SECRET, api_secret="s"
    )
    await desk.commands.run(admin.upsert_tenant, settings)
    yield desk
    await database.close()


async def test_a_grant_and_its_token_are_one_statement(desk: Desk) -> None:
    await desk.grant()
    assert len(await desk.counted(desk.grant())) == 1


async def test_a_grant_under_an_idempotency_key_takes_one_look_more(desk: Desk) -> None:
    async def once() -> None:
        await desk.commands.run_once(
            desk.granting.create,
            desk.asked(INCOMING),
            once=Once(scope="s", key=str(uuid4()), request=b"r"),
            replies=Replies(
                message=GrantResponse,
                encode=lambda _: GrantResponse(),
                recover=nothing_to_recover,
            ),
        )

    await once()
    assert len(await desk.counted(once())) == 2


Step = Callable[[Desk], Awaitable[Awaitable[Any]]]


async def _pending(desk: Desk) -> Awaitable[Any]:
    return desk.pending()


async def _decide(desk: Desk) -> Awaitable[Any]:
    return desk.decide(await desk.pending())


async def _finish(desk: Desk) -> Awaitable[Any]:
    answer = await desk.pending()
    await desk.decide(answer)
    return desk.finish(answer)


async def _continue(desk: Desk) -> Awaitable[Any]:
    return desk.continue_(await desk.approved())


async def _cancel(desk: Desk) -> Awaitable[Any]:
    return desk.commands.run(desk.granting.cancel, continuation(await desk.grant()))


async def _rotate(desk: Desk) -> Awaitable[Any]:
    return desk.commands.run(desk.tokens.rotate, presented(await desk.grant()))


async def _rotate_again(desk: Desk) -> Awaitable[Any]:
    old = presented(await desk.grant())
    await desk.commands.run(desk.tokens.rotate, old)
    return desk.commands.run(desk.tokens.rotate, old)


async def _revoke(desk: Desk) -> Awaitable[Any]:
    return desk.commands.run(desk.tokens.revoke, presented(await desk.grant()))


async def _revoke_grant(desk: Desk) -> Awaitable[Any]:
    given = GrantToRevoke(grant_id=(await desk.grant()).grant.id, tenant_id=None)
    return desk.commands.run(desk.admin.revoke_grant, given)


async def _upsert(desk: Desk) -> Awaitable[Any]:
    settings = TenantSettings(
        tenant_id=UUID(int=5), idp_consent_url=None, idp_secret=None, api_secret="s"
    )
    return desk.commands.run(desk.admin.upsert_tenant, settings)


async def _introspect(desk: Desk) -> Awaitable[Any]:
    return desk.introspection.introspect(presented(await desk.grant()).value, ())


@pytest.mark.parametrize(
    ("step", "statements"),
    [
        (_pending, 2),
        (_decide, 2),
        (_finish, 2),
        (_continue, 2),
        (_cancel, 2),
        (_rotate, 2),
        (_rotate_again, 2),
        (_revoke, 1),
        (_revoke_grant, 2),
        (_upsert, 1),
        (_introspect, 1),
    ],
)
async def test_what_is_read_is_one_statement_and_what_is_written_another(
    desk: Desk, step: Step, statements: int
) -> None:
    seen = await desk.counted(await step(desk))
    assert len(seen) == statements, seen
    assert "BEGIN" not in seen


async def test_only_the_end_of_a_tenant_is_a_transaction_of_several(desk: Desk) -> None:
    await desk.grant()
    once = desk.commands.run_once(
        desk.admin.delete_tenant,
        TENANT,
        once=Once(scope="s", key="k", request=b"r"),
        replies=NOTHING,
    )
    seen = await desk.counted(once)
    assert [statement.split()[0] for statement in seen] == [
        "SELECT",
        "BEGIN",
        "UPDATE",
        "WITH",
        "COMMIT",
    ]
