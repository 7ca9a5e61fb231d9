"""Tells a peer its address and asset when it asks for its configuration (RFC 31)."""

from ilpkit.ilp.ildcp import (
    ILDCP_DESTINATION,
    PeerConfiguration,
    check_ildcp_request,
    make_ildcp_response,
)
from ilpkit.ilp.packet import Reply

from services.backend.connector.context import PacketContext
from services.backend.connector.pipeline import Next


class Ildcp:
    """Answers `peer.config`."""

    async def __call__(self, context: PacketContext, forward: Next) -> Reply:
        """Answer, or hand on what asks for something else."""
        peer = context.source.peer
        if peer is None or context.prepare.destination != ILDCP_DESTINATION:
            return await forward(context)
        check_ildcp_request(context.prepare)
        return make_ildcp_response(PeerConfiguration(peer.peer.static_ilp_address, peer.asset.unit))
