"""What one process answered is true for the next call, at another process that hears late or not.

Each test runs with both: one that handles a notification when the change waits for it, and one that
handles none, ever.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from rafiki.admin.v1 import asset_service_pb2 as assets
from rafiki.admin.v1 import payment_service_pb2 as payments
from rafiki.admin.v1 import peer_service_pb2 as peers
from rafiki.admin.v1 import tenant_service_pb2 as pb
from rafiki.admin.v1 import wallet_address_service_pb2 as wallets
from rafiki.openpayments.v1 import wallet_address_service_pb2 as public_wallets
from rafiki.openpayments.v1 import wallet_address_service_pb2_grpc as public_wallets_grpc
from rafiki.routing.v1 import routing_service_pb2 as routing
from servicekit import listen
from servicekit.clock import SystemClock
from servicekit.errors import NotFound, Unauthenticated
from servicekit.grpc_client import build_channel
from servicekit.hmac_signature import make_signature
from servicekit.lifecycle import Lifecycle
from servicekit.paging import PAGE_SIZE_MAX

from services.backend.app import BackendApp
from services.backend.changes import hearing
from services.backend.process.connections import Connections
from services.backend.process.features import Features
from services.backend.settings import BackendSettings
from tests.integration.backend.admin.conftest import OPEN_PAYMENTS_URL, World, key, usd
from tests.integration.backend.admin.test_names import asset_of, new_tenant, rename, wallet_of

LATE_TURNS = 1_000
"""Of the event loop, that a process lets go by before it handles what it was told."""
PUBLIC_KEY = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
BODY = b'{"query": "{ whoami { id } }"}'


async def _late() -> None:
    for _ in range(LATE_TURNS):
        await asyncio.sleep(0)


async def _never() -> None:
    await asyncio.Event().wait()


class FaultyApp(BackendApp):
    """A process that handles what it is told of the directory as late as a test wants it."""

    hold_back: Callable[[], Awaitable[None]]

    async def build(self, connections: Connections) -> Features:
        features = await super().build(connections)
        handle = features.lookups.directory.on_notify

        async def on_notify(channel: str, payload: str) -> None:
            await self.hold_back()
            await handle(channel, payload)

        features.lookups.directory.on_notify = on_notify  # type: ignore[method-assign] # the fault injected here
        return features


@pytest.fixture(params=[_late, _never])
async def untold(
    request: pytest.FixtureRequest,
    world: World,
    settings: BackendSettings,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[World]:
    """A second process on the stores of `world`."""
    if request.param is _never:
        # How long each change, and each call here, waits for what does not come.
        monkeypatch.setattr(hearing, "TRUST_S", 0.3)
        monkeypatch.setattr(listen, "CONFIRM_TIMEOUT_S", 0.1)
    async with AsyncExitStack() as stack:
        app = FaultyApp(settings=settings)
        app.hold_back = request.param
        ports = await app.start(Lifecycle(stack))
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


async def test_a_fee_that_was_set_is_in_every_quote_at_once(world: World, untold: World) -> None:
    asset_id = (await world.asset()).id
    await world.deposit(asset_id, 1000)
    wallet = await world.wallet(asset_id)
    receiver = await world.payments.CreateReceiver(
        payments.CreateReceiverRequest(wallet_address_url=wallet.address, idempotency_key=key())
    )
    for fixed in (7, 8):
        await world.assets.SetFee(
            assets.SetFeeRequest(
                asset_id=asset_id,
                type=assets.FEE_TYPE_SENDING,
                fixed=fixed,
                basis_points=0,
                idempotency_key=key(),
            )
        )
        quote = await untold.payments.CreateQuote(
            payments.CreateQuoteRequest(
                wallet_address_id=wallet.id,
                receiver=receiver.id,
                receive_amount=usd(100),
                idempotency_key=key(),
            )
        )
        assert quote.debit_amount.value == 100 + fixed


async def test_what_a_wallet_address_is_holds_everywhere_at_once(
    world: World, untold: World
) -> None:
    wallet = await world.wallet((await world.asset()).id)
    public: Any = public_wallets_grpc.WalletAddressServiceStub(untold.channel)

    async def kids() -> list[str]:
        request = public_wallets.GetWalletAddressKeysRequest(url=wallet.address)
        return [each.kid for each in (await public.GetWalletAddressKeys(request)).keys]

    assert await kids() == []
    request = wallets.CreateWalletAddressKeyRequest(
        wallet_address_id=wallet.id, kid="k", x=PUBLIC_KEY, idempotency_key=key()
    )
    made = await world.wallets.CreateWalletAddressKey(request)
    assert await kids() == ["k"]
    await world.wallets.RevokeWalletAddressKey(
        wallets.RevokeWalletAddressKeyRequest(id=made.id, idempotency_key=key())
    )
    assert await kids() == []
    for status in (wallets.WALLET_ADDRESS_STATUS_INACTIVE, wallets.WALLET_ADDRESS_STATUS_ACTIVE):
        await world.wallets.UpdateWalletAddress(
            wallets.UpdateWalletAddressRequest(
                id=wallet.id, status=status, public_name=str(status), idempotency_key=key()
            )
        )
        get = public_wallets.GetWalletAddressRequest(url=wallet.address)
        if status == wallets.WALLET_ADDRESS_STATUS_INACTIVE:
            with pytest.raises(NotFound):
                await public.GetWalletAddress(get)
        else:
            assert (await public.GetWalletAddress(get)).public_name == str(status)
