"""What can be wrong with the resolution of an entry."""

from uuid import UUID

from servicekit.errors import FailedPrecondition, NotFound

from services.backend.unknown_packets.model import Resolution


def no_such_packet(packet_id: UUID | str) -> NotFound:
    """No such entry for this tenant."""
    return NotFound(
        "UNKNOWN_TRANSFER",
        f"there is no packet {packet_id} whose outcome is unknown",
        metadata={"id": str(packet_id)},
    )


def resolved_before(resolution: Resolution) -> FailedPrecondition:
    """The entry was resolved the other way."""
    return FailedPrecondition(
        "TRANSFER_RESOLVED",
        f"the packet was resolved to the {resolution.lower()} before",
        metadata={"state": resolution},
    )
