"""What a guard found out about a request, and how the servicer behind it reads that.

The verdict travels in one header, as JSON in printable ASCII. Envoy takes every `x-rafiki-` header
off requests from outside, so that only a guard can have set it. A call without the REST mark is
native gRPC, which only the operator's private listener lets in: nobody has to be proven there.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from google.protobuf.message import Message

from servicekit.idempotency import IDEMPOTENCY_HEADER
from servicekit.rest import REST_MODE_KEY, Context

VERDICT_HEADER: Final = "x-rafiki-verdict"
_encode: Final = json.JSONEncoder(separators=(",", ":")).encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Who asks, and under which grant."""

    grant_id: str | None = None
    client: str | None = None
    """Its wallet address or `jwk:` and its public key; None for native callers."""
    sees_all: bool = False
    """Whether other clients' payments may be seen."""
    limits: str | None = None
    """The grant's limits on outgoing payments, JSON."""

    @property
    def client_filter(self) -> str | None:
        """The client whose payments may be seen; None means any."""
        return None if self.sees_all else self.client

    def header(self) -> tuple[str, str]:
        """As a guard's answer carries it."""
        members = {
            "grant_id": self.grant_id,
            "client": self.client,
            "sees_all": self.sees_all,
            "limits": self.limits,
        }
        return VERDICT_HEADER, _encode(members).replace("\x7f", "\\u007f")


NATIVE: Final = Verdict(sees_all=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """One call's origin."""

    rest: bool
    metadata: Mapping[str, str]

    @property
    def verdict(self) -> Verdict | None:
        """What the guard found; NATIVE outside of REST, None for a REST call without it."""
        if not self.rest:
            return NATIVE
        try:
            return Verdict(**json.loads(self.metadata[VERDICT_HEADER]))
        except (KeyError, TypeError, ValueError):
            return None

    def idempotency_key(self, request: Message) -> str | None:
        """The caller's key: the header of a REST call, the field of a native one."""
        if self.rest:
            return self.metadata.get(IDEMPOTENCY_HEADER)
        return request.idempotency_key if request.HasField("idempotency_key") else None  # type: ignore[attr-defined] # every mutating request has the field


def caller_of(context: Context) -> Caller:
    """The caller of an RPC."""
    metadata = {
        key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)
    }
    return Caller(rest=REST_MODE_KEY in metadata, metadata=metadata)
