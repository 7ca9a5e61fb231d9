"""What a probe learns of simulated paths, how fast, and without moving money."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ilpkit.errors import LocalProtocolError
from ilpkit.ilp.packet import Fulfill, Prepare, Reject
from ilpkit.money import Asset, Ratio
from ilpkit.stream.events import SendPrepare
from ilpkit.stream.frames import ConnectionAssetDetails, ConnectionClose, Frame, StreamMoney
from ilpkit.stream.probe import (
    PROBE_AMOUNTS,
    PROBE_PACKETS_MAX,
    ProbeDone,
    ProbeEnd,
    ProbeLimits,
    ProbeOutcome,
    RateProbe,
)
from ilpkit.stream.receiver import RefusalDialect

from tests.support.stream_wire import START_MS, Fault, SimulatedPath, Wire, counted_bytes

USD = Asset("USD", 2)


def make_probe(
    path: SimulatedPath, asset: Asset | None = USD, limits: ProbeLimits | None = None
) -> RateProbe:
    return RateProbe(
        keys=path.keys,
        destination=path.credentials.ilp_address,
        random_bytes=counted_bytes(4),
        asset=asset,
        limits=limits,
    )


def probe(path: SimulatedPath, asset: Asset | None = USD) -> ProbeOutcome:
    wire = Wire(make_probe(path, asset), path, done_type=ProbeDone)
    outcome = wire.run().outcome
    wire.drain()
    assert path.credited == path.debited == 0
    assert wire.machine.next_timer() is None
    return outcome


def only_positive(reject: Reject, *, times: int = 1_000) -> SimulatedPath:
    """A path that answers its first positive amounts with this Reject."""
    path = SimulatedPath()
    left = [times]

    def script(_index: int, prepare: Prepare) -> Fault | Reject:
        if not prepare.amount or not left[0]:
            return Fault.NONE
        left[0] -= 1
        return reject

    path.script = script
    return path


@pytest.mark.parametrize("dialect", list(RefusalDialect))
def test_an_open_path_is_known_after_one_round_trip(dialect: RefusalDialect) -> None:
    path = SimulatedPath(rate=Ratio(91, 100), dialect=dialect)
    wire = Wire(make_probe(path), path, done_type=ProbeDone)
    outcome = wire.run().outcome
    assert outcome.end is ProbeEnd.COMPLETED
    assert outcome.max_packet_amount is None
    assert wire.now_ms - START_MS == path.latency_ms
    assert outcome.rate.low == Ratio(91, 100)
    assert outcome.rate.high == Ratio(91 * 10**10 + 1, 10**12)
    assert sorted(prepare.amount for prepare in path.prepares) == sorted(PROBE_AMOUNTS)
    assert outcome.next_sequence == len(PROBE_AMOUNTS)


def test_a_path_that_tells_its_maximum_is_known_after_two_round_trips() -> None:
    path = SimulatedPath(rate=Ratio(1, 3), max_packet=12_345)
    wire = Wire(make_probe(path), path, done_type=ProbeDone)
    outcome = wire.run().outcome
    assert outcome.end is ProbeEnd.COMPLETED
    assert outcome.max_packet_amount is not None
    assert 12_345 * 3 <= outcome.max_packet_amount <= 12_345 * 3 + 2
    assert wire.now_ms - START_MS == 2 * path.latency_ms


def test_a_path_that_does_not_tell_is_searched() -> None:
    path = SimulatedPath(max_packet=777_777, tells_max_packet=False)
    outcome = probe(path)
    assert outcome.end is ProbeEnd.COMPLETED
    assert outcome.max_packet_amount is not None
    assert 720_000 < outcome.max_packet_amount <= 777_777
    assert len(path.prepares) < 20


def test_a_maximum_below_all_probes_is_searched_for() -> None:
    outcome = probe(SimulatedPath(max_packet=3, tells_max_packet=False))
    assert outcome.end is ProbeEnd.COMPLETED
    assert outcome.max_packet_amount == 3


def test_a_path_that_carries_nothing_says_so() -> None:
    assert probe(SimulatedPath(max_packet=0)).end is ProbeEnd.NOTHING_PASSES
    assert probe(only_positive(Reject("R01"))).end is ProbeEnd.NOTHING_PASSES


def test_a_lack_of_liquidity_is_a_maximum_for_a_probe() -> None:
    path = SimulatedPath()
    path.script = lambda _, prepare: Reject("T04") if prepare.amount > 5_000 else Fault.NONE
    outcome = probe(path)
    assert outcome.end is ProbeEnd.COMPLETED
    assert outcome.max_packet_amount is not None
    assert 4_600 < outcome.max_packet_amount <= 5_000


def test_temporary_errors_are_tried_again() -> None:
    outcome = probe(only_positive(Reject("T00"), times=25))
    assert outcome.end is ProbeEnd.COMPLETED
    assert outcome.max_packet_amount is None


def test_tries_are_bounded() -> None:
    path = only_positive(Reject("T00"))
    wire = Wire(make_probe(path), path, done_type=ProbeDone)
    assert wire.run().outcome.end in {ProbeEnd.NOTHING_PASSES, ProbeEnd.TIMEOUT}
    assert len(path.prepares) <= PROBE_PACKETS_MAX


def test_a_silent_path_times_out() -> None:
    path = SimulatedPath(script=lambda *_: Fault.LOSE_REQUEST, tells_lost=False)
    wire = Wire(make_probe(path), path, done_type=ProbeDone)
    outcome = wire.run().outcome
    assert outcome.end is ProbeEnd.TIMEOUT
    assert wire.now_ms - START_MS == 10_000
    assert not outcome.rate.known


def test_what_was_learned_by_the_time_limit_is_the_result() -> None:
    path = SimulatedPath(tells_lost=False)
    path.script = lambda _, p: Fault.LOSE_REQUEST if p.amount > 10**6 else Fault.NONE
    outcome = probe(path)
    assert outcome.end is ProbeEnd.COMPLETED
    assert outcome.max_packet_amount == 10**6


def test_packets_known_to_be_lost_are_not_waited_for() -> None:
    path = SimulatedPath()
    path.script = lambda _, p: Fault.LOSE_REQUEST if p.amount > 10**6 else Fault.NONE
    wire = Wire(make_probe(path), path, done_type=ProbeDone)
    assert wire.run().outcome.max_packet_amount == 10**6
    assert wire.now_ms - START_MS == path.latency_ms


def test_a_final_error_ends_the_probe_with_its_code() -> None:
    path = SimulatedPath(script=lambda *_: Reject("F02", "test.connector", "no route"))
    outcome = probe(path)
    assert outcome.end is ProbeEnd.CONNECTOR_ERROR
    assert (outcome.ilp_code, outcome.message) == ("F02", "no route")


def test_data_that_is_not_the_receivers_word_teaches_no_rate() -> None:
    path = SimulatedPath(script=lambda *_: Fault.ECHO_DATA)
    outcome = probe(path)
    assert outcome.end is ProbeEnd.NOTHING_PASSES
    assert not outcome.rate.known


def test_a_forged_fulfillment_teaches_nothing() -> None:
    outcome = probe(SimulatedPath(script=lambda *_: Fault.FORGE_FULFILLMENT))
    assert outcome.end is ProbeEnd.NOTHING_PASSES


# Assets


def test_an_unknown_asset_is_asked_for_in_the_same_round_trip() -> None:
    path = SimulatedPath(asset=Asset("EUR", 9))
    wire = Wire(make_probe(path, None), path, done_type=ProbeDone)
    outcome = wire.run().outcome
    assert outcome.end is ProbeEnd.COMPLETED
    assert outcome.asset == Asset("EUR", 9)
    assert wire.now_ms - START_MS == path.latency_ms
    beside = path.prepares[1].destination
    assert beside.split(".")[-2:] == ["_", path.credentials.ilp_address.rsplit(".", 1)[1]]


def test_a_receiver_that_names_no_asset_leaves_it_unknown() -> None:
    outcome = probe(SimulatedPath(), None)
    assert outcome.end is ProbeEnd.COMPLETED
    assert outcome.asset is None


def test_the_asset_packet_beside_the_address_is_left_out_where_it_does_not_fit() -> None:
    path = SimulatedPath()
    machine = RateProbe(
        keys=path.keys, destination="test." + "a" * 1_018, random_bytes=counted_bytes(4)
    )
    assert len(machine.start(START_MS)) == len(PROBE_AMOUNTS) + 1


def answer_first(
    path: SimulatedPath, asset: Asset | None, *frames: Frame
) -> tuple[RateProbe, list[object]]:
    machine = make_probe(path, asset)
    sent = machine.start(START_MS)[0]
    assert isinstance(sent, SendPrepare)
    incoming = path.receiver.open(sent.prepare)
    assert not isinstance(incoming, Reject)
    reply = incoming.decline(frames=frames)
    return machine, [*machine.on_reply(sent.request_id, reply, START_MS)]


def test_another_asset_than_expected_is_a_conflict() -> None:
    _, outputs = answer_first(SimulatedPath(), USD, ConnectionAssetDetails("EUR", 2))
    (done,) = outputs
    assert isinstance(done, ProbeDone)
    assert done.outcome.end is ProbeEnd.ASSET_CONFLICT


@pytest.mark.parametrize("code", ["", "X" * 256])
def test_an_asset_without_a_usable_code_is_ignored(code: str) -> None:
    machine, outputs = answer_first(SimulatedPath(), None, ConnectionAssetDetails(code, 2))
    assert outputs == []
    assert machine.next_timer() == START_MS + 10_000


def test_other_frames_tell_a_probe_nothing() -> None:
    _, outputs = answer_first(SimulatedPath(), USD, StreamMoney(1, 1))
    assert outputs == []


def test_a_close_by_the_receiver_ends_the_probe() -> None:
    _, outputs = answer_first(SimulatedPath(), USD, ConnectionClose(1))
    (done,) = outputs
    assert isinstance(done, ProbeDone)
    assert done.outcome.end is ProbeEnd.CLOSED_BY_RECEIVER


# Life


def test_a_probe_starts_once_and_ignores_what_it_did_not_send() -> None:
    machine = make_probe(SimulatedPath(), limits=ProbeLimits(timeout_ms=500))
    assert machine.next_timer() is None
    assert machine.on_timer(START_MS) == []
    assert machine.on_lost(3, START_MS) == []
    assert machine.on_reply(3, Fulfill(bytes(32)), START_MS) == []
    machine.start(START_MS)
    assert machine.next_timer() == START_MS + 500
    with pytest.raises(LocalProtocolError, match="once"):
        machine.start(START_MS)


@pytest.mark.property
@settings(max_examples=150, deadline=None)
@given(
    rate=st.builds(Ratio, st.integers(1, 10**6), st.integers(1, 10**6)),
    max_packet=st.none() | st.integers(0, 10**15),
    tells=st.booleans(),
    tells_lost=st.booleans(),
    script=st.lists(
        st.sampled_from(list(Fault)) | st.sampled_from(["T00", "T04", "F08", "F99"]).map(Reject),
        max_size=30,
    ),
)
def test_a_probe_always_ends_and_what_it_learned_is_true(
    rate: Ratio,
    max_packet: int | None,
    tells: bool,
    tells_lost: bool,
    script: list[Fault | Reject],
) -> None:
    path = SimulatedPath(
        rate=rate,
        max_packet=max_packet,
        tells_max_packet=tells,
        tells_lost=tells_lost,
        script=lambda index, _: script[index] if index < len(script) else Fault.NONE,
    )
    outcome = probe(path)
    assert len(path.prepares) <= PROBE_PACKETS_MAX
    if outcome.end is ProbeEnd.COMPLETED:
        assert outcome.rate.low is None or outcome.rate.low <= rate
        assert outcome.rate.high is not None
        assert rate < outcome.rate.high
        if outcome.max_packet_amount is not None and max_packet is not None:
            assert rate.floor_mul(outcome.max_packet_amount) <= max_packet
