"""A public request as a guard sees it: the bytes as received, before anything is transcoded.

Envoy's ext_authz filter sends each one to the guard of its service, with GUARD_PREFIX before its
path. Header names are lower case.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from servicekit.http_messages import Request

GUARD_PREFIX: Final = "/guard"
GUARD_METHODS: Final = ("GET", "POST", "DELETE", "PUT", "PATCH", "HEAD", "OPTIONS")
_SCHEME: Final = "GNAP "


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardedRequest:
    """One request; `target` is its path and query as the client sent them."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """The target before its query."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """The target's query, without the question mark; empty without one."""
        return self.target.partition("?")[2]

    @property
    def token(self) -> str | None:
        """The token that it shows."""
        return gnap_token(self.headers.get("authorization"))


def guarded_request(asked: Request) -> GuardedRequest:
    """The request that Envoy asks about."""
    return GuardedRequest(
        method=asked.method,
        target=asked.target.removeprefix(GUARD_PREFIX) or "/",
        headers=asked.headers,
        body=asked.body,
    )


def gnap_token(authorization: str | None) -> str | None:
    """The token in an Authorization header (RFC 9635 section 7.2); None if there is none."""
    if authorization is None or not authorization.startswith(_SCHEME):
        return None
    token = authorization.removeprefix(_SCHEME)
    return token if token and token.isascii() and " " not in token else None
