"""What sender and receiver say to each other beside the money."""

import pytest
from ilpkit.errors import LocalProtocolError
from ilpkit.ilp.packet import Reject
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
from ilpkit.stream.packet import SEQUENCE_MAX
from ilpkit.stream.plan import FixedDelivery, FixedSend
from ilpkit.stream.rate import RateBounds
from ilpkit.stream.receipts import verify_receipt
from ilpkit.stream.sender import (
    DATA_BYTES_MAX,
    PaymentDone,
    PaymentSender,
)

from tests.support.stream_sender import ONE, make_sender, only, pay, words
from tests.support.stream_wire import (
    RECEIPT_SETUP,
    START_MS,
    SimulatedPath,
    Wire,
)

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
