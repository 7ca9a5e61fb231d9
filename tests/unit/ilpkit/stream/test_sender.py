"""The sender's behaviour over a simulated path: what it sends, when it ends, what it believes."""

from dataclasses import replace

import pytest
from ilpkit.errors import LocalProtocolError
from ilpkit.ilp.packet import Fulfill, Prepare, Reject
from ilpkit.money import Ratio
from ilpkit.stream.events import SendPrepare
from ilpkit.stream.exchange import STREAM_ID
from ilpkit.stream.frames import (
    ConnectionClose,
    ConnectionMaxData,
    ConnectionMaxStreamId,
    Frame,
    StreamClose,
    StreamData,
    StreamMaxMoney,
    StreamMoney,
    StreamReceipt,
)
from ilpkit.stream.outcome import EndReason, PaymentOutcome
from ilpkit.stream.packet import SEQUENCE_MAX, StreamPacket, decode_stream_packet
from ilpkit.stream.plan import FixedDelivery, FixedSend, PaymentTarget
from ilpkit.stream.rate import RateBounds
from ilpkit.stream.receipts import verify_receipt
from ilpkit.stream.receiver import RefusalDialect
from ilpkit.stream.sender import (
    DATA_BYTES_MAX,
    REFUSED_ROUNDS_MAX,
    PaymentDone,
    PaymentSender,
    SenderLimits,
    SenderState,
)

from tests.support.stream_wire import (
    RECEIPT_SETUP,
    START_MS,
    Fault,
    Script,
    SimulatedPath,
    Wire,
    counted_bytes,
)

ONE = Ratio(1, 1)


def make_sender(
    path: SimulatedPath,
    target: PaymentTarget,
    *,
    rate: RateBounds | None = None,
    max_packet_amount: int | None = None,
    first_sequence: int = 0,
    data: bytes = b"",
    limits: SenderLimits | None = None,
) -> PaymentSender:
    return PaymentSender(
        keys=path.keys,
        destination=path.credentials.ilp_address,
        target=target,
        random_bytes=counted_bytes(3),
        rate=rate,
        max_packet_amount=max_packet_amount,
        first_sequence=first_sequence,
        data=data,
        limits=limits,
    )


def pay(
    path: SimulatedPath,
    target: PaymentTarget,
    *,
    rate: RateBounds | None = None,
    max_packet_amount: int | None = None,
    data: bytes = b"",
) -> PaymentOutcome:
    sender = make_sender(path, target, rate=rate, max_packet_amount=max_packet_amount, data=data)
    wire = Wire(sender, path, done_type=PaymentDone)
    outcome = wire.run().outcome
    wire.drain()
    assert sender.state is SenderState.DONE
    assert sender.next_timer() is None
    assert sender.totals == outcome.totals
    return outcome


def only(script: dict[int, Fault | Reject]) -> Script:
    """Faults for the packets of these places, none for the others."""
    return lambda index, _prepare: script.get(index, Fault.NONE)


def always(fault: Fault | Reject) -> Script:
    return lambda _index, _prepare: fault


def words(path: SimulatedPath) -> list[StreamPacket]:
    """What each packet said to the receiver."""
    return [decode_stream_packet(path.keys.open(prepare.data)) for prepare in path.prepares]


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


# Authenticity


@pytest.mark.parametrize("fault", [Fault.ECHO_DATA, Fault.REPLAY_DATA, Fault.GARBAGE_DATA])
def test_data_that_is_not_the_receivers_word_teaches_nothing(fault: Fault) -> None:
    path = SimulatedPath(rate=Ratio(1, 2), script=always(fault), receive_limit=0)
    sender = make_sender(path, FixedSend(100, Ratio(1, 4)))
    Wire(sender, path, done_type=PaymentDone).run()
    assert not sender.rate.known
    assert sender.max_packet.verified == 0


def test_a_word_that_claims_a_reject_does_not_count_on_a_fulfill() -> None:
    path = SimulatedPath()
    sender = make_sender(path, FixedSend(100, ONE))
    sent = sender.start(START_MS)[0]
    assert isinstance(sent, SendPrepare)
    incoming = path.receiver.open(sent.prepare)
    assert not isinstance(incoming, Reject)
    reply = Fulfill(path.keys.fulfillment(sent.prepare.data), incoming.decline().data)
    outputs = sender.on_reply(sent.request_id, reply, START_MS)
    done = outputs[-1]
    assert isinstance(done, PaymentDone)
    assert done.outcome.reason is EndReason.RECEIVER_VIOLATION
    assert done.outcome.totals.delivered == 0


def test_a_fulfill_without_the_receivers_word_ends_the_payment_and_counts_its_minimum() -> None:
    path = SimulatedPath(max_packet=100, script=always(Fault.STRIP_DATA))
    outcome = pay(path, FixedSend(1_000, Ratio(1, 2)), max_packet_amount=100)
    assert outcome.reason is EndReason.RECEIVER_VIOLATION
    assert not outcome.retryable
    assert outcome.totals.delivered == 0
    assert outcome.totals.delivered_unconfirmed == outcome.totals.source_sent // 2 == 500


def test_a_receiver_that_takes_less_than_the_minimum_ends_the_payment() -> None:
    path = SimulatedPath()
    sender = make_sender(path, FixedSend(100, ONE))
    sent = sender.start(START_MS)[0]
    assert isinstance(sent, SendPrepare)
    incoming = path.receiver.open(sent.prepare)
    assert not isinstance(incoming, Reject)
    outputs = sender.on_reply(sent.request_id, incoming.fulfill(98), START_MS)
    done = outputs[-1]
    assert isinstance(done, PaymentDone)
    assert done.outcome.reason is EndReason.RECEIVER_VIOLATION
    assert done.outcome.totals.source_sent == 100
    assert done.outcome.totals.delivered == 98


def test_a_forged_fulfillment_ends_the_payment_and_its_amount_stays_counted() -> None:
    path = SimulatedPath(max_packet=100, script=only({1: Fault.FORGE_FULFILLMENT}))
    outcome = pay(path, FixedSend(500, ONE), max_packet_amount=100)
    assert outcome.reason is EndReason.INVALID_FULFILLMENT
    assert outcome.totals.source_unresolved == 100
    assert outcome.totals.source_sent == path.debited == 400


def test_a_forged_fulfillment_for_an_unresolved_packet_keeps_it_unresolved() -> None:
    path = SimulatedPath()
    sender = make_sender(path, FixedSend(100, ONE))
    sent = sender.start(START_MS)[0]
    assert isinstance(sent, SendPrepare)
    # A second packet of the same payment, so that the first can become unresolved before the end.
    limited = make_sender(
        path,
        FixedSend(200, ONE),
        max_packet_amount=100,
        limits=SenderLimits(packet_lifetime_ms=1_000, idle_timeout_ms=60_000),
    )
    first, second = limited.start(START_MS)
    assert isinstance(first, SendPrepare)
    assert isinstance(second, SendPrepare)
    limited.on_timer(START_MS + 1)
    assert limited.next_timer() == START_MS + 2_000
    limited.on_reply(second.request_id, Reject("T00"), START_MS + 1_500)
    outputs = limited.on_timer(START_MS + 2_000)
    assert limited.totals.source_unresolved == 100
    assert [type(output) for output in outputs] == [SendPrepare]
    limited.on_reply(first.request_id, Fulfill(bytes(32)), START_MS + 2_001)
    assert limited.totals.source_unresolved == 100
    assert limited.state is SenderState.STOPPING


# Lost, late and doubled replies


def test_a_lost_packet_holds_its_amount_until_its_time_is_over_and_is_never_sent_again() -> None:
    path = SimulatedPath(max_packet=100, script=only({1: Fault.LOSE_REPLY}))
    sender = make_sender(path, FixedSend(500, ONE), max_packet_amount=100)
    wire = Wire(sender, path, done_type=PaymentDone)
    outcome = wire.run().outcome
    assert outcome.reason is EndReason.UNRESOLVED_PACKETS
    assert outcome.retryable
    assert outcome.totals.source_sent == 400
    assert outcome.totals.source_unresolved == 100
    assert path.debited == 500
    assert wire.now_ms == START_MS + 21_000


def test_a_payment_ends_once_only_unresolved_packets_are_left() -> None:
    path = SimulatedPath(script=only({1: Fault.LOSE_REQUEST}), tells_lost=False)
    sender = make_sender(
        path,
        FixedSend(300, ONE),
        max_packet_amount=100,
        limits=SenderLimits(packet_lifetime_ms=1_000, idle_timeout_ms=60_000),
    )
    wire = Wire(sender, path, done_type=PaymentDone)
    outcome = wire.run().outcome
    assert outcome.reason is EndReason.UNRESOLVED_PACKETS
    assert outcome.totals.source_unresolved == 100
    assert wire.now_ms == START_MS + 2_020, "its time, and the pause after a silence"


def test_a_reply_to_a_packet_that_was_given_up_still_counts() -> None:
    path = SimulatedPath(latency_ms=50)
    sender = make_sender(path, FixedSend(100, ONE))
    sent = sender.start(START_MS)[0]
    assert isinstance(sent, SendPrepare)
    assert sender.on_lost(sent.request_id, START_MS + 1) == []
    assert sender.on_lost(sent.request_id, START_MS + 2) == []
    assert sender.on_lost(99, START_MS + 2) == []
    assert sender.totals.source_in_flight == 100
    outputs = sender.on_reply(sent.request_id, path.reply(sent.prepare), START_MS + 3)
    done = outputs[-1]
    assert isinstance(done, PaymentDone)
    assert done.outcome.completed


def test_a_late_fulfill_settles_an_unresolved_packet() -> None:
    path = SimulatedPath()
    sender = make_sender(
        path,
        FixedSend(200, ONE),
        max_packet_amount=100,
        limits=SenderLimits(packet_lifetime_ms=1_000, idle_timeout_ms=60_000),
    )
    first, second = sender.start(START_MS)
    assert isinstance(first, SendPrepare)
    assert isinstance(second, SendPrepare)
    sender.on_reply(second.request_id, Reject("T00"), START_MS + 1_990)
    third = sender.on_timer(START_MS + 2_010)[0]
    assert isinstance(third, SendPrepare)
    assert sender.totals.source_unresolved == 100
    sender.on_reply(first.request_id, path.reply(first.prepare), START_MS + 2_100)
    assert sender.totals.source_unresolved == 0
    assert sender.totals.source_sent == 100
    outputs = sender.on_reply(third.request_id, path.reply(third.prepare), START_MS + 2_200)
    done = outputs[-1]
    assert isinstance(done, PaymentDone)
    assert done.outcome.completed


def test_a_late_reject_frees_an_unresolved_packet_for_sending() -> None:
    path = SimulatedPath()
    sender = make_sender(
        path,
        FixedSend(200, ONE),
        max_packet_amount=100,
        limits=SenderLimits(packet_lifetime_ms=1_000, idle_timeout_ms=60_000),
    )
    first, second = sender.start(START_MS)
    assert isinstance(first, SendPrepare)
    assert isinstance(second, SendPrepare)
    sender.on_reply(second.request_id, Reject("T00"), START_MS + 1_990)
    sender.on_timer(START_MS + 2_010)
    outputs = sender.on_reply(first.request_id, Reject("R00"), START_MS + 2_100)
    assert sender.totals.source_unresolved == 0
    assert sender.totals.source_committed in {100, 200}
    assert all(isinstance(output, SendPrepare) for output in outputs)


def test_doubled_and_unknown_replies_are_ignored() -> None:
    path = SimulatedPath(max_packet=10, script=always(Fault.DUPLICATE_REPLY))
    outcome = pay(path, FixedSend(200, ONE), max_packet_amount=10)
    assert outcome.completed
    assert outcome.totals.source_sent == path.debited == 200
    assert outcome.totals.packets_fulfilled == 20


def test_silence_without_notice_ends_after_the_packets_time() -> None:
    path = SimulatedPath(script=always(Fault.LOSE_REQUEST), tells_lost=False)
    wire = Wire(make_sender(path, FixedSend(100, ONE)), path, done_type=PaymentDone)
    outcome = wire.run().outcome
    assert outcome.reason is EndReason.UNRESOLVED_PACKETS
    assert outcome.totals.source_unresolved == 100
    assert wire.now_ms == START_MS + 21_000


def test_a_fixed_delivery_that_misses_only_an_unresolved_packet_says_so() -> None:
    path = SimulatedPath(max_packet=100, script=only({1: Fault.LOSE_REPLY}))
    rate = RateBounds.exact(ONE)
    outcome = pay(path, FixedDelivery(300, 301, ONE), rate=rate, max_packet_amount=100)
    assert outcome.reason is EndReason.UNRESOLVED_PACKETS
    assert outcome.totals.delivered == 200
    assert path.credited == 300


# The receiver's frames


def reply_with(sender: PaymentSender, path: SimulatedPath, *frames: Frame) -> PaymentOutcome:
    sent = sender.start(START_MS)[0]
    assert isinstance(sent, SendPrepare)
    incoming = path.receiver.open(sent.prepare)
    assert not isinstance(incoming, Reject)
    outputs = sender.on_reply(sent.request_id, incoming.decline(frames=frames), START_MS)
    done = (outputs or sender.cancel(START_MS))[-1]
    assert isinstance(done, PaymentDone)
    return done.outcome


@pytest.mark.parametrize("close", [ConnectionClose(1, "bye"), StreamClose(STREAM_ID, 1, "bye")])
def test_a_close_by_the_receiver_ends_the_payment_without_a_close_of_ours(close: Frame) -> None:
    path = SimulatedPath()
    sender = make_sender(path, FixedSend(100, ONE))
    outcome = reply_with(sender, path, close)
    assert outcome.reason is EndReason.CLOSED_BY_RECEIVER
    assert outcome.message == "bye"
    assert outcome.retryable
    assert sender.next_sequence == 1


def test_a_close_of_another_stream_is_nothing_to_us() -> None:
    path = SimulatedPath()
    outcome = reply_with(make_sender(path, FixedSend(100, ONE)), path, StreamClose(3, 1))
    assert outcome.reason is EndReason.CANCELLED


def test_a_close_with_data_is_the_applications_error() -> None:
    path = SimulatedPath()
    outcome = reply_with(
        make_sender(path, FixedSend(100, ONE)),
        path,
        ConnectionClose(1),
        StreamData(STREAM_ID, 0, b"not today"),
    )
    assert outcome.reason is EndReason.APPLICATION_ERROR
    assert outcome.application_data == b"not today"
    assert not outcome.retryable


def test_a_receiver_that_takes_less_than_the_target_ends_the_payment() -> None:
    path = SimulatedPath(receive_limit=50, tells_receive_max=True)
    outcome = pay(path, FixedDelivery(100, 110, Ratio(99, 100)))
    assert outcome.reason is EndReason.RECEIVER_FULL
    assert not outcome.retryable
    assert path.credited == 0


def test_a_fixed_send_stops_at_the_receivers_maximum() -> None:
    path = SimulatedPath(receive_limit=250, tells_receive_max=True, max_packet=100)
    outcome = pay(path, FixedSend(1_000), max_packet_amount=100, rate=RateBounds.exact(ONE))
    assert outcome.reason in {EndReason.RECEIVER_FULL, EndReason.RECEIVER_REFUSED}
    assert path.credited <= 250
    assert outcome.totals.delivered == path.credited


def test_a_maximum_of_another_stream_is_nothing_to_us() -> None:
    path = SimulatedPath()
    outcome = reply_with(make_sender(path, FixedSend(100, ONE)), path, StreamMaxMoney(3, 1, 0))
    assert outcome.reason is EndReason.CANCELLED


def test_broken_and_older_receipts_do_not_replace_a_newer_one() -> None:
    path = SimulatedPath(receipts=True, max_packet=10)
    sender = make_sender(path, FixedSend(30, ONE), max_packet_amount=10)
    outputs = sender.start(START_MS)
    sends = [output for output in outputs if isinstance(output, SendPrepare)]
    replies = [path.reply(sent.prepare) for sent in sends]
    sender.on_reply(sends[2].request_id, replies[2], START_MS)
    sender.on_reply(sends[1].request_id, replies[1], START_MS)
    incoming = path.receiver.open(sends[0].prepare)
    assert not isinstance(incoming, Reject)
    broken = incoming.fulfill(frames=(StreamReceipt(STREAM_ID, b"short"),))
    done = sender.on_reply(sends[0].request_id, broken, START_MS)[-1]
    assert isinstance(done, PaymentDone)
    assert verify_receipt(done.outcome.receipt, secret=RECEIPT_SETUP.secret).total_received == 30


# What we say


def test_packets_open_the_stream_until_the_receivers_word_has_come() -> None:
    path = SimulatedPath(max_packet=100, script=only({0: Reject("T00")}))
    pay(path, FixedSend(150, ONE), max_packet_amount=100)
    opening = (ConnectionMaxStreamId(STREAM_ID), ConnectionMaxData(0))
    frames = [word.frames for word in words(path)]
    assert frames[0] == frames[1] == (*opening, StreamMoney(STREAM_ID, 1))
    assert frames[-1] == (ConnectionClose(1),)
    assert [word.sequence for word in words(path)] == list(range(len(frames)))


def test_data_goes_alone_with_the_first_packets_until_one_is_fulfilled() -> None:
    path = SimulatedPath(max_packet=100, script=only({0: Reject("T00")}))
    assert pay(path, FixedSend(500, ONE), max_packet_amount=100, data=b"invoice 7").completed
    data = [
        [frame.data for frame in word.frames if isinstance(frame, StreamData)]
        for word in words(path)
    ]
    assert data[:3] == [[b"invoice 7"], [b"invoice 7"], []]
    assert not any(data[2:])


def test_too_much_data_is_our_own_fault() -> None:
    with pytest.raises(LocalProtocolError, match="bytes of data"):
        make_sender(SimulatedPath(), FixedSend(1), data=bytes(DATA_BYTES_MAX + 1))
    assert pay(SimulatedPath(), FixedSend(1), data=bytes(DATA_BYTES_MAX)).completed


def test_the_last_safe_sequence_ends_the_payment() -> None:
    path = SimulatedPath(max_packet=10)
    sender = make_sender(
        path, FixedSend(100, ONE), max_packet_amount=10, first_sequence=SEQUENCE_MAX - 3
    )
    outcome = Wire(sender, path, done_type=PaymentDone).run().outcome
    assert outcome.reason is EndReason.SEQUENCES_EXHAUSTED
    assert not outcome.retryable
    assert outcome.totals.source_sent == 30
    assert sender.next_sequence == SEQUENCE_MAX


# Life


def test_a_payment_starts_once() -> None:
    sender = make_sender(SimulatedPath(), FixedSend(1))
    assert sender.next_timer() is None
    sender.start(START_MS)
    with pytest.raises(LocalProtocolError, match="once"):
        sender.start(START_MS)


def test_cancelling_before_the_start_sends_nothing() -> None:
    sender = make_sender(SimulatedPath(), FixedSend(1))
    (done,) = sender.cancel(START_MS)
    assert isinstance(done, PaymentDone)
    assert done.outcome.reason is EndReason.CANCELLED
    assert sender.cancel(START_MS) == []


def test_cancelling_waits_for_what_is_in_flight() -> None:
    path = SimulatedPath()
    sender = make_sender(path, FixedSend(300, ONE), max_packet_amount=100)
    sends = [output for output in sender.start(START_MS) if isinstance(output, SendPrepare)]
    assert sender.cancel(START_MS) == []
    assert sender.state is SenderState.STOPPING
    assert sender.cancel(START_MS) == []
    for sent in sends[:2]:
        assert sender.on_reply(sent.request_id, path.reply(sent.prepare), START_MS) == []
    close, done = sender.on_reply(sends[2].request_id, Reject("T00"), START_MS)
    assert isinstance(close, SendPrepare)
    assert isinstance(done, PaymentDone)
    assert done.outcome.reason is EndReason.CANCELLED
    assert done.outcome.totals.source_sent == 200


def test_a_target_reached_while_stopping_is_completed() -> None:
    path = SimulatedPath()
    sender = make_sender(path, FixedSend(100, ONE))
    sent = sender.start(START_MS)[0]
    assert isinstance(sent, SendPrepare)
    sender.cancel(START_MS)
    done = sender.on_reply(sent.request_id, path.reply(sent.prepare), START_MS)[-1]
    assert isinstance(done, PaymentDone)
    assert done.outcome.completed


def test_a_breach_of_the_protocol_while_stopping_is_not_hidden() -> None:
    path = SimulatedPath()
    sender = make_sender(path, FixedSend(200, ONE), max_packet_amount=100)
    first, second = sender.start(START_MS)
    assert isinstance(first, SendPrepare)
    assert isinstance(second, SendPrepare)
    sender.cancel(START_MS)
    sender.on_reply(first.request_id, path.reply(first.prepare)._replace(data=b""), START_MS)
    done = sender.on_reply(second.request_id, Fulfill(bytes(32)), START_MS)[-1]
    assert isinstance(done, PaymentDone)
    assert done.outcome.reason is EndReason.RECEIVER_VIOLATION


@pytest.mark.parametrize("amount", [0, -1, 2**64])
def test_payments_of_impossible_amounts_are_refused(amount: int) -> None:
    with pytest.raises(LocalProtocolError):
        FixedSend(amount)
    with pytest.raises(LocalProtocolError):
        FixedDelivery(amount, 1, ONE)
    with pytest.raises(LocalProtocolError):
        FixedDelivery(1, amount, ONE)


def test_totals_add_up_what_may_have_left_the_payer() -> None:
    path = SimulatedPath()
    sender = make_sender(path, FixedSend(300, ONE), max_packet_amount=100)
    sender.start(START_MS)
    assert sender.totals.source_committed == sender.totals.source_in_flight == 300
    assert replace(sender.totals, source_sent=5, source_unresolved=7).source_committed == 312
