"""ILP addresses (RFC 15): grammar, schemes, and the prefix relation at segment borders."""

import re
from functools import lru_cache
from typing import Final

from ilpkit.errors import InvalidAddressError, LocalProtocolError

ADDRESS_BYTES_MAX: Final = 1023
REMEMBERED_ADDRESSES_MAX: Final = 4096
"""Addresses whose validity is remembered each way: packets of a payment repeat theirs."""
SCHEMES: Final = frozenset(
    {"g", "private", "example", "peer", "self", "test", "test1", "test2", "test3", "local"}
)
_NEVER_ROUTED: Final = frozenset({"peer", "self"})
_NOT_ROUTED_BARE: Final = frozenset({"private", "local"})

_ADDRESS: Final = re.compile(
    rb"(?:g|private|example|peer|self|test[1-3]?|local)(?:\.[a-zA-Z0-9_~-]+)+"
)
_SEGMENT: Final = re.compile(r"[a-zA-Z0-9_~-]+")


def is_valid_address(address: str) -> bool:
    """Whether the text is a scheme and one or more segments, at most 1023 characters."""
    return address.isascii() and _is_valid(address.encode("ascii"))


def is_valid_prefix(prefix: str) -> bool:
    """Whether the text may stand in a routing table: empty, a bare scheme, or an address."""
    return prefix == "" or prefix in SCHEMES or is_valid_address(prefix)


def is_routable(prefix: str) -> bool:
    """Whether packets may be routed by this prefix (RFC 15, allocation schemes).

    `peer` and `self` never leave the two ends of a link or a node. `private` and `local` name
    nothing without a first segment: everyone's are different.
    """
    scheme = scheme_of(prefix)
    return scheme not in _NEVER_ROUTED and not (prefix == scheme and scheme in _NOT_ROUTED_BARE)


def is_valid_segment(segment: str) -> bool:
    """Whether the text may be one segment after a scheme."""
    return _SEGMENT.fullmatch(segment) is not None


@lru_cache(maxsize=REMEMBERED_ADDRESSES_MAX)
def decode_address(raw: bytes) -> str:
    """The address that a peer sent; `InvalidAddressError` if it is none."""
    if not _is_valid(raw):
        raise InvalidAddressError("not an ILP address")
    return raw.decode("ascii")


@lru_cache(maxsize=REMEMBERED_ADDRESSES_MAX)
def encode_address(address: str) -> bytes:
    """The bytes of our own address; `LocalProtocolError` if it is none."""
    if not is_valid_address(address):
        raise LocalProtocolError(f"{address[:ADDRESS_BYTES_MAX]!r} is not an ILP address")
    return address.encode("ascii")


def scheme_of(address: str) -> str:
    """The part before the first dot."""
    return address.partition(".")[0]


def has_prefix(address: str, prefix: str) -> bool:
    """Whether `prefix` covers `address` at a segment border; the empty prefix covers all."""
    if not address.startswith(prefix):
        return False
    size = len(prefix)
    return size in (0, len(address)) or address[size] == "."


def _is_valid(raw: bytes) -> bool:
    return len(raw) <= ADDRESS_BYTES_MAX and _ADDRESS.fullmatch(raw) is not None
