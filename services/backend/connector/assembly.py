"""THE order of the packet path, and why."""

from services.backend.connector.pipeline import Next, Step, compose
from services.backend.connector.steps.balance import Balance
from services.backend.connector.steps.convert_amount import ConvertAmount
from services.backend.connector.steps.count_packets import CountPackets
from services.backend.connector.steps.error_to_reject import ErrorToReject
from services.backend.connector.steps.forward import Forward
from services.backend.connector.steps.ildcp import Ildcp
from services.backend.connector.steps.max_packet_amount import MaxPacketAmount
from services.backend.connector.steps.rate_limit import RateLimit
from services.backend.connector.steps.reduce_expiry import ReduceExpiry
from services.backend.connector.steps.route import Route
from services.backend.connector.steps.stream_receive import StreamReceive


def assemble(
    *,
    count_packets: CountPackets,
    error_to_reject: ErrorToReject,
    rate_limit: RateLimit,
    max_packet_amount: MaxPacketAmount,
    ildcp: Ildcp,
    route: Route,
    stream_receive: StreamReceive,
    convert_amount: ConvertAmount,
    reduce_expiry: ReduceExpiry,
    balance: Balance,
    forward: Forward,
) -> Next:
    """One function for all packets, from peers and from this node's own payments."""
    steps: list[Step] = [
        count_packets,  # outermost: it sees what is answered
        error_to_reject,  # every error below becomes a Reject
        rate_limit,  # before any work is done for a peer that sends too much
        max_packet_amount,  # the peer's own limit, whatever the destination
        ildcp,  # before routing: `peer.config` is in no routing table
        route,  # from here on it is known where the packet goes
        stream_receive,  # packets for this node end here
        convert_amount,  # the next hop's amount, before money is reserved for it
        reduce_expiry,  # refuses what can't make it before money is reserved
        balance,  # reserves around the forwarding, and settles by its reply
        forward,  # the next hop
    ]
    return compose(steps)
