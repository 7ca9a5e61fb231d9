"""For whom the Admin edge calls: metadata that it adds, and what services make of it.

The edge names the tenant, and may add the tenant's own signature, for the service to check. A call
that names nobody is the operator's: who reaches this port may do everything anyway.

The GraphQL API also says when its document asks for no liquidity: replies then leave it out.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.message import Message

TENANT_KEY: Final = "x-rafiki-tenant"
SIGNATURE_KEY: Final = "x-rafiki-signature"
CALL_KEY: Final = "x-rafiki-call"
BODY_KEY: Final = "x-rafiki-signed-bin"
LIQUIDITY_LEFT_OUT: Final = ("x-rafiki-left-out", "liquidity")
_KEYS: Final = frozenset({TENANT_KEY, SIGNATURE_KEY, CALL_KEY, BODY_KEY})
BODY_BYTES_MAX: Final = 4 * 1024
"""Of a signed body that travels with a call; a call's metadata has at most 16 KiB in all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """A tenant's signature of an Admin API request."""

    text: str
    body: bytes
    call: str
    """Tells the edge's retries of one call from another use of the signature."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """For whom a call is made."""

    tenant_id: str
    signature: Signature | None = None
    """None when it was checked before."""

    def metadata(self) -> tuple[tuple[str, str | bytes], ...]:
        """As the call carries it."""
        named = ((TENANT_KEY, self.tenant_id),)
        if self.signature is None:
            return named
        return (
            *named,
            (SIGNATURE_KEY, self.signature.text),
            (CALL_KEY, self.signature.call),
            (BODY_KEY, self.signature.body),
        )


def actor_of(metadata: Iterable[tuple[str, str | bytes]]) -> Actor | None:
    """For whom a call is made, None when it says nothing."""
    found: dict[str, Any] = {key: value for key, value in metadata if key in _KEYS}
    tenant_id = found.get(TENANT_KEY)
    if tenant_id is None:
        return None
    signature = None
    if SIGNATURE_KEY in found:
        signature = Signature(
            text=found[SIGNATURE_KEY], body=found.get(BODY_KEY, b""), call=found.get(CALL_KEY, "")
        )
    return Actor(tenant_id=tenant_id, signature=signature)


def leaves_out_liquidity(metadata: Iterable[tuple[str, str | bytes]]) -> bool:
    """Whether a reply's `liquidity` is of no use to the caller."""
    return any(tuple(pair) == LIQUIDITY_LEFT_OUT for pair in metadata)


def confine(message: Message, tenant_id: str) -> None:
    """Let a request act for a tenant, whatever it says itself."""
    if "tenant_id" in message.DESCRIPTOR.fields_by_name:
        message.tenant_id = tenant_id  # type: ignore[attr-defined] # it has the field
