"""What two calls leave behind that change one grant at the same time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from servicekit.errors import ServiceError
from sqlalchemy import text

from services.auth.admin.commands.revoke_grant import GrantToRevoke
from services.auth.granting.model import GrantAnswer
from tests.integration.auth.conftest import TENANT
from tests.integration.auth.desk import OPERATOR, Desk, continuation, open_desk, presented

ROUNDS = 4


@pytest.fixture
async def desk(auth_database_url: str) -> AsyncIterator[Desk]:
    async with open_desk(auth_database_url) as desk:
        yield desk


async def issued(desk: Desk) -> GrantAnswer:
    """A grant with a token that was issued after a user agreed; its continuation too is known."""
    return await desk.continue_(await desk.approved())


def rotate(desk: Desk, answer: GrantAnswer) -> Awaitable[Any]:
    return desk.commands.run(desk.tokens.rotate, presented(answer))


def revoke(desk: Desk, answer: GrantAnswer) -> Awaitable[Any]:
    return desk.commands.run(desk.tokens.revoke, presented(answer))


def cancel(desk: Desk, answer: GrantAnswer) -> Awaitable[Any]:
    return desk.commands.run(desk.granting.cancel, continuation(answer))


def revoke_grant(desk: Desk, answer: GrantAnswer) -> Awaitable[Any]:
    given = GrantToRevoke(grant_id=answer.grant.id, tenant_id=None)
    return desk.commands.run(desk.admin.revoke_grant, given)


async def together(*calls: Awaitable[Any]) -> list[Any]:
    """What they gave, refusals among them; anything else fails the test."""
    done = await asyncio.gather(*calls, return_exceptions=True)
    for each in done:
        assert not isinstance(each, BaseException) or isinstance(each, ServiceError), each
    return done


async def active(desk: Desk, values: list[str]) -> list[str]:
    return [value for value in values if await desk.introspection.introspect(value, ()) is not None]


Call = Callable[[Desk, GrantAnswer], Awaitable[Any]]


@pytest.mark.parametrize("end", [cancel, revoke_grant])
@pytest.mark.parametrize("rotations", [1, 3])
async def test_no_token_outlives_its_grant(desk: Desk, end: Call, rotations: int) -> None:
    for _ in range(ROUNDS):
        answer = await issued(desk)
        done = await together(*(rotate(desk, answer) for _ in range(rotations)), end(desk, answer))
        values = [presented(answer).value]
        values += [each.token.value for each in done if hasattr(each, "token")]
        assert await active(desk, values) == []


async def test_of_rotations_at_once_one_token_is_left(desk: Desk) -> None:
    for _ in range(ROUNDS):
        answer = await issued(desk)
        done = await together(*(rotate(desk, answer) for _ in range(5)))
        values = [each.token.value for each in done if hasattr(each, "token")]
        assert len(await active(desk, [presented(answer).value, *values])) == 1


async def test_a_token_that_is_rotated_and_revoked_at_once_ends(desk: Desk) -> None:
    for _ in range(ROUNDS):
        answer = await issued(desk)
        done = await together(rotate(desk, answer), revoke(desk, answer))
        assert await active(desk, [presented(answer).value]) == []
        rotated = [each.token.value for each in done if hasattr(each, "token")]
        # Whoever came first: the new token lives only if the revocation was refused.
        refused = isinstance(done[1], ServiceError)
        assert len(await active(desk, rotated)) == (1 if refused else 0)


async def test_continuations_and_a_cancellation_at_once_leave_no_token(desk: Desk) -> None:
    for _ in range(ROUNDS):
        answer = await desk.approved()
        done = await together(*(desk.continue_(answer) for _ in range(3)), cancel(desk, answer))
        tokens = [each.token for each in done if isinstance(each, GrantAnswer)]
        assert len(tokens) <= 1
        cancelled = not isinstance(done[-1], ServiceError)
        values = [token.value for token in tokens if token is not None]
        assert len(await active(desk, values)) == (0 if cancelled else len(values))


async def test_a_tenant_that_comes_back_has_none_of_its_grants(desk: Desk) -> None:
    """Also not those that were being given while it was deleted."""
    for _ in range(ROUNDS):
        done = await together(
            *(desk.grant() for _ in range(4)),
            desk.commands.run(desk.admin.delete_tenant, TENANT),
            *(desk.grant() for _ in range(4)),
        )
        await desk.commands.run(desk.admin.upsert_tenant, OPERATOR)
        values = [presented(each).value for each in done if isinstance(each, GrantAnswer)]
        assert await active(desk, values) == []
    async with desk.database.read() as session:
        live = "SELECT count(*) FROM access_tokens WHERE revoked_at IS NULL"
        assert await session.scalar(text(live)) == 0
