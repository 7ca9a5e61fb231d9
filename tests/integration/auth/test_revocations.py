"""Watchers hear of every grant that loses a token before its time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
from rafiki.grant.v1 import grant_admin_service_pb2 as admin
from rafiki.introspection.v1 import introspection_service_pb2 as pb
from sqlalchemy import text
from token_introspection import (
    INACTIVE,
    ActiveToken,
    IntrospectionClient,
    RevocationWatch,
)

from services.auth.introspection.revocations import WAITING_MAX, RevocationNotices
from services.auth.tokens.ended import EVERY_GRANT
from tests.integration.auth.conftest import INCOMING, TENANT, World, path_of
from tests.integration.auth.edge import Reply
from tests.support.told_cache import ToldCache


@asynccontextmanager
async def watch(world: World) -> AsyncIterator[Any]:
    call = world.edge.introspection.WatchRevocations(pb.WatchRevocationsRequest())
    assert (await call.read()).all
    yield call
    call.cancel()


async def grant_id(world: World) -> str:
    async with world.database.read() as session:
        return str(await session.scalar(text("SELECT id FROM grants ORDER BY id DESC LIMIT 1")))


async def rotate(world: World, grant: Reply) -> None:
    token = grant.body["access_token"]
    await world.edge.call("POST", path_of(token["manage"]), world.client, token=token["value"])


async def revoke(world: World, grant: Reply) -> None:
    token = grant.body["access_token"]
    await world.edge.call("DELETE", path_of(token["manage"]), world.client, token=token["value"])


async def cancel(world: World, grant: Reply) -> None:
    continuation = grant.body["continue"]
    token = continuation["access_token"]["value"]
    await world.edge.call("DELETE", path_of(continuation["uri"]), world.client, token=token)


async def revoke_as_administrator(world: World, grant: Reply) -> None:
    del grant
    request = admin.RevokeGrantRequest(id=await grant_id(world), idempotency_key=str(uuid4()))
    await world.edge.admin.RevokeGrant(request)


async def delete_the_tenant(world: World, grant: Reply) -> None:
    del grant
    request = admin.DeleteAuthTenantRequest(id=str(TENANT), idempotency_key=str(uuid4()))
    await world.edge.admin.DeleteAuthTenant(request)


@pytest.mark.parametrize("end", [rotate, revoke, cancel, revoke_as_administrator])
async def test_a_grant_that_loses_a_token_is_named(
    world: World, end: Callable[[World, Reply], Awaitable[None]]
) -> None:
    grant = await world.ask([INCOMING])
    async with watch(world) as told:
        await end(world, grant)
        assert list((await told.read()).grants) == [await grant_id(world)]


async def test_the_end_of_a_tenant_may_concern_any_grant(world: World) -> None:
    grant = await world.ask([INCOMING])
    async with watch(world) as told:
        await delete_the_tenant(world, grant)
        assert (await told.read()).all


@pytest.mark.parametrize(
    "end", [rotate, revoke, cancel, revoke_as_administrator, delete_the_tenant]
)
async def test_a_remembered_answer_does_not_survive_the_end_of_its_token(
    world: World, end: Callable[[World, Reply], Awaitable[None]]
) -> None:
    """Remembered for ever by the clock, so that only the notice can end it."""
    grant = await world.ask([INCOMING])
    value = grant.body["access_token"]["value"]
    client = IntrospectionClient(channel=world.edge.channel)
    cache = ToldCache(client, life_s=30, monotonic=lambda: 0.0, watched=True)
    watching = asyncio.create_task(RevocationWatch(channel=world.edge.channel, cache=cache).run())
    await cache.hears("opened")
    assert isinstance(await cache.introspect(value), ActiveToken)
    await end(world, grant)
    await cache.hears("forget all" if end is delete_the_tenant else "forget")
    assert await cache.introspect(value) == INACTIVE
    watching.cancel()
    await asyncio.wait([watching])


async def test_a_watcher_that_is_too_slow_is_ended(world: World) -> None:
    del world
    notices = RevocationNotices()
    watcher = notices.watch()
    assert await anext(watcher) == [EVERY_GRANT]
    for number in range(WAITING_MAX + 1):
        await notices.on_notify("", str(number))
    with pytest.raises(StopAsyncIteration):
        await anext(watcher)


async def test_a_stopping_server_ends_what_is_watched(world: World) -> None:
    del world
    notices = RevocationNotices()
    watcher = notices.watch()
    await anext(watcher)
    await notices.close()
    with pytest.raises(StopAsyncIteration):
        await anext(watcher)


async def test_introspection_tells_how_long_a_token_is_valid(world: World) -> None:
    value = (await world.ask([INCOMING])).body["access_token"]["value"]
    await world.clock.advance(1.5)
    found = await IntrospectionClient(channel=world.edge.channel).introspect(value)
    assert isinstance(found, ActiveToken)
    assert found.expires_in_s == 598
