"""What the sending machines ask of the shell around them."""

from typing import NamedTuple

from ilpkit.ilp.packet import Prepare


class SendPrepare(NamedTuple):
    """Send this packet, and hand its reply back under the same id."""

    request_id: int
    prepare: Prepare
    fulfillable: bool = True
    """Whether the receiver can fulfill it. Nobody can when its condition is random, so that its
    money can't be owed to anyone, whatever becomes of the packet."""
