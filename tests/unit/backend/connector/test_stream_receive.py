"""STREAM packets for payments of this node: what is credited, and what the sender learns."""

import asyncio
from dataclasses import replace
from random import Random  # noqa: TID251 - the type of what the property draws
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ilpkit.ilp.packet import (
    Fulfill,
    Prepare,
    Reject,
    Reply,
    decode_reply,
    encode_prepare,
)
from ilpkit.money import Ratio
from ilpkit.stream.crypto import StreamKeys
from ilpkit.stream.exchange import AnswerKind, Exchange
from ilpkit.stream.frames import StreamMaxMoney
from ilpkit.stream.outcome import EndReason, PaymentOutcome
from ilpkit.stream.plan import FixedDelivery, FixedSend, PaymentTarget
from ilpkit.stream.sender import PaymentSender

from services.backend.assets.model import Asset
from services.backend.directory.model import PeerEntry
from services.backend.incoming_payments.payables import Payable
from services.backend.outgoing_payments.sending import pay
from tests.support.packet_world import NODE_ADDRESS, PacketWorld, in_virtual_time

START = 1_000_000
ONE = Ratio(1, 1)


class Till:
    """A node with a dollar peer that sends, and an asset that payments are in."""

    def __init__(self, world: PacketWorld, peer: PeerEntry, asset: Asset) -> None:
        self.world, self.peer, self.asset = world, peer, asset

    async def give(
        self, exchange: Exchange, amount: int, *, minimum: int = 0
    ) -> tuple[Reply, int | None]:
        """The reply to one packet, and what the receiver says has arrived."""
        request = self.world.request(exchange, amount, minimum=minimum)
        reply = await self.world.receive(self.peer, request.prepare)
        answer = exchange.answer(request, reply)
        assert answer.kind is not AnswerKind.FORGED
        return reply, answer.received

    async def code(self, exchange: Exchange, amount: int) -> str:
        reply, _ = await self.give(exchange, amount)
        assert isinstance(reply, Reject)
        return reply.code

    async def pay(
        self, payable: Payable, target: PaymentTarget, *, data: bytes = b""
    ) -> PaymentOutcome:
        """A whole payment by the sender's machine."""
        world = self.world
        address, secret = world.stream.for_payment(payable.id, payable.tenant_id)
        machine = PaymentSender(
            keys=StreamKeys(secret),
            destination=address,
            target=target,
            random_bytes=world.ids.token,
            data=data,
        )

        async def send(prepare: Prepare, *, fulfillable: bool) -> Reply:
            del fulfillable
            raw = await world.connector.receive(self.peer, encode_prepare(prepare))
            return decode_reply(raw)

        paying = pay(machine, send=send, clock=world.clock, on_crash=_raise)
        return await in_virtual_time(world.manual_clock, paying)


def _raise(crash: BaseException) -> None:
    raise crash


async def new_till(*, code: str = "USD", scale: int = 2, liquidity: int = 0) -> Till:
    world = PacketWorld()
    usd = await world.add_asset("USD", 2)
    peer = await world.add_peer(usd, "test.bank", balance=START)
    if (code, scale) == ("USD", 2):
        return Till(world, peer, usd)
    return Till(world, peer, await world.add_asset(code, scale, liquidity=liquidity))


@pytest.fixture
async def till() -> Till:
    return await new_till()


async def test_a_packet_is_credited_and_fulfilled(till: Till) -> None:
    payable = await till.world.add_payment(till.asset, 500)
    reply, received = await till.give(till.world.exchange(payable), 200)
    assert isinstance(reply, Fulfill)
    assert received == 200
    assert await till.world.received(payable) == 200
    assert await till.world.balance_of(till.peer.peer.id) == START - 200
    assert till.world.credits == [payable.id]


async def test_a_payment_arrives_in_full_and_the_sender_knows_it(till: Till) -> None:
    payable = await till.world.add_payment(till.asset, 5_000)
    outcome = await till.pay(payable, FixedDelivery(5_000, 5_000, ONE), data=b"invoice 7")
    assert outcome.completed
    assert outcome.totals.delivered == 5_000 == await till.world.received(payable)
    assert await till.world.balance_of(till.peer.peer.id) == START - 5_000


async def test_a_payment_without_an_amount_takes_what_comes(till: Till) -> None:
    payable = await till.world.add_payment(till.asset, None)
    outcome = await till.pay(payable, FixedSend(START))
    assert outcome.completed
    assert await till.world.received(payable) == START


async def test_the_last_units_are_credited_in_part_and_the_rest_is_surplus(till: Till) -> None:
    payable = await till.world.add_payment(till.asset, 500)
    exchange = till.world.exchange(payable)
    await till.give(exchange, 450)
    reply, received = await till.give(exchange, 80, minimum=50)
    assert isinstance(reply, Fulfill)
    assert received == 50
    assert await till.world.received(payable) == 500
    assert await till.world.balance_of(till.asset.id) == 30


async def test_too_much_is_refused_with_the_maximum_when_the_sender_insists(till: Till) -> None:
    payable = await till.world.add_payment(till.asset, 500)
    exchange = till.world.exchange(payable)
    await till.give(exchange, 450)
    request = till.world.request(exchange, 80, minimum=51)
    reply = await till.world.receive(till.peer, request.prepare)
    assert isinstance(reply, Reject)
    assert reply.code == "F99"
    assert StreamMaxMoney(1, 500, 500) in exchange.answer(request, reply).frames
    assert await till.world.received(payable) == 450
    assert await till.world.balance_of(till.peer.peer.id) == START - 450


async def test_a_full_payment_takes_nothing_more(till: Till) -> None:
    payable = await till.world.add_payment(till.asset, 500)
    exchange = till.world.exchange(payable)
    await till.give(exchange, 500)
    assert await till.code(exchange, 1) == "F99"
    assert await till.world.received(payable) == 500


async def test_a_packet_that_comes_twice_is_credited_once_and_fulfilled_twice(till: Till) -> None:
    payable = await till.world.add_payment(till.asset, 500)
    exchange = till.world.exchange(payable)
    request = till.world.request(exchange, 200)
    replies = [await till.world.receive(till.peer, request.prepare) for _ in range(2)]
    assert [exchange.answer(request, reply).received for reply in replies] == [200, 200]
    assert await till.world.received(payable) == 200
    assert await till.world.balance_of(till.peer.peer.id) == START - 200


async def test_the_same_packet_at_the_same_time_is_credited_once(till: Till) -> None:
    payable = await till.world.add_payment(till.asset, 500)
    exchange = till.world.exchange(payable)
    request = till.world.request(exchange, 200)
    replies = await asyncio.gather(
        *(till.world.receive(till.peer, request.prepare) for _ in range(5))
    )
    assert all(isinstance(reply, Fulfill) for reply in replies)
    assert await till.world.received(payable) == 200


async def test_last_units_that_come_twice_are_fulfilled_twice(till: Till) -> None:
    payable = await till.world.add_payment(till.asset, 500)
    exchange = till.world.exchange(payable)
    await till.give(exchange, 450)
    request = till.world.request(exchange, 80)
    replies = [await till.world.receive(till.peer, request.prepare) for _ in range(2)]
    assert [exchange.answer(request, reply).received for reply in replies] == [50, 50]
    assert await till.world.received(payable) == 500


async def test_a_credited_packet_is_fulfilled_again_after_the_payment_ended(till: Till) -> None:
    payable = await till.world.add_payment(till.asset, 500)
    exchange = till.world.exchange(payable)
    request = till.world.request(exchange, 500)
    await till.world.receive(till.peer, request.prepare)
    till.world.payables.close(payable.id)
    reply = await till.world.receive(till.peer, request.prepare)
    assert exchange.answer(request, reply).received == 500
    assert await till.code(exchange, 1) == "F02"
    assert await till.world.received(payable) == 500


async def test_a_closed_payment_takes_nothing(till: Till) -> None:
    payable = await till.world.add_payment(till.asset, 500)
    till.world.payables.close(payable.id)
    assert await till.code(till.world.exchange(payable), 100) == "F02"
    assert await till.world.received(payable) == 0


async def test_a_payment_that_was_closed_elsewhere_takes_nothing(till: Till) -> None:
    """This process has not heard of it yet: the ledger decides."""
    payable = await till.world.add_payment(till.asset, 500)
    exchange = till.world.exchange(payable)
    await till.give(exchange, 100)
    assert await till.world.books.close(payable.id, till.asset.ledger) == 100
    assert await till.code(exchange, 100) == "F99"
    assert await till.world.received(payable) == 100


async def test_a_payment_without_an_amount_can_be_closed_too(till: Till) -> None:
    payable = await till.world.add_payment(till.asset, None)
    await till.world.books.close(payable.id, till.asset.ledger)
    assert await till.code(till.world.exchange(payable), 1) == "F99"


async def test_a_payment_past_its_expiry_takes_nothing(till: Till) -> None:
    payable = await till.world.add_payment(till.asset, 500, life_ms=5_000)
    exchange = till.world.exchange(payable)
    await till.world.manual_clock.advance(5)
    assert await till.code(exchange, 100) == "F02"


async def test_a_packet_past_its_expiry_is_refused(till: Till) -> None:
    payable = await till.world.add_payment(till.asset, 500)
    prepare = till.world.request(till.world.exchange(payable), 100).prepare
    await till.world.manual_clock.advance(30)
    assert await till.world.code_of(till.peer, prepare) == "R00"


async def test_a_probe_is_answered_and_moves_nothing(till: Till) -> None:
    payable = await till.world.add_payment(till.asset, 500)
    exchange = till.world.exchange(payable)
    request = exchange.request(
        amount=300, minimum=0, expires_at_ms=till.world.clock.now_ms() + 9_000, fulfillable=False
    )
    reply = await till.world.receive(till.peer, request.prepare)
    assert isinstance(reply, Reject)
    assert exchange.answer(request, reply).received == 300
    assert await till.world.received(payable) == 0


async def test_a_packet_without_money_is_fulfilled_and_writes_nothing(till: Till) -> None:
    payable = await till.world.add_payment(till.asset, 500)
    reply, received = await till.give(till.world.exchange(payable), 0)
    assert isinstance(reply, Fulfill)
    assert received == 0
    assert till.world.credits == []


async def test_less_than_the_senders_minimum_is_refused(till: Till) -> None:
    payable = await till.world.add_payment(till.asset, 500)
    reply, _ = await till.give(till.world.exchange(payable), 100, minimum=101)
    assert isinstance(reply, Reject)
    assert await till.world.received(payable) == 0


async def test_a_peer_without_money_gets_a_temporary_error(till: Till) -> None:
    payable = await till.world.add_payment(till.asset, None)
    assert await till.code(till.world.exchange(payable), START + 1) == "T04"


async def test_an_address_that_is_not_ours_is_refused(till: Till) -> None:
    assert await till.world.code_of(till.peer, till.world.prepare(f"{NODE_ADDRESS}.x")) == "F06"


async def test_a_tag_of_no_payment_is_unreachable(till: Till) -> None:
    payable = await till.world.add_payment(till.asset, 500)
    exchange = till.world.exchange(payable)
    till.world.payables.known.clear()
    assert await till.code(exchange, 1) == "F02"


async def test_a_payment_is_not_reached_at_another_tenants_address(till: Till) -> None:
    world, other = till.world, UUID(int=2)
    world.add_tenant(other)
    payable = await world.add_payment(till.asset, 500)
    address, secret = world.stream.for_payment(payable.id, other)
    exchange = Exchange(keys=StreamKeys(secret), destination=address, random_bytes=world.ids.token)
    assert await till.code(exchange, 1) == "F02"


class TestAcrossCurrencies:
    """Dollar cents come in, payments are in yen."""

    @pytest.fixture
    async def till(self) -> Till:
        till = await new_till(code="JPY", scale=0, liquidity=1_000_000)
        till.world.rates.prices["USD", "JPY"] = Ratio.of_decimal("151.37")
        return till

    async def test_the_payee_gets_the_amount_rounded_down(self, till: Till) -> None:
        payable = await till.world.add_payment(till.asset, 500)
        reply, received = await till.give(till.world.exchange(payable), 3)
        assert isinstance(reply, Fulfill)
        assert received == 4  # 3 x 1.5137 = 4.5411
        assert await till.world.received(payable) == 4
        assert await till.world.balance_of(till.asset.id) == 1_000_000 - 4
        assert await till.world.balance_of(till.peer.asset.id) == 3

    async def test_the_senders_minimum_counts_in_the_payees_units(self, till: Till) -> None:
        payable = await till.world.add_payment(till.asset, 500)
        exchange = till.world.exchange(payable)
        refused, _ = await till.give(exchange, 3, minimum=5)
        taken, _ = await till.give(exchange, 3, minimum=4)
        assert isinstance(refused, Reject)
        assert isinstance(taken, Fulfill)

    async def test_a_whole_payment_delivers_exactly(self, till: Till) -> None:
        payable = await till.world.add_payment(till.asset, 5_000)
        rate = Ratio.of_decimal("1.5")
        outcome = await till.pay(payable, FixedDelivery(5_000, 4_000, rate))
        assert outcome.completed
        assert await till.world.received(payable) == 5_000 == outcome.totals.delivered

    async def test_a_rate_below_the_senders_floor_moves_nothing(self, till: Till) -> None:
        payable = await till.world.add_payment(till.asset, 5_000)
        outcome = await till.pay(payable, FixedDelivery(5_000, 4_000, Ratio.of_decimal("1.6")))
        assert outcome.reason is EndReason.INSUFFICIENT_EXCHANGE_RATE
        assert await till.world.received(payable) == 0
        assert await till.world.balance_of(till.peer.peer.id) == START

    async def test_without_a_rate_the_packet_may_come_again(self, till: Till) -> None:
        payable = await till.world.add_payment(till.asset, 500)
        till.world.rates.prices.clear()
        assert await till.code(till.world.exchange(payable), 3) == "T00"

    async def test_a_packet_that_comes_again_at_another_rate_is_fulfilled_as_before(
        self, till: Till
    ) -> None:
        payable = await till.world.add_payment(till.asset, 500)
        exchange = till.world.exchange(payable)
        request = till.world.request(exchange, 100)
        await till.world.receive(till.peer, request.prepare)
        till.world.rates.prices["USD", "JPY"] = Ratio.of_decimal("160")
        reply = await till.world.receive(till.peer, request.prepare)
        assert exchange.answer(request, reply).received == 151
        assert await till.world.received(payable) == 151


@pytest.mark.property
@settings(max_examples=60, deadline=None)
@given(
    expected=st.integers(1, 2_000),
    amounts=st.lists(st.integers(1, 900), min_size=1, max_size=30),
    chance=st.randoms(use_true_random=False),
)
async def test_no_interleaving_credits_more_than_is_expected(
    expected: int, amounts: list[int], chance: Random
) -> None:
    """Packets of several senders at once, some twice, in any order, while the payment is closed."""
    till = await new_till()
    world = till.world
    payable = await world.add_payment(till.asset, expected)
    exchanges = [world.exchange(payable) for _ in range(3)]
    sent = []
    for amount in amounts:
        exchange = chance.choice(exchanges)
        minimum = chance.choice([0, amount // 2, amount])
        sent += [(exchange, world.request(exchange, amount, minimum=minimum))] * chance.choice(
            [1, 1, 2]
        )
    chance.shuffle(sent)
    closing = chance.randrange(len(sent) + 1)

    async def give(position: int) -> int:
        if position == closing:
            await world.books.close(payable.id, till.asset.ledger)
        exchange, request = sent[position]
        reply = await world.receive(till.peer, request.prepare)
        answer = exchange.answer(request, reply)
        return (answer.received or 0) if answer.kind is AnswerKind.FULFILLED else 0

    told = await asyncio.gather(*(give(position) for position in range(len(sent))))
    received = await world.received(payable)
    assert received <= expected
    # Each packet that was fulfilled, however often, told what it brought; together that is all.
    credited = {
        request.sequence * 10 + exchanges.index(exchange): amount
        for (exchange, request), amount in zip(sent, told, strict=True)
        if amount
    }
    assert sum(credited.values()) == received
    paid = START - await world.balance_of(till.peer.peer.id)
    surplus = await world.balance_of(till.asset.id)
    assert paid == received + surplus


async def test_an_open_entry_of_a_payment_that_expects_more_than_it_says_changes_nothing(
    till: Till,
) -> None:
    payable = await till.world.add_payment(till.asset, 500)
    stale = replace(payable, incoming_amount=10_000)
    till.world.payables.known[str(payable.id)] = stale
    reply, received = await till.give(till.world.exchange(payable), 600)
    assert isinstance(reply, Fulfill)
    assert received == 500
