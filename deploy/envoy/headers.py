"""Which headers of outside requests get inside: the rest mean something inside, or nothing.

Envoy, gRPC and the transcoder act on headers whose names they define (`grpc-timeout`, `te`, names
that end in `-bin`, ...), and a malformed one of these breaks the connection that other callers'
calls share. A list of what is refused would never be complete, so this one says what passes.
"""

from collections.abc import Iterable
from typing import Final

GUARD_HEADERS: Final = (
    "accept",
    "authorization",
    "content-digest",
    "content-encoding",
    "content-length",
    "content-type",
    "date",
    "digest",
    "idempotency-key",
    "signature",
    "signature-input",
    "traceparent",
    "tracestate",
    # Envoy sets these itself.
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-request-id",
)
"""What the guards see."""

PUBLIC_HEADERS: Final = (
    *GUARD_HEADERS,
    # The request line.
    ":authority",
    ":method",
    ":path",
    ":scheme",
    "host",
    # Framing, which Envoy ends here.
    "connection",
    "expect",
    "transfer-encoding",
    # Browsers.
    "accept-encoding",
    "accept-language",
    "access-control-request-headers",
    "access-control-request-method",
    "access-control-request-private-network",
    "cookie",
    "origin",
    "user-agent",
    # ILP over HTTP (RFC 35).
    "callback-url",
    "prefer",
    "request-id",
)
"""What passes the public listener."""

IDENTITY_HEADERS: Final = (*PUBLIC_HEADERS, "x-idp-secret")
"""What passes the operator listener's REST routes."""

_Tree = dict[str, "_Tree"]
_END: Final = "$"


def others(names: Iterable[str]) -> str:
    """An RE2 expression for every string that is none of these (RE2 can't negate)."""
    tree: _Tree = {}
    for name in names:
        at = tree
        for character in (*name, _END):
            at = at.setdefault(character, {})
    return _outside(tree)


def _outside(tree: _Tree) -> str:
    """What can follow a beginning so that the whole is no name of the tree."""
    branches = sorted(character for character in tree if character != _END)
    if not branches:
        return ".+"
    # A dash stands last in a class, where it means itself.
    known = "".join(sorted(branches, key=lambda character: (character == "-", character)))
    choices = [f"[^{known}].*"] + [f"{branch}{_outside(tree[branch])}" for branch in branches]
    whole = f"({'|'.join(choices)})"
    return whole if _END in tree else f"{whole}?"
