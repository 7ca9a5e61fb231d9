"""What can be wrong with a receiver."""

from typing import TypeVar

from servicekit.errors import InvalidArgument, Unavailable

Refused = TypeVar("Refused", bound=InvalidArgument)


class MissingReceiver(InvalidArgument):
    """There is none, by the word of the bank whose it would be."""


def invalid_receiver(url: str, detail: str) -> InvalidArgument:
    """It can't be paid, now at least."""
    return _unusable(InvalidArgument, url, detail)


def missing_receiver(url: str) -> MissingReceiver:
    """It does not exist and will not: the one refusal that ends a payment being sent."""
    return _unusable(MissingReceiver, url, "does not exist")


def _unusable(kind: type[Refused], url: str, detail: str) -> Refused:
    return kind(
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
