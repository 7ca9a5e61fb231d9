"""What can be wrong with a receiver."""

from servicekit.errors import InvalidArgument, Unavailable


def invalid_receiver(url: str, detail: str) -> InvalidArgument:
    """It can't be paid."""
    return InvalidArgument(
        "INVALID_RECEIVER",
        f"the receiver {url} {detail}",
        field="receiver",
        metadata={"receiver": url, "detail": detail},
    )


def remote_unavailable(url: str, detail: str) -> Unavailable:
    """Its bank, or its bank's authorization server, does not answer as it should."""
    return Unavailable(
        "REMOTE_UNAVAILABLE", f"{url} {detail}; try again later", metadata={"url": url}
    )
