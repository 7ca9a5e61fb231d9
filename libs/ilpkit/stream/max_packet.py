"""How large a packet a path carries: told by F08 replies, or searched for where they say nothing.

Rules of this file:
- *limit* is the least amount known to be too large, less one; *verified* the greatest known to
  arrive.
- F08 data is a connector's word in its own unit: the limit becomes floor(maximum x sent /
  received).
- Without usable data the next amount halves the gap between *verified* and *limit*, until the gap
  is small beside the limit; then *verified* is the limit.
- A limit only falls. An amount of zero means that nothing passes.

| state     | next amount           | F08 with data | F08 without | packet arrived        |
|-----------|-----------------------|---------------|-------------|-----------------------|
| UNLIMITED | no limit              | KNOWN         | SEARCHING   | UNLIMITED             |
| KNOWN     | limit                 | KNOWN         | SEARCHING   | KNOWN                 |
| SEARCHING | middle of the gap     | KNOWN         | SEARCHING   | KNOWN if gap is small |

Source: RFC 0027 (F08 data), RFC 0029 section 5.2 (path maximum packet amount).
"""

from enum import Enum
from typing import Final, final

from ilpkit.errors import LocalProtocolError

GAP_DIVISOR: Final = 16
"""A search ends at a gap of a sixteenth of the limit: more round trips gain too little."""


class PathLimit(Enum):
    """What is known of a path's maximum packet amount."""

    UNLIMITED = "unlimited"
    KNOWN = "known"
    SEARCHING = "searching"


# Reading a member from its class costs 0.2 us in Python 3.11.
_UNLIMITED: Final = PathLimit.UNLIMITED
_KNOWN: Final = PathLimit.KNOWN
_SEARCHING: Final = PathLimit.SEARCHING


@final
class MaxPacketSearch:
    """The path's maximum packet amount, in source units, as replies reveal it."""

    __slots__ = ("_limit", "_verified", "state")

    def __init__(self, *, limit: int | None = None) -> None:
        if limit is not None and limit <= 0:
            raise LocalProtocolError(f"a path limit of {limit} carries nothing")
        self.state = _UNLIMITED if limit is None else _KNOWN
        self._limit = 0 if limit is None else limit
        self._verified = 0

    @property
    def limit(self) -> int | None:
        """The greatest amount not known to be too large, or None while nothing was too large."""
        return None if self.state is _UNLIMITED else self._limit

    @property
    def verified(self) -> int:
        """The greatest amount seen to arrive at the receiver."""
        return self._verified

    @property
    def next_amount(self) -> int | None:
        """The amount for the next packet, or None where no limit is known."""
        if self.state is _KNOWN:
            return self._limit
        if self.state is _UNLIMITED:
            return None
        return self._verified + (self._limit - self._verified + 1) // 2

    def on_arrived(self, amount: int) -> None:
        """A packet of this amount reached the receiver, whatever the receiver then answered."""
        if amount > self._verified:
            self._verified = amount if self.state is _UNLIMITED else min(amount, self._limit)
            self._settle()

    def on_too_large(self, amount: int, *, received: int | None = None, maximum: int = 0) -> None:
        """A connector answered F08 to this amount, with its own view of it where it sent one.

        Args:
            amount: what was sent, in source units.
            received: what the connector says it received, in its unit; None where it said nothing.
            maximum: the most that the connector takes, in its unit.
        """
        if not amount:
            # Nothing can't be too large: whoever says so says nothing about the path.
            return
        # Data that contradicts the error is as good as none.
        precise = received is not None and maximum < received
        limit = maximum * amount // received if precise and received else amount - 1
        if self.state is not _UNLIMITED and limit >= self._limit:
            return
        self.state = _KNOWN if precise else _SEARCHING
        self._limit = limit
        # What passed a moment ago may not pass now: the path's limit moved.
        self._verified = min(self._verified, limit)
        self._settle()

    def _settle(self) -> None:
        if (
            self.state is _SEARCHING
            and self._verified
            and self._limit - self._verified <= self._limit // GAP_DIVISOR
        ):
            self.state = _KNOWN
            self._limit = self._verified
