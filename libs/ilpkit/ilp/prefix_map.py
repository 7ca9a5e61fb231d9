"""A routing table: the value of the longest prefix that covers an address at a segment border."""

from collections.abc import Iterator
from typing import Generic, TypeVar, final

from ilpkit.errors import LocalProtocolError
from ilpkit.ilp.address import is_valid_prefix

T = TypeVar("T")


@final
class PrefixMap(Generic[T]):
    """Values by address prefix; the empty prefix is the default for everything.

    A lookup tries the address cut at each border, longest first, and no deeper than the deepest
    prefix in the table: an address of many segments costs no more than a short one.
    """

    __slots__ = ("_at_depth", "_depth_max", "_values")

    def __init__(self) -> None:
        self._values: dict[str, T] = {}
        self._at_depth: dict[int, int] = {}
        """How many prefixes have so many segments."""
        self._depth_max: int = 0

    def copy(self) -> "PrefixMap[T]":
        """Another map of the same values; a change of one is none of the other."""
        other: PrefixMap[T] = PrefixMap()
        other._values = self._values.copy()
        other._at_depth = self._at_depth.copy()
        other._depth_max = self._depth_max
        return other

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def get(self, prefix: str) -> T | None:
        """The value of exactly this prefix."""
        return self._values.get(prefix)

    def insert(self, prefix: str, value: T) -> None:
        """Sets the value of a prefix; `LocalProtocolError` if it is no scheme or address."""
        if not is_valid_prefix(prefix):
            raise LocalProtocolError(f"{prefix!r} is not an address prefix")
        if prefix not in self._values:
            depth = _depth(prefix)
            self._at_depth[depth] = self._at_depth.get(depth, 0) + 1
            self._depth_max = max(self._depth_max, depth)
        self._values[prefix] = value

    def remove(self, prefix: str) -> T | None:
        """Takes out a prefix and returns its value, if it was there."""
        if prefix not in self._values:
            return None
        depth = _depth(prefix)
        self._at_depth[depth] -= 1
        if not self._at_depth[depth]:
            del self._at_depth[depth]
            self._depth_max = max(self._at_depth, default=0)
        return self._values.pop(prefix)

    def resolve(self, address: str) -> T | None:
        """The value of the longest prefix that covers the address."""
        route = self.resolve_route(address)
        return None if route is None else route[1]

    def resolve_route(self, address: str) -> tuple[str, T] | None:
        """The longest prefix that covers the address, and its value."""
        prefix = address
        segments = address.split(".", self._depth_max)
        if len(segments) > self._depth_max:
            prefix = ".".join(segments[:-1])
        while prefix:
            if prefix in self._values:
                return prefix, self._values[prefix]
            prefix = prefix.rpartition(".")[0]
        return ("", self._values[""]) if "" in self._values else None


def _depth(prefix: str) -> int:
    return prefix.count(".") + 1 if prefix else 0
