"""Payments from one node to another, over real HTTP, from the quote to the last event."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from rafiki.admin.v1 import payment_service_pb2 as admin
from servicekit.errors import Conflict, InvalidArgument

from services.backend.ledger.rules.chart import balance
from tests.integration.backend.payments.conftest import Banks, NewBanks, NewNode
from tests.integration.backend.payments.node import STALE_S, amount, eventually, id_of, key
from tests.integration.backend.payments.outside import DOWN

COMPLETED = admin.OUTGOING_PAYMENT_STATE_COMPLETED
FAILED = admin.OUTGOING_PAYMENT_STATE_FAILED
SENDING = admin.OUTGOING_PAYMENT_STATE_SENDING
CANCELLED = admin.OUTGOING_PAYMENT_STATE_CANCELLED
pytestmark = pytest.mark.asyncio(loop_scope="module")


async def pay(banks: Banks, value: int, **fields: Any) -> tuple[Any, Any, Any]:
    """Bob's incoming payment, the quote for it, and Alice's funded payment."""
    incoming = await banks.far.incoming(banks.bob, amount(value, **fields))
    quote = await banks.near.quote(banks.alice, incoming)
    payment = await banks.near.outgoing(banks.alice, quote)
    await banks.near.fund(payment)
    return incoming, quote, payment


async def test_a_payment_in_one_currency_arrives_to_the_unit(banks: Banks) -> None:
    await banks.moved()
    incoming, quote, payment = await pay(banks, 500)
    assert quote.debit_amount == amount(506)  # floor(500 / 0.99) + 1
    ended = await banks.near.ended(payment)
    assert (ended.state, ended.sent_amount.value) == (COMPLETED, 500)
    received = await banks.far.completed(incoming)
    assert received.received_amount == amount(500)
    assert await banks.moved() == (500, 500)
    # What was deposited and not sent is still the payment's.
    assert await banks.near.balance(id_of(payment)) == 6
    assert await banks.far.balance(id_of(incoming)) == 500


async def test_a_payment_at_a_known_rate_costs_the_smallest_amount_that_delivers(
    new_banks: NewBanks,
) -> None:
    banks = await new_banks(far_code="EUR", SLIPPAGE="0")
    banks.outside.rates = {"USD": {"EUR": "0.9"}}
    _, quote, payment = await pay(banks, 900, code="EUR")
    assert quote.debit_amount == amount(1_000)
    ended = await banks.near.ended(payment)
    assert (ended.state, ended.sent_amount.value) == (COMPLETED, 1_000)


async def test_a_small_payment_that_is_converted_twice_arrives(new_banks: NewBanks) -> None:
    banks = await new_banks(far_code="EUR")
    banks.outside.rates = {
        "GBP": {"USD": "0.9", "EUR": "1.08"},
        "USD": {"EUR": "1.2", "GBP": "1.1"},
    }
    pounds = await banks.near.asset("GBP", liquidity=1_000)
    wallet = await banks.near.wallet(pounds)
    incoming = await banks.far.incoming(banks.bob, amount(3, "EUR"))
    quote = await banks.near.quote(wallet, incoming)
    # Three pence are worth 2.7, so 2 cents of the link and of those 2 of the receiver's.
    assert quote.debit_amount == amount(4, "GBP")
    payment = await banks.near.outgoing(wallet, quote)
    await banks.near.fund(payment)
    ended = await banks.near.ended(payment)
    assert (ended.state, ended.sent_amount.value) == (COMPLETED, 4)


async def test_quotes_reckon_with_the_packets_that_a_payment_learned_the_path_carries(
    new_banks: NewBanks,
) -> None:
    banks = await new_banks(far_code="EUR", far_max_packet_amount=7)
    banks.outside.rates = {"USD": {"EUR": "0.92"}}
    incoming = await banks.far.incoming(banks.bob)

    async def send() -> tuple[Any, Any]:
        quote = await banks.near.quote(banks.alice, incoming, debit_amount=amount(1_010))
        payment = await banks.near.outgoing(banks.alice, quote)
        await banks.near.fund(payment)
        return quote, await banks.hurried(payment)

    # Nobody can know before the first packet that 7 cents at a time bring 6, not 6.44.
    quote, ended = await send()
    assert (quote.receive_amount.value, ended.state) == (919, FAILED)
    quote, ended = await send()
    assert quote.receive_amount.value == 1_010 * 6 // 7
    assert (ended.state, ended.sent_amount.value) == (COMPLETED, 1_010)
    assert (await banks.far.incoming_now(incoming)).received_amount.value == 865


async def test_each_side_hears_what_happened_in_order(banks: Banks) -> None:
    incoming, _, payment = await pay(banks, 500)
    await banks.near.ended(payment)
    await banks.far.completed(incoming)

    async def told() -> tuple[list[str], list[str]]:
        outside = banks.outside
        return outside.types_of(id_of(payment)), outside.types_of(id_of(incoming))

    assert await eventually(told, lambda both: [len(types) for types in both] == [2, 2]) == (
        ["outgoing_payment.created", "outgoing_payment.completed"],
        ["incoming_payment.created", "incoming_payment.completed"],
    )
    sent = banks.outside.event("outgoing_payment.completed", id_of(payment))
    assert (sent["state"], sent["stateAttempts"], sent["client"]) == ("COMPLETED", 0, None)
    assert sent["sentAmount"] == {"value": "500", "assetCode": "USD", "assetScale": 2}
    assert sent["balance"] == "6"
    got = banks.outside.event("incoming_payment.completed", id_of(incoming))
    assert (got["completed"], got["client"]) == (True, None)
    assert got["receivedAmount"]["value"] == "500"


async def test_a_payment_across_currencies_delivers_exactly(new_banks: NewBanks) -> None:
    banks = await new_banks(far_code="EUR")
    banks.outside.rates = {"USD": {"EUR": "0.91"}}
    incoming, quote, payment = await pay(banks, 500, code="EUR")
    assert quote.debit_amount == amount(556)
    assert quote.receive_amount == amount(500, "EUR")
    ended = await banks.near.ended(payment)
    assert (ended.state, ended.sent_amount.value) == (COMPLETED, 550)
    assert (await banks.far.completed(incoming)).received_amount == amount(500, "EUR")
    assert await banks.moved() == (550, 550)


async def test_many_small_packets_make_up_a_payment(new_banks: NewBanks) -> None:
    banks = await new_banks(far_max_packet_amount=97)
    incoming, _, payment = await pay(banks, 10_000)
    assert (await banks.near.ended(payment)).state == COMPLETED
    assert (await banks.far.completed(incoming)).received_amount == amount(10_000)
    assert await banks.moved() == (10_000, 10_000)


async def test_a_fixed_send_delivers_at_least_what_was_quoted(banks: Banks) -> None:
    incoming = await banks.far.incoming(banks.bob)
    quote = await banks.near.quote(banks.alice, incoming, debit_amount=amount(50))
    assert quote.receive_amount == amount(49)
    payment = await banks.near.outgoing(banks.alice, quote)
    await banks.near.fund(payment)
    assert (await banks.near.ended(payment)).state == COMPLETED
    assert (await banks.far.incoming_now(incoming)).received_amount == amount(49)


async def test_funding_again_deposits_once(banks: Banks) -> None:
    await banks.moved()
    incoming = await banks.far.incoming(banks.bob, amount(500))
    quote = await banks.near.quote(banks.alice, incoming)
    payment = await banks.near.outgoing(banks.alice, quote)
    await asyncio.gather(*(banks.near.fund(payment) for _ in range(3)))
    await banks.near.ended(payment)
    await banks.near.fund(payment)
    assert await banks.near.balance(id_of(payment)) == 6
    assert await banks.moved() == (500, 500)


async def test_a_fee_is_left_over_for_the_payers_bank(new_banks: NewBanks) -> None:
    banks = await new_banks()
    await banks.near.fee(banks.near_asset, fixed=10, basis_points=200)
    _, quote, payment = await pay(banks, 500)
    assert quote.debit_amount == amount(506 + 10 + 11)  # 2 % of 506 is 10.12
    assert (await banks.near.ended(payment)).state == COMPLETED
    assert await banks.near.balance(id_of(payment)) == 27
    assert await banks.moved() == (500, 500)


async def test_cancelling_and_funding_at_once_ends_in_one_of_both(banks: Banks) -> None:
    await banks.moved()
    sent = 0
    for _ in range(6):
        incoming = await banks.far.incoming(banks.bob, amount(100))
        quote = await banks.near.quote(banks.alice, incoming)
        payment = await banks.near.outgoing(banks.alice, quote)
        outcomes = await asyncio.gather(
            banks.near.fund(payment), banks.near.cancel(payment), return_exceptions=True
        )
        refused = [outcome for outcome in outcomes if isinstance(outcome, Conflict)]
        ended = await banks.near.ended(payment)
        assert len(refused) == 1
        if ended.state == CANCELLED:
            assert refused[0] is outcomes[0]
            account = UUID(id_of(payment)).int
            found = await banks.near.features.ledger.lookup_accounts([account])
            assert all(balance(kept) == 0 for kept in found.values())
        else:
            assert refused[0] is outcomes[1]
            assert ended.state == COMPLETED
            sent += 100
    assert await banks.moved() == (sent, sent)


async def test_a_cancelled_payment_cannot_be_funded(banks: Banks) -> None:
    incoming = await banks.far.incoming(banks.bob, amount(100))
    payment = await banks.near.outgoing(banks.alice, await banks.near.quote(banks.alice, incoming))
    await banks.near.cancel(payment)
    assert (await banks.near.cancel(payment)).state == CANCELLED
    with pytest.raises(Conflict) as refused:
        await banks.near.fund(payment)
    assert refused.value.reason == "WRONG_STATE"


@pytest.mark.parametrize(
    ("says", "error"),
    [
        (DOWN, "answered 503"),
        ((403, b""), "answered 403"),
        ((400, b"{}"), "answered 400"),
        ((302, b""), "answered 302"),
        ((200, b"<html>Back at eight</html>"), "can't be used"),
        ((200, b'{"message": "maintenance"}'), "can't be used"),
    ],
)
async def test_a_receiver_whose_bank_has_a_bad_hour_is_tried_again_and_never_taken_as_paid(
    banks: Banks, says: tuple[int, bytes], error: str
) -> None:
    await banks.moved()
    incoming = await banks.far.incoming(banks.bob, amount(500))
    payment = await banks.near.outgoing(banks.alice, await banks.near.quote(banks.alice, incoming))
    banks.clock.jump(STALE_S)
    banks.far.edge.says = says
    try:
        await banks.near.fund(payment)
        tried = await eventually(
            lambda: banks.near.outgoing_now(payment), lambda now: bool(now.error)
        )
        assert (tried.state, tried.state_attempts) == (SENDING, 1)
        assert error in tried.error
        assert await banks.moved() == (0, 0)
    finally:
        banks.far.edge.says = None
    banks.clock.jump(10)
    ended = await banks.near.ended(payment)
    assert (ended.state, ended.state_attempts, ended.error) == (COMPLETED, 0, "")
    assert await banks.moved() == (500, 500)


@pytest.mark.parametrize("status", [404, 410])
async def test_a_receiver_that_its_bank_no_longer_knows_ends_the_payment(
    banks: Banks, status: int
) -> None:
    incoming = await banks.far.incoming(banks.bob, amount(500))
    payment = await banks.near.outgoing(banks.alice, await banks.near.quote(banks.alice, incoming))
    banks.clock.jump(STALE_S)
    banks.far.edge.says = status, b""
    try:
        await banks.near.fund(payment)
        ended = await banks.near.ended(payment)
    finally:
        banks.far.edge.says = None
    assert ended.state == FAILED
    assert "does not exist" in ended.error
    assert await banks.near.balance(id_of(payment)) == 506


async def test_attempts_come_to_an_end(new_banks: NewBanks) -> None:
    banks = await new_banks(MAX_OUTGOING_PAYMENT_RETRY_ATTEMPTS=2)
    incoming = await banks.far.incoming(banks.bob, amount(500))
    payment = await banks.near.outgoing(banks.alice, await banks.near.quote(banks.alice, incoming))
    banks.clock.jump(STALE_S)
    banks.far.edge.says = DOWN
    await banks.near.fund(payment)
    await eventually(lambda: banks.near.outgoing_now(payment), lambda now: bool(now.error))
    banks.clock.jump(10)
    ended = await banks.near.ended(payment)
    assert (ended.state, ended.state_attempts) == (FAILED, 0)
    assert "answered 503" in ended.error

    async def told() -> list[str]:
        return banks.outside.types_of(id_of(payment))

    await eventually(told, lambda types: len(types) == 2)
    event = banks.outside.event("outgoing_payment.failed", id_of(payment))
    assert (event["balance"], event["sentAmount"]["value"]) == ("506", "0")


async def test_a_payment_whose_quote_expired_before_it_was_sent_fails(banks: Banks) -> None:
    incoming = await banks.far.incoming(banks.bob, amount(500))
    payment = await banks.near.outgoing(banks.alice, await banks.near.quote(banks.alice, incoming))
    banks.clock.jump(301)
    await banks.near.fund(payment)
    ended = await banks.near.ended(payment)
    assert (ended.state, ended.error) == (FAILED, "QuoteExpired")
    assert await banks.near.balance(id_of(payment)) == 506


async def test_a_receiver_that_was_closed_meanwhile_fails_the_payment(banks: Banks) -> None:
    incoming = await banks.far.incoming(banks.bob, amount(500))
    payment = await banks.near.outgoing(banks.alice, await banks.near.quote(banks.alice, incoming))
    await banks.far.complete(incoming)
    await banks.near.fund(payment)
    ended = await banks.near.ended(payment)
    assert (ended.state, ended.error) == (FAILED, "ReceiverClosed")


async def test_a_receivers_bank_is_asked_for_the_quote_and_again_when_much_time_passed(
    banks: Banks,
) -> None:
    await pay(banks, 1)  # from here on it is known who grants access
    before = banks.far.edge.reads
    _, _, payment = await pay(banks, 500)
    assert (await banks.near.ended(payment)).state == COMPLETED
    assert banks.far.edge.reads - before == 1
    incoming = await banks.far.incoming(banks.bob, amount(500))
    quote = await banks.near.quote(banks.alice, incoming)
    banks.clock.jump(11)
    await banks.near.outgoing(banks.alice, quote)
    assert banks.far.edge.reads - before == 3


async def test_a_quote_of_one_process_is_accepted_and_paid_by_another_without_asking_again(
    new_banks: NewBanks, new_node: NewNode
) -> None:
    banks = await new_banks()
    other = await new_node("near", beside=banks.near)
    incoming = await banks.far.incoming(banks.bob, amount(500))
    quote = await banks.near.quote(banks.alice, incoming)
    before = banks.far.edge.reads
    payment = await other.outgoing(banks.alice, quote)
    await other.fund(payment)
    assert (await other.ended(payment)).state == COMPLETED
    assert banks.far.edge.reads == before


async def test_a_quote_is_used_once(banks: Banks) -> None:
    incoming = await banks.far.incoming(banks.bob, amount(500))
    quote = await banks.near.quote(banks.alice, incoming)
    await banks.near.outgoing(banks.alice, quote)
    with pytest.raises(InvalidArgument) as refused:
        await banks.near.outgoing(banks.alice, quote)
    assert refused.value.reason == "INVALID_QUOTE"


async def test_a_payment_funded_at_its_worker_is_taken_with_that_and_ended_in_one_statement(
    banks: Banks,
) -> None:
    incoming = await banks.far.incoming(banks.bob, amount(500))
    payment = await banks.near.outgoing(banks.alice, await banks.near.quote(banks.alice, incoming))
    with banks.near.features.database.count_statements() as statements:
        await banks.near.fund(payment)
        await banks.near.ended(payment)
    updates = [sql for sql in statements if "UPDATE outgoing_payments" in sql]
    claims = [sql for sql in updates if "FOR UPDATE SKIP LOCKED" in sql]
    (end,) = [sql for sql in updates if "webhook_events" in sql]
    assert len(claims) <= 1  # the clock's look for what others may have left
    assert len(updates) - len(claims) == 2  # funded, ended
    assert "webhook_deliveries" in end


async def test_application_data_reaches_the_first_packet(banks: Banks) -> None:
    incoming = await banks.far.incoming(banks.bob, amount(500))
    payment = await banks.near.outgoing(banks.alice, await banks.near.quote(banks.alice, incoming))
    await banks.near.fund(payment, data=b"invoice 7")
    assert (await banks.near.ended(payment)).state == COMPLETED


class TestOnOneNode:
    """Payments between two accounts of the same node: one transfer, no packets."""

    async def test_it_moves_in_one_transfer(self, banks: Banks) -> None:
        await banks.moved()
        near = banks.near
        carol = await near.wallet(banks.near_asset)
        incoming = await near.incoming(carol, amount(500))
        quote = await near.quote(banks.alice, incoming)
        assert quote.debit_amount == amount(500)
        payment = await near.outgoing(banks.alice, quote)
        await near.fund(payment)
        assert (await near.ended(payment)).state == COMPLETED
        assert (await near.completed(incoming)).received_amount == amount(500)
        assert await near.balance(id_of(payment)) == 0
        assert await banks.moved() == (0, 0)

    async def test_two_payments_for_one_receiver_never_pay_it_twice(self, banks: Banks) -> None:
        near = banks.near
        incoming = await near.incoming(await near.wallet(banks.near_asset), amount(500))
        payments = [
            await near.outgoing(banks.alice, await near.quote(banks.alice, incoming))
            for _ in range(2)
        ]
        await asyncio.gather(*(near.fund(payment) for payment in payments))
        ended = [await near.ended(payment) for payment in payments]
        # All that the receiver asked for has arrived, and the second one's money is left to it.
        assert [now.state for now in ended] == [COMPLETED, COMPLETED]
        assert sorted(now.sent_amount.value for now in ended) == [0, 500]
        assert sorted([await near.balance(now.id) for now in ended]) == [0, 500]
        assert (await near.completed(incoming)).received_amount == amount(500)

    async def test_without_liquidity_it_waits_for_it(self, banks: Banks) -> None:
        near = banks.near
        eur = await near.asset("EUR")
        banks.outside.rates = {"USD": {"EUR": "0.91"}}
        incoming = await near.incoming(await near.wallet(eur), amount(500, "EUR"))
        quote = await near.quote(banks.alice, incoming)
        assert quote.debit_amount == amount(550)
        payment = await near.outgoing(banks.alice, quote)
        await near.fund(payment)
        tried = await eventually(lambda: near.outgoing_now(payment), lambda now: bool(now.error))
        assert (tried.state, tried.error) == (SENDING, "InsufficientLiquidity")
        await near.deposit(eur, 500)
        banks.clock.jump(10)
        assert (await near.ended(payment)).state == COMPLETED
        assert (await near.completed(incoming)).received_amount == amount(500, "EUR")


class TestKeys:
    """The same call again under its idempotency key."""

    async def test_a_repeat_gets_the_first_answer(self, banks: Banks) -> None:
        incoming = await banks.far.incoming(banks.bob, amount(500))
        quote = await banks.near.quote(banks.alice, incoming)
        same = key()
        first = await banks.near.outgoing(banks.alice, quote, idempotency_key=same)
        assert await banks.near.outgoing(banks.alice, quote, idempotency_key=same) == first

    async def test_another_input_under_the_key_is_refused(self, banks: Banks) -> None:
        incoming = await banks.far.incoming(banks.bob, amount(500))
        same = key()
        await banks.near.quote(banks.alice, incoming, idempotency_key=same)
        with pytest.raises(Conflict) as refused:
            await banks.near.quote(
                banks.alice, incoming, idempotency_key=same, receive_amount=amount(5)
            )
        assert refused.value.reason == "IDEMPOTENCY_KEY_REUSED"

    async def test_a_repeat_needs_nobody_who_is_gone(self, banks: Banks) -> None:
        """The receiver has closed since: the call was answered before that."""
        incoming = await banks.far.incoming(banks.bob)
        same = key()

        async def create() -> Any:
            return await banks.near.outgoing(
                banks.alice,
                incoming_payment=incoming.id,
                debit_amount=amount(100),
                idempotency_key=same,
            )

        async def quote() -> Any:
            return await banks.near.quote(
                banks.alice, incoming, debit_amount=amount(100), idempotency_key=same
            )

        created, quoted = await create(), await quote()
        await banks.far.complete(incoming)
        assert await create() == created
        assert await quote() == quoted

    async def test_an_incoming_payment_is_made_once(self, banks: Banks) -> None:
        same, expires_at = key(), Timestamp()
        expires_at.FromDatetime(banks.clock.now() + timedelta(minutes=1))

        async def create() -> Any:
            return await banks.far.incoming(
                banks.bob, amount(500), expires_at=expires_at, idempotency_key=same
            )

        first = await create()
        banks.clock.jump(61)
        assert (await create()).id == first.id
