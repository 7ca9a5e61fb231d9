"""What peering by URL adds to a process."""

from servicekit.commands import Commands
from servicekit.parts import Part, Route

from services.backend.auto_peering.build import AutoPeering
from services.backend.auto_peering.http_handler import PATH, AutoPeeringHandler


def part(
    peering: AutoPeering,
    *,
    commands: Commands,
    ilp_address: str,
    connector_url: str,
    name: str,
) -> Part:
    """Where other nodes ask this one; asking others is an RPC of peers."""
    handler = AutoPeeringHandler(
        accept=peering.accept,
        commands=commands,
        ilp_address=ilp_address,
        connector_url=connector_url,
        name=name,
    )
    return Part(routes=[Route(method="POST", path=PATH, handler=handler)])
