"""A sender and a receiver of STREAM packets, joined by a simulated path in virtual time.

The path converts, limits and misbehaves as told. What the receiver really credited, and what was
really taken from the payer, is counted here, beside what the sender believes.
"""

import heapq
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from hashlib import sha256
from typing import Generic, Protocol, TypeVar

from ilpkit.ilp.error_codes import AmountTooLarge, encode_amount_too_large
from ilpkit.ilp.packet import Fulfill, Prepare, Reject, Reply
from ilpkit.money import Asset, Ratio
from ilpkit.stream.credentials import CredentialsFactory, ReceiverCredentials
from ilpkit.stream.crypto import RandomBytes, StreamKeys
from ilpkit.stream.events import SendPrepare
from ilpkit.stream.receipts import ReceiptSetup
from ilpkit.stream.receiver import Incoming, Receiver, RefusalDialect

STEPS_MAX = 200_000
START_MS = 1_700_000_000_000
RECEIPT_SETUP = ReceiptSetup(bytes(16), bytes(range(32)))


def counted_bytes(seed: int = 0) -> RandomBytes:
    """A source of bytes that never repeats, the same in each run."""
    counter = itertools.count()

    def take(size: int) -> bytes:
        block = sha256(f"{seed}/{next(counter)}".encode()).digest()
        return (block * (size // len(block) + 1))[:size]

    return take


class Fault(Enum):
    """What happens to one packet."""

    NONE = "none"
    LOSE_REQUEST = "lose_request"
    """It never arrives, and nobody answers."""
    LOSE_REPLY = "lose_reply"
    """It arrives and is paid, but the answer is lost."""
    DUPLICATE_REPLY = "duplicate_reply"
    LATE_REPLY = "late_reply"
    """The answer comes after the packet's expiry and margin."""
    STRIP_DATA = "strip_data"
    """A connector removes the receiver's word from the answer."""
    GARBAGE_DATA = "garbage_data"
    ECHO_DATA = "echo_data"
    """A connector rejects with our own data."""
    REPLAY_DATA = "replay_data"
    """A connector rejects with the receiver's word on an earlier packet."""
    FORGE_FULFILLMENT = "forge_fulfillment"
    """A connector claims a payment that the receiver never saw."""


Script = Callable[[int, Prepare], Fault | Reject]
"""What happens to the n-th packet."""


def no_faults(_index: int, _prepare: Prepare) -> Fault | Reject:
    """A path without faults."""
    return Fault.NONE


class Machine(Protocol):
    """What the wire drives."""

    def start(self, now_ms: int) -> Sequence[object]: ...
    def on_reply(self, request_id: int, reply: Reply, now_ms: int) -> Sequence[object]: ...
    def on_lost(self, request_id: int, now_ms: int) -> Sequence[object]: ...
    def on_timer(self, now_ms: int) -> Sequence[object]: ...
    def next_timer(self) -> int | None: ...


@dataclass
class SimulatedPath:
    """The connectors and the receiver between which a payment runs."""

    rate: Ratio = field(default_factory=lambda: Ratio(1, 1))
    max_packet: int | None = None
    """In the unit of the connector that has it, after the conversion."""
    tells_max_packet: bool = True
    liquidity: int | None = None
    """The most source units in flight before T04."""
    packets_at_once: int | None = None
    """The most packets in flight before T05."""
    receive_limit: int | None = None
    """What the receiver takes in all."""
    tells_receive_max: bool = False
    latency_ms: int = 10
    tells_lost: bool = True
    """Whether the sender learns that an answer will not come."""
    script: Script = no_faults
    asset: Asset | None = None
    receipts: bool = False
    dialect: RefusalDialect = RefusalDialect.APPLICATION_ERROR

    def __post_init__(self) -> None:
        factory = CredentialsFactory(bytes(32), "test.receiver")
        self.credentials: ReceiverCredentials = factory.make(
            counted_bytes(1),
            asset=self.asset,
            receipt_setup=RECEIPT_SETUP if self.receipts else None,
        )
        self.receiver = Receiver(
            credentials=factory, random_bytes=counted_bytes(2), dialect=self.dialect
        )
        self.keys = StreamKeys(self.credentials.shared_secret)
        self.credited = 0
        """Destination units that the receiver has."""
        self.debited = 0
        """Source units that were paid for."""
        self.prepares: list[Prepare] = []
        self.incoming: list[Incoming] = []
        self.amount_in_flight = 0
        self.packets_in_flight = 0
        self.packets_in_flight_max = 0
        self.seen_word = b""

    def reply(self, prepare: Prepare) -> Reply:
        """The path's answer to a packet that arrives."""
        if self.liquidity is not None and self.amount_in_flight > self.liquidity:
            return Reject("T04", "test.connector", "no liquidity")
        if self.packets_at_once is not None and self.packets_in_flight > self.packets_at_once:
            return Reject("T05", "test.connector", "too fast")
        amount = self.rate.floor_mul(prepare.amount)
        if self.max_packet is not None and amount > self.max_packet:
            data = (
                encode_amount_too_large(AmountTooLarge(amount, self.max_packet))
                if self.tells_max_packet
                else b""
            )
            return Reject("F08", "test.connector", "too large", data)
        return self._receive(prepare, amount)

    def _receive(self, prepare: Prepare, amount: int) -> Reply:
        opened = self.receiver.open(prepare._replace(amount=amount))
        if isinstance(opened, Reject):
            return opened
        self.incoming.append(opened)
        maximum = self.receive_limit if self.tells_receive_max else None
        if not opened.fulfillable:
            return opened.refuse(total_received=self.credited, receive_max=maximum)
        if self.receive_limit is not None and self.credited + amount > self.receive_limit:
            return opened.decline("F99")
        self.credited += amount
        self.debited += prepare.amount
        return opened.fulfill(total_received=self.credited, receive_max=maximum)

    def misbehave(self, prepare: Prepare, fault: Fault) -> Reply | None:
        """The answer to a packet that meets this fault, or None for silence."""
        instead: dict[Fault, Reply | None] = {
            Fault.LOSE_REQUEST: None,
            Fault.FORGE_FULFILLMENT: Fulfill(bytes(32)),
            Fault.ECHO_DATA: Reject("F99", "test.connector", "", prepare.data),
            Fault.REPLAY_DATA: Reject("F99", "test.connector", "", self.seen_word),
        }
        if fault in instead:
            return instead[fault]
        reply = self.reply(prepare)
        if fault is Fault.LOSE_REPLY:
            return None
        if fault is Fault.STRIP_DATA:
            return reply._replace(data=b"")
        if fault is Fault.GARBAGE_DATA:
            return reply._replace(data=bytes(40))
        if reply.data:
            self.seen_word = reply.data
        return reply


M = TypeVar("M", bound=Machine)
D = TypeVar("D")


class Wire(Generic[M, D]):
    """Drives one machine to its end over one path, in virtual time."""

    def __init__(self, machine: M, path: SimulatedPath, *, done_type: type[D]) -> None:
        self.machine = machine
        self.path = path
        self.now_ms = START_MS
        self.done: D | None = None
        self.on_step: Callable[[], None] = lambda: None
        self._done_type = done_type
        self._events: list[tuple[int, int, Callable[[], Sequence[object]]]] = []
        self._ids = itertools.count()

    def run(self) -> D:
        """The machine's last output."""
        self._take(self.machine.start(self.now_ms))
        for _ in range(STEPS_MAX):
            if self.done is not None:
                return self.done
            timer = self.machine.next_timer()
            if self._events and (timer is None or self._events[0][0] <= timer):
                self.now_ms, _, event = heapq.heappop(self._events)
                self._take(event())
            else:
                assert timer is not None, "the machine waits for nothing"
                assert timer >= self.now_ms, "the timer is in the past"
                self.now_ms = timer
                self._take(self.machine.on_timer(timer))
            self.on_step()
        raise AssertionError("the machine does not end")

    def drain(self) -> None:
        """Deliver what is still under way after the end."""
        while self._events:
            self.now_ms, _, event = heapq.heappop(self._events)
            assert not event()

    def _take(self, outputs: Sequence[object]) -> None:
        for output in outputs:
            assert self.done is None, "an output after the end"
            if isinstance(output, SendPrepare):
                self._send(output)
            else:
                assert isinstance(output, self._done_type)
                self.done = output

    def _at(self, delay_ms: int, event: Callable[[], Sequence[object]]) -> None:
        heapq.heappush(self._events, (self.now_ms + delay_ms, next(self._ids), event))

    def _send(self, sent: SendPrepare) -> None:
        path, request_id, prepare = self.path, sent.request_id, sent.prepare
        index = len(path.prepares)
        path.prepares.append(prepare)
        path.packets_in_flight += 1
        path.packets_in_flight_max = max(path.packets_in_flight_max, path.packets_in_flight)
        path.amount_in_flight += prepare.amount
        fault = path.script(index, prepare)
        reply = fault if isinstance(fault, Reject) else path.misbehave(prepare, fault)
        delay_ms = path.latency_ms
        if fault is Fault.LATE_REPLY:
            delay_ms += 60_000

        def arrive() -> Sequence[object]:
            path.packets_in_flight -= 1
            path.amount_in_flight -= prepare.amount
            if reply is None:
                return self.machine.on_lost(request_id, self.now_ms) if path.tells_lost else []
            return self.machine.on_reply(request_id, reply, self.now_ms)

        self._at(delay_ms, arrive)
        if fault is Fault.DUPLICATE_REPLY and reply is not None:
            duplicate = reply
            self._at(
                delay_ms + 1, lambda: self.machine.on_reply(request_id, duplicate, self.now_ms)
            )
