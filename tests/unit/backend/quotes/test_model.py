"""Prices: the numbers of the original, and that what is promised can be delivered."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from ilpkit.ilp.packet import Fulfill, Reject
from ilpkit.money import Ratio
from ilpkit.stream.credentials import CredentialsFactory
from ilpkit.stream.crypto import StreamKeys
from ilpkit.stream.events import SendPrepare
from ilpkit.stream.plan import FixedDelivery
from ilpkit.stream.receiver import Receiver
from ilpkit.stream.sender import PaymentDone, PaymentSender

from services.backend.assets.model import Fee, FeeType
from services.backend.quotes.model import (
    Price,
    maximum_debit,
    minimum_debit,
    price_debit,
    price_delivery,
    slipped,
)
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


class TestNumbersOfTheOriginal:
    """Quotes of the integration tests of the TypeScript Rafiki."""

    def test_500_euro_cents_over_ilp_at_0_91_cost_556_dollar_cents(self) -> None:
        min_rate = slipped(Ratio.of_decimal("0.91"), ONE_PERCENT)
        price = price_delivery(deliver=500, min_rate=min_rate, exact=False, fee=None)
        assert (price.source, price.deliver, price.fee) == (556, 500, 0)

    def test_500_euro_cents_on_this_node_at_0_91_cost_550_dollar_cents(self) -> None:
        price = price_delivery(deliver=500, min_rate=Ratio.of_decimal("0.91"), exact=True, fee=None)
        assert price.source == 550

    def test_50_sent_in_one_currency_deliver_49(self) -> None:
        min_rate = slipped(Ratio(1, 1), ONE_PERCENT)
        price = price_debit(debit=50, min_rate=min_rate, exact=False, fee=None)
        assert (price.source, price.deliver) == (50, 49)

    def test_a_fee_of_a_fixed_send_is_taken_off_first(self) -> None:
        fee = new_fee(10, 200)
        price = price_debit(debit=1_000, min_rate=Ratio(1, 1), exact=True, fee=fee)
        assert (price.source, price.fee, price.deliver) == (970, 30, 970)

    def test_a_fee_of_a_fixed_delivery_is_put_on_top(self) -> None:
        fee = new_fee(10, 200)
        price = price_delivery(deliver=1_001, min_rate=Ratio(1, 1), exact=True, fee=fee)
        assert (price.source, price.fee) == (1_001, 10 + 21)  # 2 % of 1001 is 20.02

    def test_a_fee_larger_than_the_debit_leaves_nothing(self) -> None:
        price = price_debit(debit=5, min_rate=Ratio(1, 1), exact=True, fee=new_fee(10, 0))
        assert (price.source, price.deliver) == (0, 0)

    def test_no_slippage_takes_nothing_off(self) -> None:
        assert slipped(EUR_USD, None) == EUR_USD


def test_amounts_beyond_2_to_the_53_are_exact() -> None:
    debit = 2**63 + 1
    price = price_debit(debit=debit, min_rate=Ratio(3, 1), exact=True, fee=new_fee(0, 1))
    assert price.fee == 922_337_203_685_478  # ceil((2**63 + 1) / 10000)
    assert price.deliver == 3 * (debit - price.fee)


RATES = st.builds(Ratio, st.integers(1, 10_000), st.integers(1, 10_000))
FEES = st.none() | st.builds(new_fee, st.integers(0, 50), st.integers(0, 9_000))


def delivers(price: Price) -> int:
    """What a sender with this price gets across a path at exactly the least rate."""
    entropy = counted_bytes()
    factory = CredentialsFactory(bytes(32), "test.payee")
    made = factory.make(entropy, payment_tag="invoice")
    receiver = Receiver(credentials=factory, random_bytes=entropy)
    machine = PaymentSender(
        keys=StreamKeys(made.shared_secret),
        destination=made.ilp_address,
        target=FixedDelivery(price.deliver, price.source, price.min_rate),
        random_bytes=entropy,
    )
    now_ms, outputs = 1_700_000_000_000, []
    outputs += machine.start(now_ms)
    while outputs:
        output = outputs.pop(0)
        if isinstance(output, PaymentDone):
            assert output.outcome.completed, output.outcome
            assert output.outcome.totals.source_sent <= price.source
            return output.outcome.totals.delivered
        assert isinstance(output, SendPrepare)
        arriving = price.min_rate.floor_mul(output.prepare.amount)
        opened = receiver.open(output.prepare._replace(amount=arriving))
        reply: Fulfill | Reject
        if isinstance(opened, Reject):
            reply = opened
        else:
            reply = opened.fulfill() if opened.fulfillable else opened.refuse()
        outputs += machine.on_reply(output.request_id, reply, now_ms)
    raise AssertionError("the sender stopped without an outcome")


@pytest.mark.property
@settings(deadline=None)
@given(debit=st.integers(1, 5_000), min_rate=RATES, fee=FEES)
def test_what_a_quoted_debit_promises_can_be_delivered(
    debit: int, min_rate: Ratio, fee: Fee | None
) -> None:
    price = price_debit(debit=debit, min_rate=min_rate, exact=False, fee=fee)
    assume(price.deliver > 0)
    assert price.source + price.fee == debit
    assert delivers(price) >= price.deliver


@pytest.mark.property
@settings(deadline=None)
@given(deliver=st.integers(1, 5_000), min_rate=RATES, fee=FEES)
def test_what_a_quoted_delivery_costs_is_enough(
    deliver: int, min_rate: Ratio, fee: Fee | None
) -> None:
    price = price_delivery(deliver=deliver, min_rate=min_rate, exact=False, fee=fee)
    assert delivers(price) >= deliver


@pytest.mark.property
@given(min_rate=RATES, fee=FEES, exact=st.booleans())
def test_the_minimum_that_a_payer_is_told_is_enough_and_one_less_is_not(
    min_rate: Ratio, fee: Fee | None, exact: bool
) -> None:
    least = minimum_debit(min_rate=min_rate, exact=exact, fee=fee)

    def delivered(debit: int) -> int:
        return price_debit(debit=debit, min_rate=min_rate, exact=exact, fee=fee).deliver

    assert delivered(least) >= 1
    assert delivered(least - 1) == 0


@pytest.mark.property
@given(min_rate=RATES, fee=FEES, exact=st.booleans(), deliver=st.integers(1, 5_000))
def test_the_maximum_that_a_payer_is_told_is_taken_and_one_more_is_not(
    min_rate: Ratio, fee: Fee | None, exact: bool, deliver: int
) -> None:
    most = maximum_debit(deliver=deliver, min_rate=min_rate, exact=exact, fee=fee)

    def delivered(debit: int) -> int:
        return price_debit(debit=debit, min_rate=min_rate, exact=exact, fee=fee).deliver

    assert delivered(most) <= deliver < delivered(most + 1)


@pytest.mark.property
@given(min_rate=RATES, fee=FEES, deliver=st.integers(1, 5_000))
def test_a_transfer_on_this_node_moves_what_it_says(
    min_rate: Ratio, fee: Fee | None, deliver: int
) -> None:
    price = price_delivery(deliver=deliver, min_rate=min_rate, exact=True, fee=fee)
    assert min_rate.floor_mul(price.source) >= deliver > min_rate.floor_mul(price.source - 1)
