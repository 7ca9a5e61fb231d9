"""Events posted to tenants: signed, in order, again until they are taken, and parked at last."""

from typing import Any
from uuid import uuid4

import pytest
from rafiki.admin.v1 import asset_service_pb2 as assets_pb2
from rafiki.admin.v1 import tenant_service_pb2 as tenants
from rafiki.admin.v1 import wallet_address_service_pb2 as wallets_pb2
from rafiki.openpayments.v1 import incoming_payment_service_pb2 as incoming_pb2
from servicekit.errors import AlreadyExists
from servicekit.hmac_signature import SignatureRefused, verify_signature
from sqlalchemy import func, select

from services.backend.events.tables import webhook_deliveries
from tests.integration.backend.payments.conftest import WEBHOOK_SECRET, NewNode
from tests.integration.backend.payments.node import Node, amount, eventually, id_of, key
from tests.integration.backend.payments.outside import Outside, Posted

pytestmark = pytest.mark.asyncio(loop_scope="module")
PARKED = 2


async def attempts_at(
    outside: Outside, payment: Any, count: int, *, hurrying: Node | None = None
) -> list[Posted]:
    """The attempts to tell of a payment, once there are that many; time may be hurried on."""

    async def attempts() -> list[Posted]:
        found = [a for a in outside.attempts if a.body["data"]["id"] == id_of(payment)]
        if hurrying is not None and len(found) < count:
            hurrying.clock.jump(1)
        return found

    return await eventually(attempts, lambda found: len(found) >= count)


async def expecting(node: Node, **fields: Any) -> Any:
    try:
        usd = await node.asset()
    except AlreadyExists:
        found = await node.assets.ListAssets(assets_pb2.ListAssetsRequest())
        usd = next(asset for asset in found.assets if asset.tenant_id == node.tenant)
    return await node.incoming(await node.wallet(usd), amount(100), **fields)


def verify(header: str, body: bytes, now_ms: int, *, secret: str) -> None:
    verify_signature(header, secret=secret, version=1, body=body, now_ms=now_ms, ttl_ms=60_000)


async def test_an_event_is_signed(node: Node, outside: Outside) -> None:
    payment = await expecting(node)
    (posted,) = await attempts_at(outside, payment, 1)
    header, now_ms = posted.headers["Rafiki-Signature"], node.clock.now_ms()
    verify(header, posted.raw, now_ms, secret=WEBHOOK_SECRET)
    with pytest.raises(SignatureRefused):
        verify(header, posted.raw, now_ms, secret="another")
    with pytest.raises(SignatureRefused):
        verify(header, posted.raw.replace(b"100", b"999"), now_ms, secret=WEBHOOK_SECRET)
    assert posted.headers["Content-Type"] == "application/json"
    assert posted.body.keys() == {"id", "type", "data"}
    assert posted.body["data"]["incomingAmount"] == {
        "value": "100",
        "assetCode": "USD",
        "assetScale": 2,
    }


async def test_an_event_about_numbers_beyond_javascript_is_signed_too(
    node: Node, outside: Outside
) -> None:
    metadata = {"big": 1e20, "small": 1e-7, "half": 0.5, "text": "ü", "list": [1, None, True]}
    payment = await expecting(node, metadata=metadata)
    (posted,) = await attempts_at(outside, payment, 1)
    assert posted.body["data"]["metadata"] == metadata
    header = posted.headers["Rafiki-Signature"]
    verify(header, posted.raw, node.clock.now_ms(), secret=WEBHOOK_SECRET)


@pytest.mark.parametrize("status", [500, 404, 302, 201, 204])
async def test_only_200_counts_and_the_wait_grows(
    node: Node, outside: Outside, status: int
) -> None:
    outside.webhook_status["bank"] = status
    try:
        payment = await expecting(node)
        await attempts_at(outside, payment, 1)
        await attempted(node, payment, 1)
        node.clock.jump(9)
        assert len(await attempts_at(outside, payment, 1)) == 1
        await attempts_at(outside, payment, 2, hurrying=node)
        await attempted(node, payment, 2)
        node.clock.jump(19)
        assert len(await attempts_at(outside, payment, 2)) == 2
        outside.webhook_status["bank"] = 200
        attempts = await attempts_at(outside, payment, 3, hurrying=node)
        assert len({attempt.body["id"] for attempt in attempts}) == 1
        assert outside.types_of(id_of(payment)) == ["incoming_payment.created"]
    finally:
        outside.webhook_status["bank"] = 200


async def attempted(node: Node, payment: Any, count: int) -> None:
    """Wait until that many failed attempts are written down."""

    async def attempts() -> int:
        async with node.features.database.read() as session:
            query = select(webhook_deliveries.c.attempts).where(
                webhook_deliveries.c.ordering_key == id_of(payment),
                webhook_deliveries.c.last_error.is_not(None),
                webhook_deliveries.c.lease.is_(None),
            )
            return int(await session.scalar(query) or 0)

    await eventually(attempts, lambda found: found >= count)


async def test_a_payments_events_keep_their_order_and_hold_nobody_else_up(
    node: Node, outside: Outside
) -> None:
    outside.webhook_status["bank"] = 500
    blocked = await expecting(node)
    await attempts_at(outside, blocked, 1)
    await attempted(node, blocked, 1)
    await node.complete(blocked)
    outside.webhook_status["bank"] = 200
    free = await expecting(node)
    await attempts_at(outside, free, 1)
    # The second event waits behind the first one, whose next attempt is not due yet.
    assert [a.body["type"] for a in await attempts_at(outside, blocked, 1)] == [
        "incoming_payment.created"
    ]
    await attempts_at(outside, blocked, 3, hurrying=node)
    assert outside.types_of(id_of(blocked)) == [
        "incoming_payment.created",
        "incoming_payment.completed",
    ]


async def test_a_tenants_own_receiver_does_not_hold_up_the_operators(
    node: Node, outside: Outside
) -> None:
    tenant_id = str(uuid4())
    await node.tenants.CreateTenant(
        tenants.CreateTenantRequest(
            id=tenant_id,
            api_secret="the-tenant's-secret",
            settings=[
                tenants.TenantSetting(key="WEBHOOK_URL", value=f"{outside.origin}/webhooks/other"),
                tenants.TenantSetting(key="WALLET_ADDRESS_URL", value=f"{node.edge.origin}/other"),
            ],
            idempotency_key=key(),
        )
    )
    outside.webhook_status["other"] = 500
    theirs = await payment_of(node, tenant_id)
    (refused,) = await attempts_at(outside, theirs, 1)
    assert refused.body["type"] == "incoming_payment.created"
    ours = await expecting(node)
    await attempts_at(outside, ours, 1)
    assert outside.types_of(id_of(ours)) == ["incoming_payment.created"]
    assert outside.types_of(id_of(theirs)) == []


async def payment_of(node: Node, tenant_id: str) -> Any:
    """An incoming payment of another tenant."""
    asset = await node.assets.CreateAsset(
        assets_pb2.CreateAssetRequest(
            tenant_id=tenant_id, code="USD", scale=2, idempotency_key=key()
        )
    )
    wallet = await node.wallets.CreateWalletAddress(
        wallets_pb2.CreateWalletAddressRequest(
            tenant_id=tenant_id,
            asset_id=asset.id,
            address="carol",
            idempotency_key=key(),
        )
    )
    request = incoming_pb2.CreateIncomingPaymentRequest(
        tenant_id=tenant_id, wallet_address=wallet.address
    )
    return await node.incoming_payments.CreateIncomingPayment(request)


async def test_what_is_never_taken_is_parked(new_node: NewNode, outside: Outside) -> None:
    outside.webhook_status["parking"] = 500
    node = await new_node("parking", WEBHOOK_MAX_RETRY=3)
    payment = await expecting(node)
    for attempt in range(1, 4):
        await attempts_at(outside, payment, attempt, hurrying=node)
        await attempted(node, payment, attempt)

    async def parked() -> int:
        async with node.features.database.read() as session:
            query = select(func.count()).where(webhook_deliveries.c.state == PARKED)
            return int(await session.scalar(query))

    assert await eventually(parked, bool) == 1
    outside.webhook_status["parking"] = 200
    node.clock.jump(600)
    other = await expecting(node)
    await attempts_at(outside, other, 1)
    assert len(await attempts_at(outside, payment, 3)) == 3
