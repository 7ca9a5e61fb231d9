"""What one process answered is true for the next call, at a process that was told nothing."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from rafiki.admin.v1 import payment_service_pb2 as payments
from rafiki.admin.v1 import peer_service_pb2 as peers
from rafiki.admin.v1 import tenant_service_pb2 as pb
from rafiki.routing.v1 import routing_service_pb2 as routing
from servicekit.clock import SystemClock
from servicekit.errors import NotFound, Unauthenticated
from servicekit.grpc_client import build_channel
from servicekit.hmac_signature import make_signature
from servicekit.lifecycle import Lifecycle
from servicekit.paging import PAGE_SIZE_MAX

from services.backend.app import BackendApp, Features
from services.backend.process.connections import Connections
from services.backend.settings import BackendSettings
from tests.integration.backend.admin.conftest import OPEN_PAYMENTS_URL, World, key, usd
from tests.integration.backend.admin.test_names import asset_of, new_tenant, rename, wallet_of

BODY = b'{"query": "{ whoami { id } }"}'


class UntoldApp(BackendApp):
    """A process whose notifications of the directory are held back for good."""

    async def build(self, connections: Connections) -> Features:
        features = await super().build(connections)

        async def hold_back(channel: str, payload: str) -> None:
            del channel, payload

        features.lookups.directory.on_notify = hold_back  # type: ignore[method-assign] # the fault injected here
        return features


@pytest.fixture
async def untold(world: World, settings: BackendSettings) -> AsyncIterator[World]:
    """A second process on the stores of `world`."""
    async with AsyncExitStack() as stack:
        ports = await UntoldApp(settings=settings).start(Lifecycle(stack))
        channel = build_channel(f"127.0.0.1:{ports.grpc}")
        stack.push_async_callback(channel.close)
        yield World(channel, world.database, world.outside)


async def _verified(world: World, tenant_id: str, secret: str) -> str:
    signature = make_signature(
        {"query": "{ whoami { id } }"}, secret=secret, version=1, now_ms=SystemClock().now_ms()
    )
    request = pb.VerifyApiSignatureRequest(tenant_id=tenant_id, signature=signature, body=BODY)
    return str((await world.tenants.VerifyApiSignature(request)).tenant_id)


async def test_a_tenant_is_known_everywhere_at_once(world: World, untold: World) -> None:
    tenant = await new_tenant(world)
    assert await _verified(untold, tenant.id, "the-tenant's-secret") == tenant.id
    await world.tenants.UpdateTenant(
        pb.UpdateTenantRequest(id=tenant.id, api_secret="another-secret-now", idempotency_key=key())
    )
    with pytest.raises(Unauthenticated):
        await _verified(untold, tenant.id, "the-tenant's-secret")
    assert await _verified(untold, tenant.id, "another-secret-now") == tenant.id
    await world.tenants.DeleteTenant(pb.DeleteTenantRequest(id=tenant.id, idempotency_key=key()))
    with pytest.raises(Unauthenticated):
        await _verified(untold, tenant.id, "another-secret-now")
    with pytest.raises(NotFound) as unknown:
        await asset_of(untold, tenant.id)
    assert unknown.value.reason == "UNKNOWN_TENANT"


async def test_what_was_set_holds_everywhere_at_once(world: World, untold: World) -> None:
    tenant = await new_tenant(world)
    asset_id = await asset_of(untold, tenant.id)
    await rename(world, tenant.id, WALLET_ADDRESS_URL=f"{OPEN_PAYMENTS_URL}/moved")
    wallet = await wallet_of(untold, tenant.id, asset_id, "alice")
    assert wallet.address == f"{OPEN_PAYMENTS_URL}/moved/alice"


async def test_a_peer_is_routed_to_everywhere_at_once(world: World, untold: World) -> None:
    asset_id = (await world.asset()).id
    peer = await world.peer(asset_id, "test.away")
    request = routing.ResolveRouteRequest(destination="test.away.alice")
    assert (await untold.routing.ResolveRoute(request)).HasField("route")
    await world.peers.DeletePeer(peers.DeletePeerRequest(id=peer.id, idempotency_key=key()))
    assert not (await untold.routing.ResolveRoute(request)).HasField("route")


async def test_a_process_that_starts_routes_to_every_peer_however_many(
    world: World, settings: BackendSettings
) -> None:
    asset_id = (await world.asset()).id
    prefixes = {f"test.peer{number}" for number in range(PAGE_SIZE_MAX + 1)}
    for prefix in prefixes:
        await world.peer(asset_id, prefix)
    async with AsyncExitStack() as stack:
        ports = await BackendApp(settings=settings).start(Lifecycle(stack))
        channel = build_channel(f"127.0.0.1:{ports.grpc}")
        stack.push_async_callback(channel.close)
        started = World(channel, world.database, world.outside)
        routes = (await started.routing.ListRoutes(routing.ListRoutesRequest())).routes
        assert {route.prefix for route in routes} == prefixes


async def test_a_new_asset_can_be_quoted_everywhere_at_once(world: World, untold: World) -> None:
    asset_id = (await world.asset()).id
    await world.deposit(asset_id, 1000)
    wallet = await world.wallet(asset_id)
    receiver = await world.payments.CreateReceiver(
        payments.CreateReceiverRequest(wallet_address_url=wallet.address, idempotency_key=key())
    )
    quote = await untold.payments.CreateQuote(
        payments.CreateQuoteRequest(
            wallet_address_id=wallet.id,
            receiver=receiver.id,
            debit_amount=usd(100),
            idempotency_key=key(),
        )
    )
    assert quote.id
