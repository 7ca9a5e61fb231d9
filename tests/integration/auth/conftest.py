"""A real auth process, in this one, on real Postgres and Valkey and a clock that tests move."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from servicekit.database import Database
from servicekit.lifecycle import Lifecycle

from services.auth.app import AuthApp
from services.auth.migrations.run import upgrade
from services.auth.schema.metadata import metadata
from services.auth.settings import AuthSettings
from tests.integration.auth.edge import PUBLIC_URL, Edge, Reply
from tests.integration.auth.wallets import Wallet, Wallets
from tests.support.clock import ManualClock
from tests.support.postgres import TestPostgres, execute, postgres_server
from tests.support.valkey import redis_url, valkey_server

__all__ = ["postgres_server", "redis_url", "valkey_server"]

TENANT = UUID("8db5f0c6-9d3b-4f8e-9d0a-4a7f6b1c2d3e")
IDP_URL = "http://idp.test/consent?lang=en"
IDP_SECRET = "the-idp-secret-of-the-operator"
FINISH = {"method": "redirect", "uri": "http://client.test/done?cart=7", "nonce": "client-nonce"}


@dataclass
class World:
    """Everything a test of auth touches."""

    edge: Edge
    clock: ManualClock
    database: Database
    wallets: Wallets
    client: Wallet
    settings: AuthSettings

    async def ask(self, access: list[Any], **members: Any) -> Reply:
        body = {"access_token": {"access": access}, "client": self.client.url, **members}
        return await self.edge.call("POST", f"/{TENANT}", self.client, body=body)

    async def ask_user(self, *, finish: bool = True, **members: Any) -> Reply:
        """Ask for what a user must agree to."""
        interact = {"start": ["redirect"], **({"finish": FINISH} if finish else {})}
        return await self.ask([OUTGOING], interact=interact, **members)

    async def approve(self, pending: Reply) -> str:
        """Let the user agree; returns where the browser ends up."""
        return await self.decide(pending, "accept")

    async def decide(self, pending: Reply, action: str) -> str:
        started = await self.edge.browse(pending.body["interact"]["redirect"])
        assert started.status == 302, started.body
        cookie = started.headers["set-cookie"].partition(";")[0]
        decided = await self.edge.idp(action, interaction_of(pending), secret=IDP_SECRET)
        assert decided.status == 202, decided.body
        finished = await self.edge.browse(finish_url(pending), cookie=cookie)
        return str(finished.headers.get("location", ""))

    async def continue_(self, grant: Reply, interact_ref: str | None = None) -> Reply:
        continuation = grant.body["continue"]
        return await self.edge.call(
            "POST",
            path_of(continuation["uri"]),
            self.client,
            body=None if interact_ref is None else {"interact_ref": interact_ref},
            token=continuation["access_token"]["value"],
        )

    async def issue(self) -> Reply:
        """A whole interactive flow, up to the token."""
        pending = await self.ask_user()
        location = await self.approve(pending)
        await self.clock.advance(5)
        issued = await self.continue_(pending, query_of(location)["interact_ref"])
        assert issued.status == 200, issued.body
        return issued


OUTGOING = {
    "type": "outgoing-payment",
    "actions": ["create", "read"],
    "identifier": "http://wallet.test/alice",
    "limits": {
        "debitAmount": {"value": "500", "assetCode": "JPY", "assetScale": 0},
        "interval": "R/2026-01-01T00:00:00Z/P1M",
    },
}
INCOMING = {
    "type": "incoming-payment",
    "actions": ["create", "read"],
    "identifier": "http://wallet.test/alice",
}


def path_of(url: str) -> str:
    assert url.startswith(PUBLIC_URL)
    return url.removeprefix(PUBLIC_URL)


def query_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def interaction_of(pending: Reply) -> str:
    """`id/nonce` of a pending grant's interaction."""
    path: str = urlsplit(pending.body["interact"]["redirect"]).path
    return path.removeprefix("/interact/")


def finish_url(pending: Reply) -> str:
    return f"{PUBLIC_URL}/interact/{interaction_of(pending)}/finish"


@pytest.fixture(scope="module")
def migrated_url(postgres_server: TestPostgres) -> Iterator[str]:
    """A migrated database for each test module, from a template."""
    url = postgres_server.create_database(postgres_server.template("auth", upgrade))
    yield url
    postgres_server.drop_database(url)


@pytest.fixture
def auth_database_url(migrated_url: str) -> str:
    """The module's database, emptied for each test."""
    execute(migrated_url, f"TRUNCATE {', '.join(metadata.tables)}")
    return migrated_url


@pytest.fixture
def settings(auth_database_url: str, redis_url: str) -> AuthSettings:
    return AuthSettings(
        AUTH_PORT=0,
        GRPC_PORT=0,
        AUTH_DATABASE_URL=auth_database_url,
        REDIS_URL=redis_url,
        AUTH_SERVER_URL=PUBLIC_URL,
        COOKIE_KEY="a-cookie-key-for-tests",
        IDENTITY_SERVER_URL=IDP_URL,
        IDENTITY_SERVER_SECRET=IDP_SECRET,
        NODE_ENV="test",
        OPERATOR_TENANT_ID=TENANT,
        ADMIN_API_SECRET="an-admin-secret",
        ENABLE_MANUAL_MIGRATIONS=True,
    )


@pytest.fixture
async def world(settings: AuthSettings) -> AsyncIterator[World]:
    clock = ManualClock()
    wallets = Wallets()
    await wallets.start()
    database = Database(settings.database_url.get_secret_value())
    async with AsyncExitStack() as stack:
        stack.push_async_callback(wallets.stop)
        stack.push_async_callback(database.close)
        ports = await AuthApp(settings=settings, clock=clock).start(Lifecycle(stack))
        edge = Edge(http_port=ports.http, grpc_port=ports.grpc, clock=clock)
        stack.push_async_callback(edge.close)
        yield World(
            edge=edge,
            clock=clock,
            database=database,
            wallets=wallets,
            client=wallets.add("client"),
            settings=settings,
        )
