"""What a payment sends and demands: exact amounts, minimums, rates."""

import pytest
from ilpkit.ilp.packet import Prepare, Reject
from ilpkit.money import Ratio
from ilpkit.stream.frames import (
    ConnectionMaxData,
)
from ilpkit.stream.outcome import EndReason
from ilpkit.stream.plan import FixedDelivery, FixedSend
from ilpkit.stream.rate import RateBounds
from ilpkit.stream.receipts import verify_receipt
from ilpkit.stream.sender import (
    PaymentDone,
    SenderLimits,
)

from tests.support.stream_sender import ONE, make_sender, only, pay, words
from tests.support.stream_wire import (
    RECEIPT_SETUP,
    START_MS,
    Fault,
    SimulatedPath,
    Wire,
)

# Fixed send


def test_fixed_send_sends_exactly_the_source_amount_in_one_packet_on_an_open_path() -> None:
    path = SimulatedPath()
    outcome = pay(path, FixedSend(1_000_000, ONE))
    assert outcome.completed
    assert path.debited == path.credited == 1_000_000
    assert outcome.totals.source_sent == outcome.totals.delivered == 1_000_000
    assert [prepare.amount for prepare in path.prepares] == [1_000_000, 0]


def test_a_known_maximum_splits_the_amount_into_full_packets_and_a_rest() -> None:
    path = SimulatedPath(max_packet=400)
    outcome = pay(path, FixedSend(1_000, ONE), max_packet_amount=400)
    assert outcome.completed
    assert [prepare.amount for prepare in path.prepares[:-1]] == [400, 400, 200]
    assert outcome.totals.packets_rejected == 0


def test_each_packet_demands_the_minimum_rate_and_only_the_last_may_lose_a_unit() -> None:
    path = SimulatedPath(rate=Ratio(1, 2), max_packet=50)
    pay(path, FixedSend(251, Ratio(49, 100)), max_packet_amount=100)
    demanded = [word.prepare_amount for word in words(path)]
    assert list(zip(demanded, (p.amount for p in path.prepares), strict=True))[:3] == [
        (49, 100),
        (49, 100),
        (25, 51),  # ceil(50 x 0.49) of 51 units
    ]


def test_a_last_unit_that_rounds_to_nothing_is_still_sent() -> None:
    path = SimulatedPath(rate=Ratio(1, 2), max_packet=50)
    outcome = pay(path, FixedSend(101, Ratio(1, 2)), max_packet_amount=100)
    assert outcome.completed
    assert path.debited == 101
    assert path.credited == 50


def test_without_a_minimum_rate_any_rate_is_taken() -> None:
    path = SimulatedPath(rate=Ratio(1, 1_000))
    assert pay(path, FixedSend(5_000)).completed
    assert path.credited == 5


def test_the_outcome_carries_the_last_receipt() -> None:
    path = SimulatedPath(max_packet=10, receipts=True)
    outcome = pay(path, FixedSend(95, ONE))
    receipt = verify_receipt(outcome.receipt, secret=RECEIPT_SETUP.secret)
    assert receipt.total_received == 95


def test_packets_expire_twenty_seconds_after_they_leave() -> None:
    path = SimulatedPath()
    pay(path, FixedSend(5))
    assert path.prepares[0].expires_at_ms == START_MS + 20_000


# Fixed delivery


@pytest.mark.parametrize(
    "rate",
    [ONE, Ratio(99, 100), Ratio(1, 3), Ratio(7, 10), Ratio(13, 7), Ratio(995, 1000)],
)
def test_fixed_delivery_over_an_unknown_path_delivers_exactly(rate: Ratio) -> None:
    path = SimulatedPath(rate=rate, max_packet=50_000)
    floor = rate * Ratio(99, 100)
    target = FixedDelivery(123_456, floor.ceil_div(123_456) + 1, floor)
    outcome = pay(path, target)
    assert outcome.completed
    assert 0 <= path.credited - 123_456 < rate.ceil_mul(1)
    assert outcome.totals.source_sent == path.debited <= rate.ceil_div(123_456) + 3


def test_fixed_delivery_never_delivers_more_than_a_receiver_takes() -> None:
    path = SimulatedPath(rate=Ratio(1_003, 1_000), receive_limit=70_001, max_packet=9_000)
    assert pay(path, FixedDelivery(70_001, 71_000, Ratio(99, 100))).completed
    assert path.credited == 70_001


def test_an_exactly_known_rate_needs_no_learning_packet() -> None:
    path = SimulatedPath(rate=Ratio(91, 100))
    rate = RateBounds.exact(Ratio(91, 100))
    outcome = pay(path, FixedDelivery(500, 556, Ratio(9, 10)), rate=rate)
    assert outcome.completed
    assert [prepare.amount for prepare in path.prepares] == [550, 0]
    assert path.credited == 500


def test_the_learning_packet_asks_for_no_money_and_is_sent_again_when_lost() -> None:
    path = SimulatedPath(rate=Ratio(1, 2), script=only({0: Fault.LOSE_REQUEST}), tells_lost=False)
    sender = make_sender(
        path,
        FixedDelivery(100, 300, Ratio(2, 5)),
        limits=SenderLimits(packet_lifetime_ms=2_000),
    )
    outcome = Wire(sender, path, done_type=PaymentDone).run().outcome
    assert outcome.completed
    assert outcome.totals.source_unresolved == 0
    assert [prepare.amount for prepare in path.prepares] == [250, 250, 200, 0]
    assert [word.frames[-1:] for word in words(path)][1] == (ConnectionMaxData(0),)


def test_a_learning_packet_too_large_for_the_path_shrinks() -> None:
    path = SimulatedPath(max_packet=30)
    assert pay(path, FixedDelivery(100, 102, Ratio(99, 100))).completed
    assert path.credited == 100


def test_a_path_that_converts_to_nothing_is_an_insufficient_rate() -> None:
    path = SimulatedPath(rate=Ratio(1, 1_000_000))
    outcome = pay(path, FixedDelivery(10, 5, Ratio(1, 2)))
    assert outcome.reason is EndReason.SOURCE_EXHAUSTED
    assert path.debited == 0


def test_a_source_limit_that_cannot_deliver_the_rest_stops_before_it_is_spent() -> None:
    path = SimulatedPath(rate=Ratio(9, 10))
    outcome = pay(path, FixedDelivery(1_000, 1_001, Ratio(1, 2)))
    assert outcome.reason is EndReason.SOURCE_EXHAUSTED
    assert outcome.retryable
    assert path.debited == 0


def test_a_rate_that_falls_below_the_minimum_stops_the_payment() -> None:
    path = SimulatedPath(rate=Ratio(9, 10))
    outcome = pay(path, FixedSend(1_000, ONE))
    assert outcome.reason is EndReason.INSUFFICIENT_EXCHANGE_RATE
    assert outcome.totals.source_sent == path.debited == 0


def test_a_rate_that_falls_on_the_way_keeps_what_was_paid() -> None:
    path = SimulatedPath(max_packet=100)

    def script(index: int, _prepare: Prepare) -> Fault | Reject:
        path.rate = ONE if index < 5 else Ratio(1, 2)
        return Fault.NONE

    path.script = script
    outcome = pay(path, FixedSend(10_000, Ratio(9, 10)), max_packet_amount=100)
    assert outcome.reason is EndReason.INSUFFICIENT_EXCHANGE_RATE
    assert outcome.totals.source_sent == path.debited == 500
    assert outcome.totals.delivered == path.credited == 500
