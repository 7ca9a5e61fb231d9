"""One node with a real Envoy, backend and auth."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from servicekit.grpc_client import build_channel
from servicekit.lifecycle import Lifecycle

from deploy.envoy.settings import Address, EnvoySettings
from deploy.local.envoy import EnvoyServer
from services.auth.app import AuthApp
from services.auth.migrations.run import upgrade as upgrade_auth
from services.auth.settings import AuthSettings
from services.backend.app import BackendApp
from services.backend.settings import BackendSettings
from tests.integration.auth.wallets import Wallets
from tests.integration.backend.admin.conftest import (
    ADMIN_SECRET,
    OPERATOR,
    World,
    auth_grpc_port,
    backend_database_url,
    outside,
    settings,
)
from tests.integration.backend.admin.outside import Outside
from tests.integration.rest.asking import PAGE, Node
from tests.support.postgres import TestPostgres, free_port, postgres_server
from tests.support.valkey import redis_url, valkey_server

__all__ = [
    "auth_grpc_port",
    "backend_database_url",
    "outside",
    "postgres_server",
    "redis_url",
    "settings",
    "valkey_server",
]


@pytest.fixture
async def node(
    settings: BackendSettings,
    outside: Outside,
    auth_grpc_port: int,
    postgres_server: TestPostgres,
    tmp_path: Path,
) -> AsyncIterator[Node]:
    public, operator, admin, nobody = (Address("127.0.0.1", free_port()) for _ in range(4))
    origin = f"http://127.0.0.1:{public.port}"
    auth_url = postgres_server.create_database(postgres_server.template("auth", upgrade_auth))
    auth_settings = AuthSettings(
        AUTH_PORT=0,
        GRPC_PORT=auth_grpc_port,
        AUTH_DATABASE_URL=auth_url,
        REDIS_URL=settings.redis_url.get_secret_value(),
        AUTH_SERVER_URL=origin,
        COOKIE_KEY="a-cookie-key-for-tests",
        IDENTITY_SERVER_URL="http://idp.test/consent",
        IDENTITY_SERVER_SECRET="the-idp-secret-of-the-operator",
        NODE_ENV="test",
        OPERATOR_TENANT_ID=OPERATOR,
        ADMIN_API_SECRET=ADMIN_SECRET,
    )
    changed = settings.model_copy(
        update={
            "open_payments_url": origin,
            "auth_server_grant_url": origin,
            "wallet_address_page": PAGE,
        }
    )
    clients = Wallets()
    await clients.start()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(clients.stop)
        auth = await AuthApp(settings=auth_settings).start(Lifecycle(stack))
        backend = await BackendApp(settings=changed).start(Lifecycle(stack))
        envoy = EnvoyServer(
            "envoy",
            EnvoySettings(
                public=public,
                operator=operator,
                admin=admin,
                backend_grpc=(Address("127.0.0.1", backend.grpc),),
                backend_http=(Address("127.0.0.1", backend.http),),
                auth_grpc=(Address("127.0.0.1", auth.grpc),),
                auth_http=(Address("127.0.0.1", auth.http),),
                frontend=(nobody,),
            ),
            tmp_path,
        )
        stack.callback(envoy.stop)
        await asyncio.to_thread(envoy.start)
        channel = build_channel(f"127.0.0.1:{backend.grpc}")
        stack.push_async_callback(channel.close)
        world = World(channel, None, outside)  # type: ignore[arg-type]  # reason: not read here
        asset = await world.asset()
        await world.deposit(asset.id, 1_000)
        address = str((await world.wallet(asset.id, "alice")).address)
        yield Node(public.port, address, clients.add("client"))
