"""Decides where a packet goes: to an account of this node, or to a peer."""

from ilpkit.errors import RemoteProtocolError
from ilpkit.ilp.error_codes import F02_UNREACHABLE
from ilpkit.ilp.packet import Reply

from services.backend.connector.context import PacketContext
from services.backend.connector.pipeline import Next
from services.backend.directory.model import OwnRoute


class Route:
    """Asks the directory, as quotes and ExplainRoute do."""

    async def __call__(self, context: PacketContext, forward: Next) -> Reply:
        """Fill in `local` or `peer`; F02 when neither is found."""
        source, destination = context.source, context.prepare.destination
        route = context.snapshot.decide(source.tenant_id, destination, source=source.peer)
        if route is None:
            raise RemoteProtocolError(f"no route to {destination[:128]}", ilp_code=F02_UNREACHABLE)
        if isinstance(route, OwnRoute):
            context.local = route.tenant
        else:
            context.peer = route.entry
        return await forward(context)
