"""Nodes of this process on real Postgres and Valkey, peered over real HTTP.

Starting a node costs more than most tests, so the tests of a module share `node` and `banks`;
what a test starts itself (`new_node`, `new_banks`) stops with it.
"""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from ilpkit.httpsig.keys import private_key_from_seed

from services.backend.migrations.run import upgrade
from services.backend.settings import BackendSettings
from tests.integration.backend.payments.node import Node
from tests.integration.backend.payments.outside import AuthServer, Edge, Outside
from tests.support.openapi import webhook_judge
from tests.support.postgres import TestPostgres, postgres_server
from tests.support.valkey import redis_url, valkey_server
from tests.support.warp_clock import WarpClock

__all__ = ["postgres_server", "redis_url", "valkey_server"]

TENANT = UUID("438fa74a-fa7d-4317-9ced-dde32ece1787")
WEBHOOK_SECRET = "the-webhook-secret"
PEER_BALANCE = 1_000_000

NewNode = Callable[..., Awaitable[Node]]


@pytest.fixture(scope="module")
def clock() -> WarpClock:
    return WarpClock()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def outside() -> AsyncIterator[Outside]:
    server = Outside()
    await server.start()
    yield server
    await server.stop()
    # Whatever the module's tests were about, each event that they caused has the original's shape.
    for posted in server.attempts:
        webhook_judge(posted.body["type"]).validate(posted.body)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def auth_server() -> AsyncIterator[AuthServer]:
    server = AuthServer()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture(scope="module")
def new_database(postgres_server: TestPostgres) -> Iterator[Callable[[], str]]:
    """Makes migrated databases, from a template."""
    made: list[str] = []

    def new() -> str:
        made.append(postgres_server.create_database(postgres_server.template("backend", upgrade)))
        return made[-1]

    yield new
    for url in made:
        postgres_server.drop_database(url)


class Nodes:
    """Starts nodes, and stops them when it is left."""

    def __init__(
        self,
        *,
        new_database: Callable[[], str],
        redis_url: str,
        clock: WarpClock,
        outside: Outside,
        auth_server: AuthServer,
        key_file: Path,
    ) -> None:
        self._new_database = new_database
        self._redis_url = redis_url
        self._clock = clock
        self._outside = outside
        self._auth_server = auth_server
        self._key_file = key_file

    @asynccontextmanager
    async def open(self) -> AsyncIterator[NewNode]:
        """Gives what starts nodes; `beside` starts another process of one that runs already."""
        async with AsyncExitStack() as stack:

            async def new(
                name: str = "bank",
                *,
                beside: Node | None = None,
                own_clock: WarpClock | None = None,
                **settings: Any,
            ) -> Node:
                if beside is None:
                    edge = Edge()
                    await edge.start()
                    stack.push_async_callback(edge.stop)
                    url = self._new_database()
                else:
                    edge, url = beside.edge, beside.settings.database_url.get_secret_value()
                values = self._values(name, edge, url) | settings
                node = Node(
                    settings=BackendSettings(**values), clock=own_clock or self._clock, edge=edge
                )
                await node.start()
                stack.push_async_callback(node.stop)
                return node

            yield new

    def _values(self, name: str, edge: Edge, database_url: str) -> dict[str, Any]:
        return {
            "INSTANCE_NAME": name,
            "GRPC_PORT": 0,
            "CONNECTOR_PORT": 0,
            "DATABASE_URL": database_url,
            "REDIS_URL": self._redis_url,
            "OPEN_PAYMENTS_URL": edge.origin,
            "AUTH_SERVER_GRANT_URL": f"{edge.origin}/auth",
            "AUTH_SERVER_INTROSPECTION_URL": self._auth_server.target,
            "ILP_ADDRESS": f"test.{name}",
            "ILP_CONNECTOR_URL": f"http://{name}.test/ilp",
            "STREAM_SECRET": base64.b64encode(bytes(32)).decode(),
            "NODE_ENV": "test",
            "OPERATOR_TENANT_ID": TENANT,
            "ADMIN_API_SECRET": "the-operator's-admin-secret",
            "KEY_ID": "bank-key",
            "PRIVATE_KEY_FILE": str(self._key_file),
            "EXCHANGE_RATES_URL": f"{self._outside.origin}/rates",
            "WEBHOOK_URL": f"{self._outside.origin}/webhooks/{name}",
            "SIGNATURE_SECRET": WEBHOOK_SECRET,
            # It goes by the clock, and would join in counts of statements.
            "RECONCILIATION": False,
        }


@pytest.fixture(scope="module")
def nodes(
    new_database: Callable[[], str],
    redis_url: str,
    clock: WarpClock,
    outside: Outside,
    auth_server: AuthServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Nodes:
    """What starts nodes, for as long as whoever opens it wants."""
    pem = private_key_from_seed(bytes(32)).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    key_file = tmp_path_factory.mktemp("keys") / "key.pem"
    key_file.write_bytes(pem)
    return Nodes(
        new_database=new_database,
        redis_url=redis_url,
        clock=clock,
        outside=outside,
        auth_server=auth_server,
        key_file=key_file,
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def new_node_of_module(nodes: Nodes) -> AsyncIterator[NewNode]:
    """Starts nodes that all tests of the module share."""
    async with nodes.open() as new:
        yield new


@pytest_asyncio.fixture(loop_scope="module")
async def new_node(nodes: Nodes) -> AsyncIterator[NewNode]:
    """Starts nodes that stop with the test: each holds some 20 connections of Postgres' 200."""
    async with nodes.open() as new:
        yield new


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def node(new_node_of_module: NewNode) -> Node:
    """One node."""
    return await new_node_of_module()


@dataclass
class Banks:
    """Two peered nodes: Alice has an account at the first, Bob at the second."""

    near: Node
    far: Node
    near_asset: Any
    far_asset: Any
    near_peer: Any
    """The far node, as the near one keeps it."""
    far_peer: Any
    """The near node, as the far one keeps it."""
    alice: Any
    bob: Any
    outside: Outside
    clock: WarpClock

    async def hurried(self, payment: Any) -> Any:
        """Alice's payment once it ended, with all its waiting cut short."""
        ending = asyncio.create_task(self.near.ended(payment))
        while not ending.done():
            self.clock.jump(1)
            await asyncio.wait((ending,), timeout=0.02)
        return await ending

    owed: int = 0
    drawn: int = 0

    async def moved(self) -> tuple[int, int]:
        """What the near node owes the far one more than at the last call, and the far one's view.

        The books of both balance.
        """
        await self.near.audit()
        await self.far.audit()
        before = self.owed, self.drawn
        self.owed = await self.near.balance(self.near_peer.id)
        self.drawn = PEER_BALANCE - await self.far.balance(self.far_peer.id)
        return self.owed - before[0], self.drawn - before[1]


NewBanks = Callable[..., Awaitable[Banks]]


async def two_banks(
    new_node: NewNode,
    outside: Outside,
    clock: WarpClock,
    *,
    far_code: str = "USD",
    far_scale: int = 2,
    far_max_packet_amount: int | None = None,
    far_settings: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Banks:
    """Start two peered nodes; both of dollars unless said otherwise."""
    near = await new_node("near", **settings)
    far = await new_node("far", **(far_settings or {}))
    near_asset = await near.asset(liquidity=PEER_BALANCE)
    # The link is in dollars: the far node exchanges.
    link_asset = await far.asset(liquidity=PEER_BALANCE)
    far_asset = link_asset
    if (far_code, far_scale) != ("USD", 2):
        far_asset = await far.asset(far_code, far_scale, liquidity=PEER_BALANCE)
    limit = {} if far_max_packet_amount is None else {"max_packet_amount": far_max_packet_amount}
    return Banks(
        near=near,
        far=far,
        near_asset=near_asset,
        far_asset=far_asset,
        near_peer=await near.peer(near_asset, "test.far", url=far.ilp_url),
        far_peer=await far.peer(
            link_asset, "test.near", url=near.ilp_url, balance=PEER_BALANCE, **limit
        ),
        alice=await near.wallet(near_asset, "alice"),
        bob=await far.wallet(far_asset, "bob"),
        outside=outside,
        clock=clock,
    )


@pytest.fixture
def new_banks(new_node: NewNode, outside: Outside, clock: WarpClock) -> NewBanks:
    """Starts two peered nodes, which stop with the test."""
    return partial(two_banks, new_node, outside, clock)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def banks(new_node_of_module: NewNode, outside: Outside, clock: WarpClock) -> Banks:
    """Two nodes peered in dollars, which all tests of the module share."""
    return await two_banks(new_node_of_module, outside, clock)
