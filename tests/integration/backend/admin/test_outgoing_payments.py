"""Quotes and outgoing payments through the Admin contract; payments inside one node."""

from dataclasses import dataclass
from typing import Any

import pytest
from rafiki.admin.v1 import payment_service_pb2 as pb
from rafiki.common.v1.money_pb2 import Amount
from rafiki.common.v1.paging_pb2 import PageRequest
from servicekit.errors import Conflict, InvalidArgument, NotFound, Unavailable

from tests.integration.backend.admin.conftest import World, eventually, key, usd

UNKNOWN = "018f4a0c-0000-7000-8000-000000000000"


@dataclass
class Pair:
    """A payer and a payee of one node."""

    world: World
    payer: Any
    payee: Any

    async def receiver(self, amount: Amount | None = None) -> Any:
        return await self.world.payments.CreateIncomingPayment(
            pb.CreateIncomingPaymentRequest(
                wallet_address_id=self.payee.id, incoming_amount=amount, idempotency_key=key()
            )
        )

    async def quote(self, receiver: str, **fields: Any) -> Any:
        request = pb.CreateQuoteRequest(
            wallet_address_id=self.payer.id,
            receiver=receiver,
            **({"idempotency_key": key()} | fields),
        )
        return await self.world.payments.CreateQuote(request)

    async def pay(self, quote_id: str, **fields: Any) -> Any:
        request = pb.CreateOutgoingPaymentRequest(
            wallet_address_id=self.payer.id,
            quote_id=quote_id,
            **({"idempotency_key": key()} | fields),
        )
        return await self.world.payments.CreateOutgoingPayment(request)

    async def outgoing(self, payment_id: str) -> Any:
        request = pb.GetOutgoingPaymentRequest(id=payment_id)
        return await self.world.payments.GetOutgoingPayment(request)

    async def incoming(self, payment_id: str) -> Any:
        request = pb.GetIncomingPaymentRequest(id=payment_id)
        return await self.world.payments.GetIncomingPayment(request)

    async def cancel(self, payment_id: str, **fields: Any) -> Any:
        request = pb.CancelOutgoingPaymentRequest(
            id=payment_id, **({"idempotency_key": key()} | fields)
        )
        return await self.world.payments.CancelOutgoingPayment(request)


@pytest.fixture
async def pair(world: World) -> Pair:
    asset = await world.asset()
    return Pair(world, await world.wallet(asset.id), await world.wallet(asset.id))


async def test_a_payment_inside_the_node_from_quote_to_completion(pair: Pair) -> None:
    receiver = await pair.receiver(usd(1000))
    quote = await pair.quote(receiver.url)
    assert quote.debit_amount == quote.receive_amount == usd(1000)
    fetched = await pair.world.payments.GetQuote(pb.GetQuoteRequest(id=quote.id))
    assert fetched == quote
    created = await pair.pay(quote.id)
    assert created.id == quote.id
    assert created.state == pb.OUTGOING_PAYMENT_STATE_FUNDING
    assert created.sent_amount == usd(0)
    await pair.world.fund(created.id)
    ended = await eventually(
        lambda: pair.outgoing(created.id), lambda p: p.state == pb.OUTGOING_PAYMENT_STATE_COMPLETED
    )
    assert ended.sent_amount == usd(1000)
    received = await eventually(
        lambda: pair.incoming(receiver.id),
        lambda p: p.state == pb.INCOMING_PAYMENT_STATE_COMPLETED,
    )
    assert received.received_amount == usd(1000)


async def test_an_open_payment_that_received_something_is_processing(pair: Pair) -> None:
    receiver = await pair.receiver()
    quote = await pair.quote(receiver.url, debit_amount=usd(7))
    await pair.pay(quote.id)
    await pair.world.fund(quote.id)
    received = await eventually(
        lambda: pair.incoming(receiver.id), lambda p: p.received_amount.value == 7
    )
    assert received.state == pb.INCOMING_PAYMENT_STATE_PROCESSING


async def test_a_repeated_payment_is_one_payment(pair: Pair) -> None:
    quote = await pair.quote((await pair.receiver(usd(10))).url)
    again = key()
    first = await pair.pay(quote.id, idempotency_key=again)
    assert await pair.pay(quote.id, idempotency_key=again) == first
    with pytest.raises(InvalidArgument) as used:
        await pair.pay(quote.id)
    assert used.value.reason == "INVALID_QUOTE"
    page = await pair.world.payments.ListOutgoingPayments(pb.ListOutgoingPaymentsRequest())
    assert [payment.id for payment in page.payments] == [first.id]


async def test_a_repeated_quote_is_answered_after_its_receiver_has_closed(pair: Pair) -> None:
    receiver = await pair.receiver(usd(10))
    again = key()
    first = await pair.quote(receiver.url, idempotency_key=again)
    await pair.world.payments.CompleteReceiver(
        pb.CompleteReceiverRequest(url=receiver.url, idempotency_key=key())
    )
    assert await pair.quote(receiver.url, idempotency_key=again) == first
    with pytest.raises(InvalidArgument) as closed:
        await pair.quote(receiver.url)
    assert closed.value.reason == "INVALID_RECEIVER"


async def test_a_payment_straight_from_an_incoming_payment(pair: Pair) -> None:
    receiver = await pair.receiver()
    request = pb.CreateOutgoingPaymentFromIncomingPaymentRequest(
        wallet_address_id=pair.payer.id,
        incoming_payment=receiver.url,
        debit_amount=usd(25),
        idempotency_key=key(),
    )
    create = pair.world.payments.CreateOutgoingPaymentFromIncomingPayment
    created = await create(request)
    assert created.receiver == receiver.url
    assert created.debit_amount == created.receive_amount == usd(25)
    assert await create(request) == created
    quote = await pair.world.payments.GetQuote(pb.GetQuoteRequest(id=created.id))
    assert quote.receiver == receiver.url
    request.ClearField("debit_amount")
    request.idempotency_key = key()
    with pytest.raises(InvalidArgument) as missing:
        await create(request)
    assert missing.value.field == "debit_amount"


async def test_quotes_are_refused_with_their_reason(pair: Pair) -> None:
    fixed, open_ended = await pair.receiver(usd(10)), await pair.receiver()
    eur = Amount(value=1, asset_code="EUR", asset_scale=2)
    with pytest.raises(InvalidArgument) as refused:
        await pair.quote(open_ended.url)
    assert refused.value.reason == "INVALID_AMOUNT"
    with pytest.raises(InvalidArgument) as refused:
        await pair.quote(fixed.url, debit_amount=usd(1), receive_amount=usd(1))
    assert refused.value.reason == "INVALID_AMOUNT"
    with pytest.raises(InvalidArgument) as refused:
        await pair.quote(fixed.url, debit_amount=eur)
    assert refused.value.reason == "INVALID_AMOUNT"
    with pytest.raises(InvalidArgument) as refused:
        await pair.quote(f"{fixed.url[:-1]}{'0' if fixed.url[-1] != '0' else '1'}")
    assert refused.value.reason == "INVALID_RECEIVER"
    with pytest.raises(NotFound):
        await pair.world.payments.GetQuote(pb.GetQuoteRequest(id=UNKNOWN))


async def test_a_quote_needs_a_rate_and_keeps_it(pair: Pair) -> None:
    euro = await pair.world.asset("EUR", 2)
    pair.payee = await pair.world.wallet(euro.id)
    receiver = await pair.receiver(Amount(value=100, asset_code="EUR", asset_scale=2))
    with pytest.raises(Unavailable) as missing:
        await pair.quote(receiver.url)
    assert missing.value.reason == "RATE_UNAVAILABLE"


async def test_only_an_unfunded_payment_can_be_cancelled(pair: Pair) -> None:
    funded = await pair.pay((await pair.quote((await pair.receiver(usd(3))).url)).id)
    await pair.world.fund(funded.id)
    with pytest.raises(Conflict) as refused:
        await pair.cancel(funded.id)
    assert refused.value.reason == "WRONG_STATE"
    unfunded = await pair.pay((await pair.quote((await pair.receiver(usd(3))).url)).id)
    again = key()
    cancelled = await pair.cancel(unfunded.id, reason="too dear", idempotency_key=again)
    assert cancelled.state == pb.OUTGOING_PAYMENT_STATE_CANCELLED
    assert cancelled.metadata["cancellationReason"] == "too dear"
    assert await pair.cancel(unfunded.id, reason="too dear", idempotency_key=again) == cancelled
    with pytest.raises(Conflict):
        await pair.world.fund(unfunded.id)


async def test_lists_are_filtered(pair: Pair) -> None:
    receivers = [await pair.receiver(usd(3)) for _ in range(2)]
    paid = [await pair.pay((await pair.quote(receiver.url)).id) for receiver in receivers]
    await pair.cancel(paid[0].id)

    async def ids(**fields: Any) -> list[str]:
        request = pb.ListOutgoingPaymentsRequest(**fields)
        page = await pair.world.payments.ListOutgoingPayments(request)
        return [payment.id for payment in page.payments]

    assert await ids() == [paid[1].id, paid[0].id]
    assert await ids(receiver=receivers[0].url) == [paid[0].id]
    assert await ids(states=[pb.OUTGOING_PAYMENT_STATE_FUNDING]) == [paid[1].id]
    assert await ids(wallet_address_id=pair.payee.id) == []
    assert await ids(tenant_id=await pair.world.tenant()) == []
    with pytest.raises(InvalidArgument):
        await ids(states=[pb.OUTGOING_PAYMENT_STATE_UNSPECIFIED])


async def test_both_kinds_make_one_list_newest_first(pair: Pair) -> None:
    made = []
    for _ in range(3):
        receiver = await pair.receiver(usd(3))
        made += [receiver.id, (await pair.pay((await pair.quote(receiver.url)).id)).id]

    async def page(**fields: Any) -> tuple[list[str], Any]:
        request = pb.ListPaymentsRequest(**fields)
        reply = await pair.world.payments.ListPayments(request)
        found = [getattr(p, p.WhichOneof("payment")).id for p in reply.payments]
        return found, reply.page_info

    everything, _ = await page()
    assert everything == made[::-1]
    seen: list[str] = []
    cursor: dict[str, Any] = {}
    while True:
        found, info = await page(page=PageRequest(first=4, **cursor))
        seen += found
        cursor = {"cursor": info.end_cursor}
        if not info.has_next_page:
            break
    assert seen == made[::-1]
    back, info = await page(page=PageRequest(last=2, cursor=seen[4]))
    assert back == seen[2:4]
    assert info.has_previous_page
    assert (await page(wallet_address_id=pair.payer.id))[0] == made[1::2][::-1]
    assert (await page(tenant_id=await pair.world.tenant()))[0] == []
