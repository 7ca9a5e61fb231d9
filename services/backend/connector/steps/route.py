"""Decides where a packet goes: to an account of this node, or to a peer."""

from ilpkit.errors import RemoteProtocolError
from ilpkit.ilp.error_codes import F02_UNREACHABLE
from ilpkit.ilp.packet import Reply

from services.backend.connector.context import PacketContext
from services.backend.connector.pipeline import Next
from services.backend.directory.model import PeerEntry


class Route:
    """The longest prefix wins: own addresses, and the routes of the source's tenant."""

    async def __call__(self, context: PacketContext, forward: Next) -> Reply:
        """Fill in `local` or `peer`; F02 when neither is found."""
        destination = context.prepare.destination
        context.local = context.snapshot.local_tenant(context.source.tenant_id, destination)
        if context.local is None:
            context.peer = _next_hop(context, destination)
            if context.peer is None:
                raise RemoteProtocolError(
                    f"no route to {destination[:128]}", ilp_code=F02_UNREACHABLE
                )
        return await forward(context)


def _next_hop(context: PacketContext, destination: str) -> PeerEntry | None:
    """The peer that the address lies behind, unless the packet came from there."""
    source = context.source
    entry = context.snapshot.route(source.tenant_id, destination)
    if entry is None or (source.peer is not None and entry.peer.id == source.peer.peer.id):
        return None
    return entry
