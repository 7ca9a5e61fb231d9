"""Incoming payments through the Admin contract."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp
from rafiki.admin.v1 import payment_service_pb2 as pb
from rafiki.common.v1.money_pb2 import Amount
from rafiki.common.v1.paging_pb2 import PageRequest
from servicekit.clock import SystemClock
from servicekit.errors import Conflict, InvalidArgument, NotFound

from tests.integration.backend.admin.conftest import OPEN_PAYMENTS_URL, OPERATOR, World, key, usd

UNKNOWN = "018f4a0c-0000-7000-8000-000000000000"


@pytest.fixture
async def wallet(world: World) -> Any:
    return await world.wallet((await world.asset()).id)


async def _create(world: World, wallet: Any, **fields: Any) -> Any:
    request = pb.CreateIncomingPaymentRequest(
        wallet_address_id=wallet.id, **({"idempotency_key": key()} | fields)
    )
    return await world.payments.CreateIncomingPayment(request)


async def _get(world: World, payment_id: str, **fields: Any) -> Any:
    request = pb.GetIncomingPaymentRequest(id=payment_id, **fields)
    return await world.payments.GetIncomingPayment(request)


async def test_a_payment_is_created_with_all_its_fields(world: World, wallet: Any) -> None:
    metadata = Struct()
    metadata.update({"order": 17, "note": "thanks"})
    until = Timestamp()
    until.FromDatetime(SystemClock().now() + timedelta(hours=1))
    created = await _create(
        world, wallet, incoming_amount=usd(1000), expires_at=until, metadata=metadata
    )
    assert created == await _get(world, created.id)
    assert created.url == f"{OPEN_PAYMENTS_URL}/{OPERATOR}/incoming-payments/{created.id}"
    assert created.tenant_id == str(OPERATOR)
    assert created.wallet_address_id == wallet.id
    assert created.state == pb.INCOMING_PAYMENT_STATE_PENDING
    assert created.incoming_amount == usd(1000)
    assert created.received_amount == usd(0)
    assert dict(created.metadata) == {"order": 17, "note": "thanks"}
    assert created.expires_at.seconds == until.seconds
    assert not created.HasField("client")


async def test_a_repeat_with_the_same_key_creates_no_second_payment(
    world: World, wallet: Any
) -> None:
    again = key()
    first = await _create(world, wallet, incoming_amount=usd(5), idempotency_key=again)
    assert await _create(world, wallet, incoming_amount=usd(5), idempotency_key=again) == first
    with pytest.raises(Conflict) as reused:
        await _create(world, wallet, incoming_amount=usd(6), idempotency_key=again)
    assert reused.value.reason == "IDEMPOTENCY_KEY_REUSED"
    page = await world.payments.ListIncomingPayments(pb.ListIncomingPaymentsRequest())
    assert [payment.id for payment in page.payments] == [first.id]


async def test_calls_at_once_with_one_key_create_one_payment(world: World, wallet: Any) -> None:
    again = key()
    replies = await asyncio.gather(
        *(_create(world, wallet, idempotency_key=again) for _ in range(5))
    )
    assert all(reply == replies[0] for reply in replies)
    page = await world.payments.ListIncomingPayments(pb.ListIncomingPaymentsRequest())
    assert [payment.id for payment in page.payments] == [replies[0].id]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"incoming_amount": usd(0)}, "INVALID_AMOUNT"),
        (
            {"incoming_amount": Amount(value=1, asset_code="EUR", asset_scale=2)},
            "INVALID_AMOUNT",
        ),
        (
            {"incoming_amount": Amount(value=1, asset_code="USD", asset_scale=999)},
            "INVALID_AMOUNT",
        ),
        ({"expires_at": Timestamp(seconds=1)}, "INVALID_EXPIRY"),
        ({"expires_at": Timestamp(seconds=2**61)}, "INVALID_FIELD"),
        ({"idempotency_key": ""}, "INVALID_FIELD"),
    ],
)
async def test_what_can_not_be_a_payment_is_refused(
    world: World, wallet: Any, fields: dict[str, Any], reason: str
) -> None:
    with pytest.raises(InvalidArgument) as refused:
        await _create(world, wallet, **fields)
    assert refused.value.reason == reason


async def test_unknown_ids_are_not_found(world: World, wallet: Any) -> None:
    for unknown in (UNKNOWN, "no-uuid"):
        with pytest.raises(NotFound):
            await _get(world, unknown)
    with pytest.raises(NotFound) as missing:
        await world.payments.CreateIncomingPayment(
            pb.CreateIncomingPaymentRequest(wallet_address_id=UNKNOWN, idempotency_key=key())
        )
    assert missing.value.reason == "UNKNOWN_WALLET_ADDRESS"


async def test_another_tenant_sees_nothing_of_it(world: World, wallet: Any) -> None:
    created = await _create(world, wallet)
    with pytest.raises(NotFound):
        await _get(world, created.id, tenant_id=await world.tenant())
    page = await world.payments.ListIncomingPayments(
        pb.ListIncomingPaymentsRequest(tenant_id=await world.tenant())
    )
    assert not page.payments


async def test_lists_go_both_ways_and_by_wallet_address(world: World, wallet: Any) -> None:
    other = await world.wallet(wallet.asset.id)
    mine = [(await _create(world, wallet)).id for _ in range(3)]
    await _create(world, other)

    async def page(**fields: Any) -> Any:
        request = pb.ListIncomingPaymentsRequest(
            wallet_address_id=wallet.id, page=PageRequest(**fields)
        )
        return await world.payments.ListIncomingPayments(request)

    first = await page(first=2)
    assert [payment.id for payment in first.payments] == [mine[2], mine[1]]
    assert first.page_info.has_next_page
    second = await page(first=2, cursor=first.page_info.end_cursor)
    assert [payment.id for payment in second.payments] == [mine[0]]
    assert not second.page_info.has_next_page
    back = await page(last=2, cursor=second.page_info.start_cursor)
    assert back.payments == first.payments


async def test_metadata_is_replaced(world: World, wallet: Any) -> None:
    before, after = Struct(), Struct()
    before.update({"a": 1})
    after.update({"b": [True, None, {"c": "d"}]})
    created = await _create(world, wallet, metadata=before)
    updated = await world.payments.UpdateIncomingPayment(
        pb.UpdateIncomingPaymentRequest(id=created.id, metadata=after, idempotency_key=key())
    )
    assert updated.metadata == after
    assert (await _get(world, created.id)).metadata == after


async def test_approval_and_cancellation_exclude_each_other(world: World, wallet: Any) -> None:
    approved, cancelled = await _create(world, wallet), await _create(world, wallet)
    reply = await world.payments.ApproveIncomingPayment(
        pb.ApproveIncomingPaymentRequest(id=approved.id, idempotency_key=key())
    )
    assert reply.HasField("approved_at")
    assert reply == await _get(world, approved.id)
    cancel = pb.CancelIncomingPaymentRequest(
        id=cancelled.id, reason="changed my mind", idempotency_key=key()
    )
    reply = await world.payments.CancelIncomingPayment(cancel)
    assert reply.HasField("cancelled_at")
    assert reply.cancellation_reason == "changed my mind"
    # The repeat gets its first reply, though the payment can't be cancelled a second time.
    assert await world.payments.CancelIncomingPayment(cancel) == reply
    with pytest.raises(Conflict) as refused:
        await world.payments.CancelIncomingPayment(
            pb.CancelIncomingPaymentRequest(id=approved.id, idempotency_key=key())
        )
    assert refused.value.metadata["state"] == "APPROVED"
    with pytest.raises(Conflict) as refused:
        await world.payments.ApproveIncomingPayment(
            pb.ApproveIncomingPaymentRequest(id=cancelled.id, idempotency_key=key())
        )
    assert refused.value.metadata["state"] == "CANCELLED"


async def test_a_cancelled_payment_can_not_be_paid(world: World, wallet: Any) -> None:
    payee = await world.wallet(wallet.asset.id)
    created = await _create(world, payee, incoming_amount=usd(10))
    await world.payments.CancelIncomingPayment(
        pb.CancelIncomingPaymentRequest(id=created.id, idempotency_key=key())
    )
    with pytest.raises(InvalidArgument) as refused:
        await world.payments.CreateQuote(
            pb.CreateQuoteRequest(
                wallet_address_id=wallet.id, receiver=created.url, idempotency_key=key()
            )
        )
    assert refused.value.reason == "INVALID_RECEIVER"
