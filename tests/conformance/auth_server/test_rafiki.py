"""This product's own authorization server."""

from typing import Any

import pytest
from sqlalchemy import text

from tests.conformance.auth_server.suite import IntrospectionSuite, Server
from tests.conformance.auth_server.tokens import KnownToken
from tests.integration.auth.conftest import (
    INCOMING,
    OUTGOING,
    TENANT,
    World,
    auth_database_url,
    migrated_url,
    path_of,
    postgres_server,
    redis_url,
    settings,
    valkey_server,
    world,
)

__all__ = [
    "auth_database_url",
    "migrated_url",
    "postgres_server",
    "redis_url",
    "settings",
    "valkey_server",
    "world",
]

pytestmark = pytest.mark.conformance
ANYBODY = {"type": "incoming-payment", "actions": ["create", "read-all", "list-all"]}
QUOTE = {"type": "quote", "actions": ["create", "read"]}


async def grant_of(world: World) -> str:
    async with world.database.read() as session:
        return str(await session.scalar(text("SELECT id FROM grants ORDER BY id DESC LIMIT 1")))


async def known(world: World, reply: Any, *access: Any, **client: Any) -> KnownToken:
    return KnownToken(
        token=reply.body["access_token"]["value"],
        grant=await grant_of(world),
        tenant_id=str(TENANT),
        client=client or {"walletAddress": world.client.url},
        access=access,
    )


@pytest.fixture
async def server(world: World) -> Server:
    both = [INCOMING, QUOTE]
    tokens = [await known(world, await world.ask(both), *both)]
    body = {"client": {"jwk": world.client.jwk()}, "access_token": {"access": [QUOTE]}}
    bare = await world.edge.call("POST", f"/{TENANT}", world.client, body=body)
    tokens.append(await known(world, bare, QUOTE, jwk=world.client.jwk()))
    tokens.append(await known(world, await world.issue(), OUTGOING))
    ended = (await world.ask([INCOMING])).body["access_token"]
    path = path_of(ended["manage"])
    revoked = await world.edge.call("DELETE", path, world.client, token=ended["value"])
    assert revoked.status == 204
    tokens.append(KnownToken(token=ended["value"], active=False))
    return Server(world.edge.channel, tokens)


class TestRafiki(IntrospectionSuite):
    pass
