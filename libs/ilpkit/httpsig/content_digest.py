"""Content-Digest over the bytes as received (RFC 9530 section 2).

sha-512 is made; sha-512 and sha-256 are verified. Other algorithms are ignored, as section 2
allows, but at least one of ours must be there and every one of ours must match.
"""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from types import MappingProxyType

from ilpkit.httpsig.errors import DigestMismatch, InvalidStructuredField, UnsupportedDigest
from ilpkit.httpsig.structured_fields import Item, parse_dictionary, serialise_bytes

FIELD = "content-digest"


def _sha256(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()


def _sha512(body: bytes) -> bytes:
    return hashlib.sha512(body).digest()


_ALGORITHMS: Mapping[str, Callable[[bytes], bytes]] = MappingProxyType(
    {"sha-512": _sha512, "sha-256": _sha256}
)


def make_content_digest(body: bytes) -> str:
    """The header value, sha-512 alone, as every Open Payments client sends it."""
    return f"sha-512={serialise_bytes(_sha512(body))}"


def verify_content_digest(value: str, body: bytes) -> None:
    """Check a received header value against the raw body.

    Raises InvalidStructuredField, UnsupportedDigest or DigestMismatch.
    """
    members = parse_dictionary(value, field=FIELD)
    known = [member for key, member in members.items() if key in _ALGORITHMS]
    if not known:
        raise UnsupportedDigest(field=FIELD, expected="sha-512 or sha-256")
    for member in known:
        if not isinstance(member.value, Item) or not isinstance(member.value.value, bytes):
            raise InvalidStructuredField(
                field=FIELD, expected=f"base64 between colons after {member.key}="
            )
        if not hmac.compare_digest(member.value.value, _ALGORITHMS[member.key](body)):
            raise DigestMismatch(
                field=FIELD,
                expected=f"the {member.key} of the {len(body)} body bytes exactly as sent",
            )
