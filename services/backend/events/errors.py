"""What can be wrong with a question about events."""

from uuid import UUID

from servicekit.errors import InvalidArgument, NotFound, ResourceExhausted


def unknown_event(event_id: UUID | str) -> NotFound:
    """No such event, or not for this caller."""
    return NotFound(
        "UNKNOWN_EVENT", f"there is no event {event_id}", metadata={"id": str(event_id)}
    )


def invalid_cursor() -> InvalidArgument:
    """It is none that this server gave out."""
    return InvalidArgument(
        "INVALID_PAGE",
        "cursor is none that this server gave out",
        field="cursor",
        metadata={"field": "cursor"},
    )


def too_many(field: str, limit: int) -> InvalidArgument:
    """More than a call may ask for."""
    return InvalidArgument(
        "INVALID_FIELD",
        f"{field} is at most {limit}",
        field=field,
        metadata={"field": field, "limit": str(limit)},
    )


def too_many_readers() -> ResourceExhausted:
    """Too many calls wait for events."""
    return ResourceExhausted("OVERLOADED", "too many calls wait for events; ask again later")
