"""A bank whose webhook receiver is down: events are tried again, nothing is lost or held up."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final
from uuid import uuid4

import grpc.aio
import pytest
from aiohttp import web
from rafiki.admin.v1 import asset_service_pb2 as assets
from rafiki.admin.v1 import asset_service_pb2_grpc as assets_grpc
from rafiki.admin.v1 import event_service_pb2 as events
from rafiki.admin.v1 import event_service_pb2_grpc as events_grpc
from rafiki.admin.v1 import payment_service_pb2 as payments
from rafiki.admin.v1 import payment_service_pb2_grpc as payments_grpc
from rafiki.admin.v1 import tenant_service_pb2 as tenants
from rafiki.admin.v1 import tenant_service_pb2_grpc as tenants_grpc
from rafiki.admin.v1 import wallet_address_service_pb2 as addresses
from rafiki.admin.v1 import wallet_address_service_pb2_grpc as addresses_grpc
from servicekit.clock import SystemClock

from deploy.local.demo import Wallets, wait_booked
from deploy.local.environment import NodeConfig, grpc_target
from deploy.local.open_payments import Browser, OpenPaymentsClient
from deploy.local.payment import pay
from deploy.local.ports import LOOPBACK
from deploy.local.stack import Stack
from tests.e2e.books import id_of
from tests.e2e.settling import at_rest, until_books, until_settled

pytestmark = pytest.mark.e2e
CLOCK: Final = SystemClock()
WAIT_S_MAX: Final = 60.0
POLL_INTERVAL_S: Final = 0.05
App = tuple[OpenPaymentsClient, Browser]


@contextmanager
def receiver_down(stack: Stack, node: int) -> Iterator[None]:
    """The bank's own process, and its webhook receiver with it, is not there."""
    services = stack.nodes[node].services
    child, ready = next(pair for pair in services if pair[0].name.endswith("-ase"))
    child.stop()
    try:
        yield
    finally:
        child.start()
        child.wait_ready(ready)


@asynccontextmanager
async def receiver() -> AsyncIterator[tuple[str, asyncio.Queue[dict[str, Any]]]]:
    """A webhook receiver of the test's own: its URL and what it gets."""
    got: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def take(request: web.Request) -> web.Response:
        got.put_nowait(await request.json())
        return web.Response()

    app = web.Application()
    app.router.add_post("/events", take)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, LOOPBACK, 0)
        await site.start()
        port = runner.addresses[0][1]
        yield f"http://{LOOPBACK}:{port}/events", got
    finally:
        await runner.cleanup()


async def make_tenant_event(node: NodeConfig, webhook_url: str) -> str:
    """Another tenant of the node, and an incoming payment of its; the payment's id."""
    tenant_id = str(uuid4())
    base = f"{node.public_url}/{tenant_id[:8]}"
    settings = {"WEBHOOK_URL": webhook_url, "WALLET_ADDRESS_URL": base}
    async with grpc.aio.insecure_channel(grpc_target(node.ports.operator)) as channel:
        await tenants_grpc.TenantServiceStub(channel).CreateTenant(
            tenants.CreateTenantRequest(
                id=tenant_id,
                api_secret=str(uuid4()),
                settings=[
                    tenants.TenantSetting(key=key, value=value) for key, value in settings.items()
                ],
                idempotency_key=str(uuid4()),
            )
        )
        asset = await assets_grpc.AssetServiceStub(channel).CreateAsset(
            assets.CreateAssetRequest(
                tenant_id=tenant_id, code="XTS", scale=2, idempotency_key=str(uuid4())
            )
        )
        wallet = await addresses_grpc.WalletAddressAdminServiceStub(channel).CreateWalletAddress(
            addresses.CreateWalletAddressRequest(
                tenant_id=tenant_id,
                asset_id=asset.id,
                address=f"{base}/dora",
                idempotency_key=str(uuid4()),
            )
        )
        payment = await payments_grpc.PaymentServiceStub(channel).CreateIncomingPayment(
            payments.CreateIncomingPaymentRequest(
                tenant_id=tenant_id, wallet_address_id=wallet.id, idempotency_key=str(uuid4())
            )
        )
    return str(payment.id)


async def until_delivery(
    node: NodeConfig, event_type: str, payment_id: str, state: events.DeliveryState.ValueType
) -> events.WebhookDelivery:
    """A payment's event in a state of delivery, once an attempt has ended."""
    deadline = CLOCK.monotonic() + WAIT_S_MAX
    request = events.ListWebhookEventsRequest(types=[event_type])
    async with grpc.aio.insecure_channel(grpc_target(node.ports.operator)) as channel:
        stub = events_grpc.EventServiceStub(channel)
        while True:
            page = await stub.ListWebhookEvents(request)
            found = [event for event in page.events if event.data["id"] == payment_id]
            for delivery in (one for event in found for one in event.deliveries):
                if delivery.state == state and (delivery.status_code or delivery.last_error):
                    return delivery
            assert CLOCK.monotonic() < deadline, found
            await CLOCK.sleep(POLL_INTERVAL_S)


async def agreed_quote(app: App, *, payer: str, payee: str, deliver: int) -> tuple[str, str, str]:
    """A quote's id, what it will pay into, and a token that the customer agreed to."""
    client, browser = app
    sender, receiver_ = await client.get(payer), await client.get(payee)
    token = await client.grant(
        receiver_["authServer"], {"type": "incoming-payment", "actions": ["create"]}
    )
    amount = {name: receiver_[name] for name in ("assetCode", "assetScale")}
    incoming = await client.post(
        f"{receiver_['resourceServer']}/incoming-payments",
        {"walletAddress": payee, "incomingAmount": {"value": str(deliver), **amount}},
        token=token,
    )
    token = await client.grant(sender["authServer"], {"type": "quote", "actions": ["create"]})
    quote = await client.post(
        f"{sender['resourceServer']}/quotes",
        {"walletAddress": payer, "receiver": incoming["id"], "method": "ilp"},
        token=token,
    )
    grant = await client.ask(
        sender["authServer"],
        {
            "type": "outgoing-payment",
            "actions": ["create", "read"],
            "identifier": payer,
            "limits": {"debitAmount": quote["debitAmount"]},
        },
    )
    agreed = await client.finish(grant, await browser.consent(grant.redirect, "approve"))
    return quote["id"], f"{sender['resourceServer']}/outgoing-payments", agreed


async def test_events_wait_for_their_receiver_and_nothing_waits_for_them(
    stack: Stack, wallets: Wallets, app: App
) -> None:
    first, second = stack.configs
    alice, bert = (wallet.url for wallet in wallets.by_node[0])
    carla, shop = (wallet.url for wallet in wallets.by_node[1])
    before = await until_books(stack.configs, at_rest)
    client, browser = app
    quote, collection, token = await agreed_quote(app, payer=alice, payee=carla, deliver=500)

    with receiver_down(stack, 0):
        # A payment that the bank would have to fund stays where it is.
        outgoing = await client.post(
            collection, {"walletAddress": alice, "quoteId": quote}, token=token
        )
        waiting = await until_delivery(
            first,
            "outgoing_payment.created",
            id_of(outgoing["id"]),
            events.DELIVERY_STATE_PENDING,
        )
        assert "onnect" in waiting.last_error
        assert waiting.HasField("next_attempt_at")
        # Another tenant of the same node gets its event.
        async with receiver() as (url, got):
            payment_id = await make_tenant_event(first, url)
            event = await asyncio.wait_for(got.get(), WAIT_S_MAX)
            assert (event["type"], event["data"]["id"]) == ("incoming_payment.created", payment_id)
        # The same tenant still receives money; its customer's account hears of it later, and of
        # what comes first first.
        paid = await pay(client, browser, sender=carla, receiver=bert, deliver=300, clock=CLOCK)
        received = id_of(paid.incoming["id"])
        await until_delivery(
            first, "incoming_payment.created", received, events.DELIVERY_STATE_PENDING
        )
        # The other bank is not concerned at all.
        await pay(client, browser, sender=carla, receiver=shop, deliver=200, clock=CLOCK)
        shop_now = before[1].customers[shop] + 200
        assert await wait_booked(second, shop, shop_now, CLOCK) == shop_now

    await until_settled(first, outgoing["id"])
    for event_type, payment, attempts_min in (
        ("outgoing_payment.created", id_of(outgoing["id"]), 2),
        ("incoming_payment.created", received, 2),
        ("incoming_payment.completed", received, 1),
    ):
        done = await until_delivery(first, event_type, payment, events.DELIVERY_STATE_DELIVERED)
        assert done.status_code == 200
        assert done.attempts >= attempts_min
    sent = int((await client.get(outgoing["id"], token=token))["sentAmount"]["value"])
    after = await until_books(
        stack.configs,
        lambda now: (
            at_rest(now)
            and now[0].customers[bert] == before[0].customers[bert] + 300
            and now[0].customers[alice] == before[0].customers[alice] - sent
        ),
    )
    assert at_rest(after)
    assert after[0].customers[bert] == before[0].customers[bert] + 300
    assert after[0].customers[alice] == before[0].customers[alice] - sent
