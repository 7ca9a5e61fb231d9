"""A real backend process, in this one, on real Postgres and Valkey; only the outside is played."""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4

import grpc.aio
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from rafiki.admin.v1 import (
    asset_service_pb2,
    asset_service_pb2_grpc,
    event_service_pb2_grpc,
    liquidity_service_pb2,
    liquidity_service_pb2_grpc,
    payment_service_pb2_grpc,
    peer_service_pb2,
    peer_service_pb2_grpc,
    session_service_pb2_grpc,
    tenant_service_pb2,
    tenant_service_pb2_grpc,
    unknown_packet_service_pb2_grpc,
    wallet_address_service_pb2,
    wallet_address_service_pb2_grpc,
)
from rafiki.common.v1.money_pb2 import Amount
from rafiki.ledger.v1 import ledger_service_pb2_grpc
from rafiki.openpayments.v1 import incoming_payment_service_pb2_grpc
from rafiki.routing.v1 import routing_service_pb2_grpc
from servicekit.database import Database
from servicekit.grpc_client import build_channel
from servicekit.lifecycle import Lifecycle

from services.backend.app import BackendApp
from services.backend.migrations.run import upgrade
from services.backend.settings import BackendSettings
from tests.integration.backend.admin.outside import Outside
from tests.support.postgres import TestPostgres, free_port, postgres_server
from tests.support.valkey import redis_url, valkey_server

__all__ = ["postgres_server", "redis_url", "valkey_server"]

OPERATOR = UUID("438fa74a-fa7d-4317-9ced-dde32ece1787")
ADMIN_SECRET = "the-operator's-admin-secret"
OPEN_PAYMENTS_URL = "http://bank.test"
EVENTUALLY_STEP_S = 0.02

T = TypeVar("T")


def key() -> str:
    """A fresh idempotency key."""
    return str(uuid4())


def usd(value: int) -> Amount:
    return Amount(value=value, asset_code="USD", asset_scale=2)


async def eventually(read: Callable[[], Awaitable[T]], reached: Callable[[T], bool]) -> T:
    """Read until a state is reached; the test's own timeout bounds it."""
    while not reached(found := await read()):  # noqa: ASYNC110 - a state behind RPC has no event
        await asyncio.sleep(EVENTUALLY_STEP_S)
    return found


class World:
    """Everything a test of the admin services touches."""

    target = ""
    """host:port of its gRPC, for what opens a channel of its own."""

    def __init__(self, channel: grpc.aio.Channel, database: Database, outside: Outside) -> None:
        self.channel = channel
        self.database = database
        self.outside = outside
        self.assets: Any = asset_service_pb2_grpc.AssetServiceStub(channel)
        self.peers: Any = peer_service_pb2_grpc.PeerServiceStub(channel)
        self.wallets: Any = wallet_address_service_pb2_grpc.WalletAddressAdminServiceStub(channel)
        self.liquidity: Any = liquidity_service_pb2_grpc.LiquidityServiceStub(channel)
        self.ledger: Any = ledger_service_pb2_grpc.LedgerServiceStub(channel)
        self.payments: Any = payment_service_pb2_grpc.PaymentServiceStub(channel)
        self.sessions: Any = session_service_pb2_grpc.SessionServiceStub(channel)
        self.tenants: Any = tenant_service_pb2_grpc.TenantServiceStub(channel)
        self.events: Any = event_service_pb2_grpc.EventServiceStub(channel)
        self.unknown_packets: Any = unknown_packet_service_pb2_grpc.UnknownPacketServiceStub(
            channel
        )
        self.public_payments: Any = (
            incoming_payment_service_pb2_grpc.PublicIncomingPaymentServiceStub(channel)
        )
        self.routing: Any = routing_service_pb2_grpc.RoutingServiceStub(channel)

    async def tenant(self) -> str:
        """The id of a new tenant."""
        request = tenant_service_pb2.CreateTenantRequest(
            api_secret="the-tenant's-secret", idempotency_key=key()
        )
        return str((await self.tenants.CreateTenant(request)).id)

    async def asset(self, code: str = "USD", scale: int = 2, **fields: Any) -> Any:
        request = asset_service_pb2.CreateAssetRequest(
            code=code, scale=scale, idempotency_key=key(), **fields
        )
        return await self.assets.CreateAsset(request)

    async def wallet(self, asset_id: str, name: str | None = None, **fields: Any) -> Any:
        request = wallet_address_service_pb2.CreateWalletAddressRequest(
            asset_id=asset_id,
            address=name or str(uuid4()),
            idempotency_key=key(),
            **fields,
        )
        return await self.wallets.CreateWalletAddress(request)

    async def peer(self, asset_id: str, address: str, **fields: Any) -> Any:
        request = peer_service_pb2.CreatePeerRequest(
            asset_id=asset_id,
            static_ilp_address=address,
            outgoing=peer_service_pb2.PeerHttpOutgoing(
                endpoint="http://peer.test/ilp", auth_token="theirs"
            ),
            idempotency_key=key(),
            **fields,
        )
        return await self.peers.CreatePeer(request)

    async def deposit(self, asset_id: str, amount: int) -> None:
        request = liquidity_service_pb2.DepositAssetLiquidityRequest(
            id=str(uuid4()), asset_id=asset_id, amount=amount, idempotency_key=key()
        )
        await self.liquidity.DepositAssetLiquidity(request)

    async def fund(self, payment_id: str) -> None:
        request = liquidity_service_pb2.DepositOutgoingPaymentLiquidityRequest(
            outgoing_payment_id=payment_id, idempotency_key=key()
        )
        await self.liquidity.DepositOutgoingPaymentLiquidity(request)


@pytest.fixture
def backend_database_url(postgres_server: TestPostgres) -> Iterator[str]:
    """A migrated database of its own for each test, from a template."""
    url = postgres_server.create_database(postgres_server.template("backend", upgrade))
    yield url
    postgres_server.drop_database(url)


@pytest.fixture
def auth_grpc_port() -> int:
    """Where auth would be; nobody listens there unless a test starts it."""
    return free_port()


@pytest.fixture
async def outside() -> AsyncIterator[Outside]:
    server = Outside()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def settings(
    backend_database_url: str,
    redis_url: str,
    auth_grpc_port: int,
    outside: Outside,
    tmp_path: Path,
) -> BackendSettings:
    pem = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    key_file = tmp_path / "key.pem"
    key_file.write_bytes(pem)
    return BackendSettings(
        INSTANCE_NAME="test",
        GRPC_PORT=0,
        CONNECTOR_PORT=0,
        DATABASE_URL=backend_database_url,
        REDIS_URL=redis_url,
        OPEN_PAYMENTS_URL=OPEN_PAYMENTS_URL,
        AUTH_SERVER_GRANT_URL="http://auth.test",
        AUTH_SERVER_INTROSPECTION_URL=f"127.0.0.1:{auth_grpc_port}",
        ILP_ADDRESS="test.bank",
        ILP_CONNECTOR_URL="http://bank.test/ilp",
        STREAM_SECRET=base64.b64encode(bytes(32)).decode(),
        NODE_ENV="test",
        OPERATOR_TENANT_ID=OPERATOR,
        ADMIN_API_SECRET=ADMIN_SECRET,
        KEY_ID="bank-key",
        PRIVATE_KEY_FILE=str(key_file),
        EXCHANGE_RATES_URL=f"{outside.origin}/rates",
        WEBHOOK_URL=f"{outside.origin}/webhooks",
        WEBHOOK_MAX_RETRY=1,
    )


@pytest.fixture
async def world(settings: BackendSettings, outside: Outside) -> AsyncIterator[World]:
    database = Database(settings.database_url.get_secret_value())
    async with AsyncExitStack() as stack:
        stack.push_async_callback(database.close)
        lifecycle = Lifecycle(stack)
        ports = await BackendApp(settings=settings).start(lifecycle)
        target = f"127.0.0.1:{ports.grpc}"
        channel = build_channel(target)
        stack.push_async_callback(channel.close)
        world = World(channel, database, outside)
        world.target = target
        yield world
        assert not lifecycle.failed
