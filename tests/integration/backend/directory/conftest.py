"""One backend process, with what it holds in memory in reach."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from servicekit.grpc_client import build_channel
from servicekit.lifecycle import Lifecycle

from services.backend.app import BackendApp
from services.backend.process.connections import Connections
from services.backend.process.features import Features
from services.backend.settings import BackendSettings
from tests.integration.backend.admin.conftest import (
    World,
    auth_grpc_port,
    backend_database_url,
    outside,
    postgres_server,
    redis_url,
    settings,
    valkey_server,
)
from tests.integration.backend.admin.outside import Outside

__all__ = [
    "auth_grpc_port",
    "backend_database_url",
    "outside",
    "postgres_server",
    "redis_url",
    "settings",
    "valkey_server",
]


class OpenedApp(BackendApp):
    """The composition root, with what it built in reach."""

    features: Features

    async def build(self, connections: Connections) -> Features:
        self.features = await super().build(connections)
        return self.features


class Bank(World):
    """A process and its inside."""

    features: Features


@pytest.fixture
async def bank(settings: BackendSettings, outside: Outside) -> AsyncIterator[Bank]:
    async with AsyncExitStack() as stack:
        app = OpenedApp(settings=settings)
        ports = await app.start(Lifecycle(stack))
        channel = build_channel(f"127.0.0.1:{ports.grpc}")
        stack.push_async_callback(channel.close)
        bank = Bank(channel, app.features.database, outside)
        bank.features = app.features
        yield bank
