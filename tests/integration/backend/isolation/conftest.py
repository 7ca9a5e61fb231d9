"""A node with an operator and two tenants, each with something of everything."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio
from servicekit.grpc_client import build_channel
from servicekit.lifecycle import Lifecycle

from services.auth.app import AuthApp
from services.auth.migrations.run import upgrade as upgrade_auth
from services.auth.settings import AuthSettings
from tests.integration.backend.isolation import admin_recipes, recipes
from tests.integration.backend.isolation.belongings import Tenant
from tests.integration.backend.isolation.rows import Looker
from tests.integration.backend.isolation.walk import OPERATOR, OTHER, World
from tests.integration.backend.payments.conftest import (
    TENANT,
    NewNode,
    auth_server,
    clock,
    new_database,
    new_node_of_module,
    nodes,
    outside,
    postgres_server,
    redis_url,
    valkey_server,
)
from tests.integration.backend.payments.node import Node
from tests.support.postgres import TestPostgres
from tests.support.warp_clock import WarpClock

__all__ = [
    "auth_server",
    "clock",
    "new_database",
    "new_node_of_module",
    "nodes",
    "outside",
    "postgres_server",
    "redis_url",
    "valkey_server",
]


@pytest.fixture(scope="module")
def auth_database_url(postgres_server: TestPostgres) -> Iterator[str]:
    url = postgres_server.create_database(postgres_server.template("auth", upgrade_auth))
    yield url
    postgres_server.drop_database(url)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def auth_target(
    auth_database_url: str, redis_url: str, clock: WarpClock
) -> AsyncIterator[str]:
    """The gRPC target of a real auth service."""
    settings = AuthSettings(
        AUTH_PORT=0,
        GRPC_PORT=0,
        AUTH_DATABASE_URL=auth_database_url,
        REDIS_URL=redis_url,
        AUTH_SERVER_URL="http://auth.test",
        COOKIE_KEY="a-cookie-key-for-tests",
        IDENTITY_SERVER_URL="http://idp.test/consent",
        IDENTITY_SERVER_SECRET="the-idp-secret-of-the-operator",
        NODE_ENV="test",
        OPERATOR_TENANT_ID=TENANT,
        ADMIN_API_SECRET="an-admin-secret",
        ENABLE_MANUAL_MIGRATIONS=True,
    )
    async with AsyncExitStack() as stack:
        ports = await AuthApp(settings=settings, clock=clock).start(Lifecycle(stack))
        yield f"127.0.0.1:{ports.grpc}"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def node(new_node_of_module: NewNode, auth_target: str) -> Node:
    return await new_node_of_module(AUTH_SERVER_INTROSPECTION_URL=auth_target)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(node: Node, auth_target: str, auth_database_url: str) -> AsyncIterator[World]:
    looker = Looker()
    await looker.open(node.settings.database_url.get_secret_value())
    await looker.open(auth_database_url, public="auth")
    auth = build_channel(auth_target)
    secret = node.settings.admin_api_secret.get_secret_value()
    others = {
        OTHER: (await Tenant.new(node, auth)).belongings(),
        OPERATOR: Tenant(node, auth, node.tenant, secret).belongings(),
    }
    world = World(tenant=await Tenant.new(node, auth), others=others, looker=looker)
    await world.prepare(sorted({*recipes.KINDS, *admin_recipes.KINDS}))
    yield world
    print(f"\nwalked: {dict(world.counts)}")  # noqa: T201 - for docs/EVIDENCE.md
    await auth.close()
    await looker.close()
