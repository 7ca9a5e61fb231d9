"""Commands of auth against a real database: in how many statements each does its work."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from rafiki.grant.v1.grant_service_pb2 import GrantResponse
from servicekit.commands import Replies, nothing_to_recover
from servicekit.idempotency import Once
from servicekit.messages import NOTHING

from services.auth.admin.commands.revoke_grant import GrantToRevoke
from services.auth.admin.commands.upsert_tenant import TenantSettings
from tests.integration.auth.conftest import INCOMING, TENANT
from tests.integration.auth.desk import Desk, continuation, open_desk, presented


@pytest.fixture
async def desk(auth_database_url: str) -> AsyncIterator[Desk]:
    async with open_desk(auth_database_url) as desk:
        yield desk


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
        "BEGIN",
        "UPDATE",
        "WITH",
        "COMMIT",
    ]
