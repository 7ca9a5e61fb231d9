"""Prices: the numbers of the original, and that what is promised can be delivered."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast
from uuid import UUID

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from ilpkit.ilp.packet import Prepare, Reject, Reply
from ilpkit.money import U64_MAX, Asset, Ratio
from ilpkit.stream.credentials import CredentialsFactory
from ilpkit.stream.crypto import StreamKeys
from ilpkit.stream.events import SendPrepare
from ilpkit.stream.plan import FixedDelivery
from ilpkit.stream.rate import minimum_delivery
from ilpkit.stream.receiver import Receiver
from ilpkit.stream.sender import PaymentDone, PaymentSender

from services.backend.assets.model import Fee, FeeType
from services.backend.connector.context import PacketContext
from services.backend.connector.steps.convert_amount import convert
from services.backend.connector.steps.error_to_reject import ErrorToReject
from services.backend.quotes.model import Price, Terms, slipped
from tests.support.stream_wire import counted_bytes

ONE_PERCENT = Ratio(1, 100)
EUR_USD = Ratio(100, 91)  # what one euro is worth where a dollar is worth 0.91


def new_fee(fixed: int, basis_points: int) -> Fee:
    return Fee(
        id=UUID(int=1),
        asset_id=UUID(int=2),
        type=FeeType.SENDING,
        fixed=fixed,
        basis_points=basis_points,
        created_at=datetime(2030, 1, 1, tzinfo=UTC),
    )


def terms(
    rate: Ratio | str,
    *,
    slippage: Ratio | None = None,
    fee: Fee | None = None,
    limit: int | None = None,
) -> Terms:
    exact = Ratio.of_decimal(rate) if isinstance(rate, str) else rate
    found = Terms.of(rate=exact, slippage=slippage, fee=fee, limit=limit)
    assert found is not None
    return found


class TestNumbersOfTheOriginal:
    """Quotes of the integration tests of the TypeScript Rafiki."""

    def test_500_euro_cents_over_ilp_at_0_91_cost_556_dollar_cents(self) -> None:
        price = terms("0.91", slippage=ONE_PERCENT).delivery(500)
        assert (price.source, price.deliver, price.fee) == (556, 500, 0)

    def test_500_euro_cents_on_this_node_at_0_91_cost_550_dollar_cents(self) -> None:
        assert terms("0.91").delivery(500).source == 550

    def test_50_sent_in_one_currency_deliver_49(self) -> None:
        price = terms(Ratio(1, 1), slippage=ONE_PERCENT).debit(50, room=U64_MAX)
        assert (price.source, price.deliver) == (50, 49)

    def test_a_fee_of_a_fixed_send_is_taken_off_first(self) -> None:
        price = terms(Ratio(1, 1), fee=new_fee(10, 200)).debit(1_000, room=U64_MAX)
        assert (price.source, price.fee, price.deliver) == (970, 30, 970)

    def test_a_fee_of_a_fixed_delivery_is_put_on_top(self) -> None:
        price = terms(Ratio(1, 1), fee=new_fee(10, 200)).delivery(1_001)
        assert (price.source, price.fee) == (1_001, 10 + 21)  # 2 % of 1001 is 20.02

    def test_a_fee_larger_than_the_debit_leaves_nothing(self) -> None:
        price = terms(Ratio(1, 1), fee=new_fee(10, 0)).debit(5, room=U64_MAX)
        assert (price.source, price.deliver) == (0, 0)


class TestExactness:
    """Never more than the smallest amount that delivers."""

    def test_900_at_0_9_cost_1000(self) -> None:
        assert terms("0.9").delivery(900).source == 1_000

    def test_amounts_beyond_2_to_the_53(self) -> None:
        debit = 2**62 + 1
        price = terms(Ratio(3, 1), fee=new_fee(0, 1)).debit(debit, room=U64_MAX)
        assert price.fee == 461_168_601_842_739  # ceil((2**62 + 1) / 10000)
        assert price.deliver == 3 * (debit - price.fee)

    def test_packets_of_7_at_0_92_bring_6(self) -> None:
        limited = terms("0.92", limit=7)
        assert (limited.min_rate, limited.packet_max) == (Ratio(6, 7), 7)
        assert limited.debit(1_010, room=U64_MAX).deliver == 865

    def test_packets_are_as_large_as_loses_nothing(self) -> None:
        limited = terms("0.75", limit=10)
        assert (limited.min_rate, limited.packet_max) == (Ratio(3, 4), 8)

    def test_a_packet_worth_nothing_has_no_price(self) -> None:
        assert Terms.of(rate=Ratio(1, 8), slippage=None, fee=None, limit=7) is None

    @pytest.mark.parametrize("exponent", [20, 400])
    def test_a_unit_worth_more_than_an_amount_can_be_has_no_price(self, exponent: int) -> None:
        rate = Ratio.of_decimal(f"1e{exponent}")
        assert Terms.of(rate=rate, slippage=None, fee=None, limit=None) is None


def test_a_debit_that_no_smaller_one_could_replace_fills_the_receiver() -> None:
    price = terms(Ratio(10, 1)).debit(1, room=5)
    assert (price.source, price.deliver) == (1, 5)


def test_a_fee_that_takes_all_leaves_no_minimum_to_name() -> None:
    assert terms(Ratio(1, 1), fee=new_fee(0, 10_000)).debit_min() is None
    assert terms(Ratio(1, 1), fee=new_fee(U64_MAX, 0)).debit_min() is None


SCALES = st.integers(0, 255)
PRICES = st.builds(
    lambda digits, exponent: Ratio.of_decimal(f"{digits}e{exponent}"),
    st.integers(1, 9_999),
    st.integers(-34, 30),
)
# Rates near one round the most in small packets.
RATES = st.builds(Ratio, st.integers(1, 10_000), st.integers(1, 10_000)) | st.builds(
    lambda price, source, destination: (
        price * Ratio.between_scales(source=source, destination=destination)
    ),
    PRICES,
    SCALES,
    SCALES,
)
SLIPPAGES = st.none() | st.integers(1, 9_999).map(lambda points: Ratio(points, 10_000))
FEES = st.none() | st.builds(
    new_fee, st.integers(0, 50) | st.integers(0, U64_MAX), st.integers(0, 10_000)
)
LIMITS = st.none() | st.integers(1, 20) | st.integers(1, U64_MAX)
AMOUNTS = st.integers(1, 5_000) | st.integers(1, U64_MAX)
ROOMS = st.just(U64_MAX) | AMOUNTS
PACKETS_MAX = 50
"""Payments of more packets tell nothing new and take long."""


@dataclass(frozen=True)
class Case:
    """A pair of assets, a path between them, and a payer."""

    rate: Ratio
    slippage: Ratio | None
    fee: Fee | None
    limit: int | None

    @property
    def terms(self) -> Terms:
        found = Terms.of(rate=self.rate, slippage=self.slippage, fee=self.fee, limit=self.limit)
        assume(found is not None)
        assert found is not None
        return found


CASES = st.builds(Case, rate=RATES, slippage=SLIPPAGES, fee=FEES, limit=LIMITS)


ERRORS = ErrorToReject(ilp_address="test.node")


class OneRate:
    """Rates of the connector under test."""

    def __init__(self, rate: Ratio) -> None:
        self._rate = rate

    def cached(self, tenant_id: UUID, source: Asset, destination: Asset) -> Ratio:
        del tenant_id, source, destination
        return self._rate

    async def get(self, tenant_id: UUID, source: Asset, destination: Asset) -> Ratio:
        return self.cached(tenant_id, source, destination)


async def arrive(amount: int, rate: Ratio) -> int:
    """What our connector makes of a packet's amount."""
    return await convert(
        OneRate(rate),
        tenant_id=UUID(int=1),
        amount=amount,
        source=Asset("AAA", 2),
        destination=Asset("BBB", 2),
    )


def delivers(price: Price, *, priced: Terms, rate: Ratio) -> int:
    """What a sender with this price gets across our connector at a rate."""
    entropy = counted_bytes()
    factory = CredentialsFactory(bytes(32), "test.payee")
    made = factory.make(entropy, payment_tag="invoice")
    receiver = Receiver(credentials=factory, random_bytes=entropy)
    machine = PaymentSender(
        keys=StreamKeys(made.shared_secret),
        destination=made.ilp_address,
        target=FixedDelivery(price.deliver, price.source, priced.min_rate),
        random_bytes=entropy,
        max_packet_amount=priced.packet_max,
    )

    async def receive(packet: object) -> Reply:
        prepare = cast("Prepare", packet)
        arriving = await arrive(prepare.amount, rate)
        opened = receiver.open(prepare._replace(amount=arriving))
        if isinstance(opened, Reject):
            return opened
        return opened.fulfill() if opened.fulfillable else opened.refuse()

    now_ms, outputs = 1_700_000_000_000, []
    outputs += machine.start(now_ms)
    while outputs:
        output = outputs.pop(0)
        if isinstance(output, PaymentDone):
            assert output.outcome.completed, output.outcome
            assert output.outcome.totals.source_sent <= price.source
            return output.outcome.totals.delivered
        assert isinstance(output, SendPrepare)
        assert priced.packet_max is None or output.prepare.amount <= priced.packet_max
        reply = asyncio.run(ERRORS(cast("PacketContext", output.prepare), receive))
        outputs += machine.on_reply(output.request_id, reply, now_ms)
    raise AssertionError("the sender stopped without an outcome")


def few_packets(price: Price, priced: Terms) -> bool:
    return priced.packet_max is None or price.source <= PACKETS_MAX * priced.packet_max


@pytest.mark.property
@settings(deadline=None)
@given(case=CASES, debit=AMOUNTS, room=ROOMS, kept=st.booleans())
def test_what_a_quoted_debit_promises_is_delivered(
    case: Case, debit: int, room: int, *, kept: bool
) -> None:
    priced = case.terms
    price = priced.debit(debit, room=room)
    assume(0 < price.deliver <= room and few_packets(price, priced))
    assert price.source + price.fee == debit
    rate = case.rate if kept else slipped(case.rate, case.slippage)
    assert delivers(price, priced=priced, rate=rate) >= price.deliver


@pytest.mark.property
@settings(deadline=None)
@given(case=CASES, deliver=AMOUNTS, kept=st.booleans())
def test_what_a_quoted_delivery_costs_is_enough_and_one_less_is_not(
    case: Case, deliver: int, *, kept: bool
) -> None:
    priced = case.terms
    assume(deliver <= priced.delivery_max(U64_MAX))
    price = priced.delivery(deliver)
    assert price.source + price.fee <= U64_MAX
    assert priced.min_rate.floor_mul(price.source - 1) < deliver
    assume(few_packets(price, priced))
    rate = case.rate if kept else slipped(case.rate, case.slippage)
    assert delivers(price, priced=priced, rate=rate) >= deliver


@pytest.mark.property
@given(rate=st.builds(Ratio, st.integers(1, 30), st.integers(1, 30)), limit=st.integers(1, 8))
def test_no_split_into_packets_is_cheaper(rate: Ratio, limit: int) -> None:
    priced = Case(rate=rate, slippage=None, fee=None, limit=limit).terms
    # The most that n units bring in packets within the limit, by trying all.
    brings = [0]
    for units in range(1, 40):
        sizes = range(1, min(units, limit) + 1)
        brings.append(max(brings[units - size] + rate.floor_mul(size) for size in sizes))
    for units, most in enumerate(brings):
        assert most <= priced.min_rate.floor_mul(units)


@pytest.mark.property
@given(case=CASES, room=ROOMS)
def test_the_minimum_that_a_payer_is_told_is_taken_and_one_less_is_not(
    case: Case, room: int
) -> None:
    priced = case.terms
    least = priced.debit_min()
    if least is None:
        assert priced.debit(U64_MAX, room=room).deliver == 0
        return
    assert 1 <= priced.debit(least, room=room).deliver <= room
    assert priced.debit(least - 1, room=room).deliver == 0


@pytest.mark.property
@given(case=CASES, room=ROOMS)
def test_the_maximum_that_a_payer_is_told_is_taken_and_one_more_is_not(
    case: Case, room: int
) -> None:
    priced = case.terms
    most = priced.debit_max(room)
    assert priced.debit(most, room=room).deliver <= room
    if most < U64_MAX:
        assert priced.debit(most + 1, room=room).deliver > room


@pytest.mark.property
@given(case=CASES, room=ROOMS)
def test_the_largest_delivery_has_a_price_and_one_more_has_none(case: Case, room: int) -> None:
    priced = case.terms
    most = priced.delivery_max(room)
    if most:
        price = priced.delivery(most)
        assert price.source + price.fee <= U64_MAX
    if most < room:
        price = priced.delivery(most + 1)
        assert price.source + price.fee > U64_MAX


HOP_RATES = st.builds(Ratio, st.integers(1, 10**6), st.integers(1, 10**6))
SLIPPAGES = st.sampled_from([None, Ratio(1, 100), Ratio(1, 4)])


@given(here=HOP_RATES, there=HOP_RATES, slippage=SLIPPAGES, deliver=st.integers(1, 10**6))
def test_a_delivery_over_two_conversions_arrives_in_one_packet(
    here: Ratio, there: Ratio, slippage: Ratio | None, deliver: int
) -> None:
    terms = Terms.of(rate=here * there, slippage=slippage, fee=None, limit=None)
    assume(terms is not None)
    assert terms is not None
    hops = (slipped(here, slippage), there)
    alone = terms.delivery(deliver)
    held, price = terms.through(alone, hops)
    arrives = there.floor_mul(slipped(here, slippage).floor_mul(price.source))
    assert arrives >= price.deliver == deliver
    if price.source > alone.source:
        assert minimum_delivery(price.source, held.min_rate) == deliver
        assert there.floor_mul(hops[0].floor_mul(price.source - 1)) < deliver


@given(here=HOP_RATES, there=HOP_RATES, slippage=SLIPPAGES, debit=st.integers(1, 10**6))
def test_a_debit_over_two_conversions_promises_what_arrives(
    here: Ratio, there: Ratio, slippage: Ratio | None, debit: int
) -> None:
    terms = Terms.of(rate=here * there, slippage=slippage, fee=None, limit=None)
    assume(terms is not None)
    assert terms is not None
    hops = (slipped(here, slippage), there)
    held, price = terms.debit_through(terms.debit(debit, room=U64_MAX), hops)
    arrives = there.floor_mul(hops[0].floor_mul(price.source))
    assert (price.source, price.deliver <= arrives) == (debit, True)
    if price.deliver:
        assert held.min_rate.floor_mul(price.source) >= price.deliver
