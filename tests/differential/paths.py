"""Paths that end at a reference package, and our receiver as reference senders meet it."""

from dataclasses import dataclass
from typing import Any

from ilpkit.ilp.ildcp import (
    ILDCP_DESTINATION,
    PeerConfiguration,
    check_ildcp_request,
    make_ildcp_response,
)
from ilpkit.ilp.packet import (
    Prepare,
    Reply,
    decode_prepare,
    decode_reply,
    encode_prepare,
    encode_reply,
)
from ilpkit.money import Asset
from ilpkit.stream.crypto import StreamKeys
from ilpkit.stream.outcome import PaymentOutcome
from ilpkit.stream.plan import PaymentTarget
from ilpkit.stream.probe import ProbeDone, ProbeOutcome, RateProbe
from ilpkit.stream.sender import PaymentDone, PaymentSender

from tests.differential.node_driver import NodeDriver
from tests.support.stream_wire import SimulatedPath, Wire, counted_bytes


class NodePath(SimulatedPath):
    """A simulated path to a receiver of a reference package."""

    def connect(self, node: NodeDriver, package: str, **args: Any) -> None:
        """Open a connection of the package's and make it the path's end."""
        created = node(f"{package}.create", **args)
        self.node = node
        self.package = package
        self.destination: str = created["destination"]
        self.keys = StreamKeys(bytes.fromhex(created["shared_secret"]))
        self.deliver_args: dict[str, Any] = {}

    def _receive(self, prepare: Prepare, amount: int) -> Reply:
        packet = encode_prepare(prepare._replace(amount=amount)).hex()
        raw = self.node(f"{self.package}.deliver", packet=packet, **self.deliver_args)
        return decode_reply(bytes.fromhex(raw))

    def total(self) -> int:
        """What the package's receiver says it has."""
        return int(self.totals()["total"])

    def totals(self) -> dict[str, Any]:
        """Everything that the package's receiver counted."""
        counted: dict[str, Any] = self.node(f"{self.package}.totals", destination=self.destination)
        return counted

    def pay(self, target: PaymentTarget, *, data: bytes = b"") -> PaymentOutcome:
        """Pay with our sender."""
        sender = PaymentSender(
            keys=self.keys,
            destination=self.destination,
            target=target,
            random_bytes=counted_bytes(5),
            data=data,
        )
        wire = Wire(sender, self, done_type=PaymentDone)
        outcome = wire.run().outcome
        wire.drain()
        return outcome

    def probe(self) -> ProbeOutcome:
        """Probe with our probe, the asset unknown."""
        machine = RateProbe(
            keys=self.keys, destination=self.destination, random_bytes=counted_bytes(6)
        )
        wire = Wire(machine, self, done_type=ProbeDone)
        outcome = wire.run().outcome
        wire.drain()
        return outcome


@dataclass
class ReceivingNode:
    """Answers a reference sender's packets: ILDCP, a conversion, a limit, then our receiver."""

    path: SimulatedPath
    sender_asset: Asset
    sender_address: str = "test.sender"

    def __call__(self, packet: bytes) -> bytes:
        """The reply's bytes; a packet that we can't read fails the test that sent it."""
        prepare = decode_prepare(packet)
        if prepare.destination == ILDCP_DESTINATION:
            check_ildcp_request(prepare)
            configuration = PeerConfiguration(self.sender_address, self.sender_asset)
            return encode_reply(make_ildcp_response(configuration))
        self.path.prepares.append(prepare)
        return encode_reply(self.path.reply(prepare))
