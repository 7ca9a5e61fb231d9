"""`t=<unix ms>, v<version>=<hex>`: HMAC-SHA256 over `<t>.` and the RFC 8785 form of a JSON value.

The Admin API's header `signature` and the webhooks' `Rafiki-Signature` both have this form.
"""

import hashlib
import hmac
import json
from typing import Any, NoReturn

import rfc8785

HEADER_CHARACTERS_MAX = 1024
FUTURE_SKEW_MS = 5_000
"""How far the signer's clock may run ahead of ours."""
_SAFE_INTEGER_MAX = 2**53 - 1
_DIGEST_CHARACTERS = 64


class SignatureRefused(Exception):  # noqa: N818 - it reads as what happened
    """The signature is malformed, wrong, of another version, or not of this moment."""


def make_signature(value: Any, *, secret: str, version: int, now_ms: int) -> str:
    """The header for a JSON value; integers beyond a double's are read as JavaScript reads them."""
    try:
        canonical = rfc8785.dumps(value)
    except rfc8785.IntegerDomainError:
        canonical = _canonical(json.dumps(value).encode())
    return f"t={now_ms}, v{version}={_digest(secret, now_ms, canonical)}"


def verify_signature(
    header: str,
    *,
    secret: str,
    version: int,
    body: bytes,
    now_ms: int,
    ttl_ms: int,
    future_skew_ms: int = FUTURE_SKEW_MS,
) -> None:
    """Check a header against the JSON text of a body; parts of other names are ignored.

    Raises:
        SignatureRefused: it does not verify, or `now_ms` is not within `ttl_ms` of its time.
    """
    signed_at_ms, digest = _parse(header, version)
    if not now_ms - ttl_ms <= signed_at_ms <= now_ms + future_skew_ms:
        raise SignatureRefused("the signature's time is not near enough")
    expected = _digest(secret, signed_at_ms, _canonical(body))
    if not hmac.compare_digest(expected.encode(), digest.encode()):
        raise SignatureRefused("the signature does not match")


def _digest(secret: str, signed_at_ms: int, canonical: bytes) -> str:
    message = b"%d.%b" % (signed_at_ms, canonical)
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


def _parse(header: str, version: int) -> tuple[int, str]:
    if len(header) > HEADER_CHARACTERS_MAX or not header.isascii():
        raise SignatureRefused("the signature header is malformed")
    parts = dict(part.strip().partition("=")[::2] for part in header.split(","))
    time_text, digest = parts.get("t", ""), parts.get(f"v{version}", "")
    # 15 digits reach the year 33658 and keep the arithmetic small.
    if not time_text.isdecimal() or len(time_text) > 15 or len(digest) != _DIGEST_CHARACTERS:  # noqa: PLR2004 - see above
        raise SignatureRefused("the signature header is malformed")
    return int(time_text), digest


def _canonical(body: bytes) -> bytes:
    """The RFC 8785 form of a JSON text, numbers read as JavaScript's doubles, as its signers do."""
    try:
        value = json.loads(body, parse_int=_javascript_integer, parse_constant=_refuse_constant)
        return rfc8785.dumps(value)
    except (ValueError, RecursionError):
        raise SignatureRefused("the body is not JSON that can be signed") from None


def _javascript_integer(text: str) -> int | float:
    value = float(text) if len(text) > len(str(_SAFE_INTEGER_MAX)) + 1 else int(text)
    return value if abs(value) <= _SAFE_INTEGER_MAX else float(value)


def _refuse_constant(_: str) -> NoReturn:
    raise SignatureRefused("the body is not JSON that can be signed")
