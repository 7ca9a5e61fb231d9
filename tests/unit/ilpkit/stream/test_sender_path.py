"""How a payment meets what the path between does: limits, congestion, refusals."""

import pytest
from ilpkit.ilp.packet import Reject
from ilpkit.money import Ratio
from ilpkit.stream.events import SendPrepare
from ilpkit.stream.outcome import EndReason
from ilpkit.stream.plan import FixedDelivery, FixedSend
from ilpkit.stream.receiver import RefusalDialect
from ilpkit.stream.sender import (
    REFUSED_ROUNDS_MAX,
    PaymentDone,
    SenderLimits,
)

from tests.support.stream_sender import ONE, always, make_sender, only, pay
from tests.support.stream_wire import (
    START_MS,
    SimulatedPath,
    Wire,
)

# Path limits


def test_f08_data_tells_the_maximum_at_once() -> None:
    path = SimulatedPath(rate=Ratio(1, 4), max_packet=250)
    outcome = pay(path, FixedSend(10_000, Ratio(1, 5)))
    assert outcome.completed
    assert [prepare.amount for prepare in path.prepares[:3]] == [10_000, 1_000, 1_000]


def test_without_f08_data_the_maximum_is_searched_for() -> None:
    path = SimulatedPath(max_packet=777, tells_max_packet=False)
    sender = make_sender(path, FixedSend(100_000, ONE))
    outcome = Wire(sender, path, done_type=PaymentDone).run().outcome
    assert outcome.completed
    assert sender.max_packet.limit is not None
    assert 700 < sender.max_packet.limit <= 777
    assert outcome.totals.packets_rejected < 20


def test_a_path_that_carries_nothing_ends_the_payment() -> None:
    path = SimulatedPath(max_packet=0, tells_max_packet=False)
    outcome = pay(path, FixedSend(1_000))
    assert outcome.reason is EndReason.CONNECTOR_ERROR
    assert outcome.ilp_code == "F08"


def test_illiquidity_shrinks_what_is_in_flight_until_it_fits() -> None:
    path = SimulatedPath(liquidity=1_000)
    outcome = pay(path, FixedSend(20_000, ONE))
    assert outcome.completed
    assert path.credited == 20_000
    assert max(prepare.amount for prepare in path.prepares[10:]) <= 2_000


def test_a_bit_of_liquidity_beside_what_is_in_flight_waits() -> None:
    path = SimulatedPath()
    sender = make_sender(path, FixedSend(2_000, ONE), max_packet_amount=100)
    sends = [output for output in sender.start(START_MS) if isinstance(output, SendPrepare)]
    assert len(sends) == 16
    for sent in sends[:9]:
        assert sender.on_reply(sent.request_id, Reject("T04"), START_MS) == []
    # Seven packets of 100 are in flight, and 800 may be: less than a quarter is left.
    assert sender.window.amount_max == 800
    assert sender.on_timer(START_MS + 20) == []
    assert sender.on_reply(sends[9].request_id, Reject("T04"), START_MS + 21) != []


def test_a_rate_limit_narrows_the_window_and_the_payment_completes() -> None:
    path = SimulatedPath(packets_at_once=4, max_packet=10)
    outcome = pay(path, FixedSend(5_000, ONE), max_packet_amount=10)
    assert outcome.completed
    assert path.packets_in_flight_max <= 32


def test_the_window_opens_on_a_good_path_up_to_its_limit() -> None:
    path = SimulatedPath(max_packet=1)
    sender = make_sender(
        path,
        FixedSend(2_000, ONE),
        max_packet_amount=1,
        limits=SenderLimits(window_packets_max=64),
    )
    wire = Wire(sender, path, done_type=PaymentDone)
    assert wire.run().outcome.completed
    assert path.packets_in_flight_max == 64
    assert wire.now_ms - START_MS < 2_000 / 64 * 10 * 2


# Temporary and final errors


@pytest.mark.parametrize("code", ["T00", "T01", "T02", "T03", "T04", "T05", "T99", "R00", "T77"])
def test_temporary_errors_are_sent_again_after_a_pause(code: str) -> None:
    path = SimulatedPath(script=only({0: Reject(code), 1: Reject(code)}))
    wire = Wire(make_sender(path, FixedSend(100, ONE)), path, done_type=PaymentDone)
    assert wire.run().outcome.completed
    assert path.credited == 100
    assert wire.now_ms - START_MS >= 20 + 40 + 30


@pytest.mark.parametrize("code", ["F99", "F04", "F05", "R01"])
def test_tolerated_refusals_are_tried_again_for_some_rounds(code: str) -> None:
    path = SimulatedPath(script=only({0: Reject(code), 1: Reject(code)}))
    assert pay(path, FixedSend(100, ONE)).completed
    path = SimulatedPath(script=always(Reject(code, "test.connector", "no")))
    outcome = pay(path, FixedSend(100, ONE))
    assert outcome.reason is EndReason.RECEIVER_REFUSED
    assert (outcome.ilp_code, outcome.message) == (code, "no")
    assert outcome.totals.packets_sent == REFUSED_ROUNDS_MAX


@pytest.mark.parametrize(
    "code", ["F00", "F01", "F02", "F03", "F06", "F07", "R02", "R99", "F42", "Z00"]
)
def test_other_errors_are_final(code: str) -> None:
    path = SimulatedPath(script=always(Reject(code, "test.connector", "never")))
    outcome = pay(path, FixedSend(100, ONE))
    assert outcome.reason is EndReason.CONNECTOR_ERROR
    assert (outcome.ilp_code, outcome.message) == (code, "never")
    assert outcome.totals.packets_sent == 1
    assert outcome.retryable


def test_a_path_that_only_errs_times_out_with_bounded_effort() -> None:
    path = SimulatedPath(script=always(Reject("T00")))
    wire = Wire(make_sender(path, FixedSend(100, ONE)), path, done_type=PaymentDone)
    outcome = wire.run().outcome
    assert outcome.reason is EndReason.IDLE_TIMEOUT
    assert wire.now_ms - START_MS == 10_000
    assert outcome.totals.packets_sent < 20
    assert outcome.totals.source_committed == 0


def test_packets_in_flight_at_the_end_are_waited_for() -> None:
    path = SimulatedPath(latency_ms=15_000)
    outcome = pay(path, FixedSend(100, ONE))
    assert outcome.completed, "the reply came after the idle timeout, within the packet's life"
    assert path.credited == 100


@pytest.mark.parametrize("dialect", list(RefusalDialect))
def test_both_reject_dialects_of_receivers_are_understood(dialect: RefusalDialect) -> None:
    path = SimulatedPath(rate=Ratio(98, 100), dialect=dialect)
    outcome = pay(path, FixedDelivery(9_800, 10_100, Ratio(97, 100)))
    assert outcome.completed
    assert path.credited == 9_800
