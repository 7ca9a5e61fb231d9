"""A payment over a simulated path, and scripts of what goes wrong on it."""

from ilpkit.ilp.packet import Reject
from ilpkit.money import Ratio
from ilpkit.stream.outcome import PaymentOutcome
from ilpkit.stream.packet import StreamPacket, decode_stream_packet
from ilpkit.stream.plan import PaymentTarget
from ilpkit.stream.rate import RateBounds
from ilpkit.stream.sender import (
    PaymentDone,
    PaymentSender,
    SenderLimits,
    SenderState,
)

from tests.support.stream_wire import (
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
