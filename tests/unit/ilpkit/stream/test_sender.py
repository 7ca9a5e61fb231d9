"""The life of a payment: its start, its cancelling, its totals."""

from dataclasses import replace

import pytest
from ilpkit.errors import LocalProtocolError
from ilpkit.ilp.packet import Fulfill, Reject
from ilpkit.stream.events import SendPrepare
from ilpkit.stream.outcome import EndReason
from ilpkit.stream.plan import FixedDelivery, FixedSend
from ilpkit.stream.sender import (
    PaymentDone,
    SenderState,
)

from tests.support.stream_sender import ONE, make_sender
from tests.support.stream_wire import (
    START_MS,
    SimulatedPath,
)


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
