"""What the packet path adds to a process."""

from servicekit.parts import HealthCheck, Part, Route

from services.backend.connector.build import PacketPath
from services.backend.connector.http_handler import ILP_PATHS, IlpHandler
from services.backend.connector.servicer import ConnectorServicer


def part(packets: PacketPath) -> Part:
    """Packets over HTTP and gRPC, and whether all of them could be settled."""
    handler = IlpHandler(packets.connector)
    return Part(
        servicers=[ConnectorServicer(packets.connector)],
        routes=[Route(method="POST", path=path, handler=handler) for path in ILP_PATHS],
        checks={"settlement": HealthCheck(check=packets.settlement.check, vital=False)},
        measures=packets.counts.measures,
    )
