"""Builds the packet path."""

from dataclasses import dataclass

from servicekit.clock import Clock
from servicekit.ids import IdSource

from services.backend.connector.assembly import assemble
from services.backend.connector.service import Connector
from services.backend.connector.settlement import PacketLedger, Settlement
from services.backend.connector.steps.balance import Balance
from services.backend.connector.steps.convert_amount import ConvertAmount, PacketRates
from services.backend.connector.steps.count_packets import CountPackets
from services.backend.connector.steps.error_to_reject import ErrorToReject
from services.backend.connector.steps.forward import Forward, PeerLink
from services.backend.connector.steps.ildcp import Ildcp
from services.backend.connector.steps.max_packet_amount import MaxPacketAmount
from services.backend.connector.steps.rate_limit import RateLimit
from services.backend.connector.steps.reduce_expiry import ReduceExpiry
from services.backend.connector.steps.route import Route
from services.backend.connector.steps.stream_receive import CreditListener, Payables, StreamReceive
from services.backend.connector.stream import StreamServer
from services.backend.directory.worker import Directory


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketPath:
    """The connector, and what must be drained before the ledger is closed."""

    connector: Connector
    settlement: Settlement
    counts: CountPackets


def build(
    *,
    directory: Directory,
    server: StreamServer,
    payables: Payables,
    rates: PacketRates,
    ledger: PacketLedger,
    listener: CreditListener,
    link: PeerLink,
    clock: Clock,
    ids: IdSource,
    ilp_address: str,
    rate_limit: RateLimit | None = None,
) -> PacketPath:
    """One packet path a process."""
    settlement = Settlement(ledger=ledger, clock=clock)
    counts = CountPackets()
    pipeline = assemble(
        count_packets=counts,
        error_to_reject=ErrorToReject(ilp_address=ilp_address),
        rate_limit=rate_limit or RateLimit(),
        max_packet_amount=MaxPacketAmount(),
        ildcp=Ildcp(),
        route=Route(),
        stream_receive=StreamReceive(
            server=server, payables=payables, rates=rates, ledger=ledger, listener=listener
        ),
        convert_amount=ConvertAmount(rates),
        reduce_expiry=ReduceExpiry(),
        balance=Balance(ledger=ledger, settlement=settlement, ids=ids),
        forward=Forward(link, clock=clock, ids=ids),
    )
    connector = Connector(
        pipeline=pipeline, directory=directory, clock=clock, ilp_address=ilp_address
    )
    return PacketPath(connector=connector, settlement=settlement, counts=counts)
