"""What holds for every payment over every path, however the path misbehaves."""

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ilpkit.ilp.packet import Prepare, Reject
from ilpkit.money import Ratio
from ilpkit.stream.outcome import EndReason
from ilpkit.stream.packet import decode_stream_packet
from ilpkit.stream.plan import FixedDelivery, FixedSend, PaymentTarget
from ilpkit.stream.rate import minimum_delivery
from ilpkit.stream.sender import PaymentDone, PaymentSender

from tests.support.stream_wire import Fault, SimulatedPath, Wire, counted_bytes

pytestmark = pytest.mark.property

CODES = ["F00", "F02", "F04", "F05", "F08", "F99", "R00", "R01", "T00", "T02", "T04", "T05"]
MILD = [Fault.NONE] * 6 + [Fault.DUPLICATE_REPLY]
FAULTS = [
    *MILD,
    Fault.LOSE_REQUEST,
    Fault.LOSE_REPLY,
    Fault.LATE_REPLY,
    Fault.STRIP_DATA,
    Fault.GARBAGE_DATA,
    Fault.ECHO_DATA,
    Fault.REPLAY_DATA,
    Fault.FORGE_FULFILLMENT,
]


@dataclass(frozen=True)
class Case:
    """A payment and the path that it runs over."""

    path: SimulatedPath
    target: PaymentTarget
    source_max: int
    max_packet_amount: int | None


@st.composite
def cases(draw: st.DrawFn, *, hostile: bool) -> Case:
    rate = Ratio(draw(st.integers(1, 1_000)), draw(st.integers(1, 1_000)))
    per_mille = Ratio(draw(st.integers(500, 1_000)), 1_000)
    min_rate = rate * per_mille
    amount = draw(st.integers(1, 50_000))
    # At most some hundred packets, so that an example stays cheap.
    smallest = rate.ceil_mul(amount // 100 + 1)
    max_packet = draw(st.none() | st.integers(smallest, 10 * smallest))
    faults = (
        st.sampled_from(FAULTS) | st.sampled_from(CODES).map(Reject)
        if hostile
        else st.sampled_from(MILD) | st.sampled_from(["T00", "T04", "T05"]).map(Reject)
    )
    script = draw(st.lists(faults, max_size=25))

    def fault(index: int, _prepare: Prepare) -> Fault | Reject:
        return script[index] if index < len(script) else Fault.NONE

    path = SimulatedPath(
        rate=rate,
        max_packet=max_packet,
        tells_max_packet=draw(st.booleans()),
        liquidity=draw(st.none() | st.integers(amount // 100 + 1, 2 * amount)),
        packets_at_once=draw(st.none() | st.integers(1, 50)),
        tells_lost=draw(st.booleans()),
        script=fault,
    )
    if draw(st.booleans()):
        target: PaymentTarget = FixedSend(amount, draw(st.none() | st.just(min_rate)))
        source_max = amount
    else:
        source_max = min_rate.floor_div(amount) + 1
        target = FixedDelivery(amount, source_max, min_rate)
    known = draw(st.booleans()) and max_packet is not None and rate.floor_div(max_packet) > 0
    return Case(path, target, source_max, rate.floor_div(max_packet or 0) if known else None)


def run(case: Case) -> tuple[PaymentSender, Wire[PaymentSender, PaymentDone]]:
    path = case.path
    sender = PaymentSender(
        keys=path.keys,
        destination=path.credentials.ilp_address,
        target=case.target,
        random_bytes=counted_bytes(3),
        max_packet_amount=case.max_packet_amount,
    )
    wire = Wire(sender, path, done_type=PaymentDone)

    def never_beyond_the_limit() -> None:
        assert sender.totals.source_committed <= case.source_max
        assert path.debited <= case.source_max

    wire.on_step = never_beyond_the_limit
    wire.run()
    wire.drain()
    return sender, wire


def check_minimums(case: Case) -> None:
    """Each packet demanded its minimum rate, but for the last one and those that only ask."""
    min_rate = case.target.min_rate
    for prepare in case.path.prepares:
        word = decode_stream_packet(case.path.keys.open(prepare.data))
        if word.prepare_amount < minimum_delivery(prepare.amount, min_rate):
            is_last = (
                word.prepare_amount >= minimum_delivery(prepare.amount - 1, min_rate)
                or isinstance(case.target, FixedSend)
                or word.prepare_amount == 0
            )
            assert is_last


@settings(max_examples=150, deadline=None)
@given(case=cases(hostile=True))
def test_no_path_makes_a_sender_overspend_or_miscount(case: Case) -> None:
    sender, wire = run(case)
    assert wire.done is not None
    outcome = wire.done.outcome
    totals, path = outcome.totals, case.path
    assert totals.source_in_flight == 0
    assert totals.source_sent <= path.debited
    assert path.debited <= totals.source_sent + totals.source_unresolved
    assert totals.delivered <= path.credited
    breaches = {EndReason.RECEIVER_VIOLATION, EndReason.INVALID_FULFILLMENT}
    if path.debited == totals.source_sent and outcome.reason not in breaches:
        assert totals.delivered == path.credited
    if outcome.reason is EndReason.COMPLETED:
        least = (
            minimum_delivery(case.target.source - 1, case.target.min_rate)
            if isinstance(case.target, FixedSend)
            else case.target.delivery
        )
        assert path.credited >= least
    check_minimums(case)
    assert sender.window.packets_in_flight == 0
    assert sender.window.amount_in_flight == 0


@settings(max_examples=150, deadline=None)
@given(case=cases(hostile=False))
def test_over_a_path_that_heals_what_is_paid_is_what_is_counted(case: Case) -> None:
    _, wire = run(case)
    assert wire.done is not None
    outcome = wire.done.outcome
    assert outcome.totals.source_unresolved == 0
    assert outcome.totals.source_sent == case.path.debited
    assert outcome.totals.delivered == case.path.credited
    if isinstance(case.target, FixedDelivery) and outcome.completed:
        # More than asked only where a source unit is worth more than what is missing.
        excess = case.path.credited - case.target.delivery
        assert 0 <= excess <= case.path.rate.ceil_mul(2)
    if isinstance(case.target, FixedSend) and outcome.completed:
        assert case.path.debited == case.target.source
