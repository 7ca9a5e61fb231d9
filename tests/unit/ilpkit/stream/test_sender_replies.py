"""Which replies a payment believes, and what becomes of packets without one."""

import pytest
from ilpkit.ilp.packet import Fulfill, Reject
from ilpkit.money import Ratio
from ilpkit.stream.events import SendPrepare
from ilpkit.stream.outcome import EndReason
from ilpkit.stream.plan import FixedDelivery, FixedSend
from ilpkit.stream.rate import RateBounds
from ilpkit.stream.sender import (
    PaymentDone,
    SenderLimits,
    SenderState,
)

from tests.support.stream_sender import ONE, always, make_sender, only, pay
from tests.support.stream_wire import (
    START_MS,
    Fault,
    SimulatedPath,
    Wire,
)

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
