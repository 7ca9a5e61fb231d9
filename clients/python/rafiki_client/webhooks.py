"""Whether a webhook is from the node: `Rafiki-Signature: t=<unix ms>, v1=<hex HMAC-SHA256>`.

Signed is `<t>.` and the body's RFC 8785 form, numbers read as JavaScript reads them.
"""

import hashlib
import hmac
import json
import time
from typing import Any, Final, NoReturn

import rfc8785

HEADER: Final = "Rafiki-Signature"
TOLERANCE_MS: Final = 5 * 60 * 1000
VERSION: Final = 1
_HEADER_CHARACTERS_MAX: Final = 1024
_TIME_DIGITS_MAX: Final = 15
_SAFE_INTEGER_MAX: Final = 2**53 - 1


class WebhookRefusedError(ValueError):
    """The webhook is not from the node, or not of now; answer 401 and act on nothing."""


def verify_webhook(
    header: str | None,
    body: bytes,
    *,
    secret: str,
    tolerance_ms: int = TOLERANCE_MS,
    now_ms: int | None = None,
    version: int = VERSION,
) -> dict[str, Any]:
    """The event in a webhook's body, once its signature is verified.

    Args:
        header: value of the header `Rafiki-Signature`.
        body: the bytes as received.
        secret: the node's SIGNATURE_SECRET.
        tolerance_ms: how far the signature's time may be from ours, either way.
        now_ms: the time, in milliseconds since 1970; the system's clock when absent.
        version: the node's SIGNATURE_VERSION.

    Raises:
        WebhookRefusedError: the header is absent or malformed, the digest is another, the time is
            not near, or the body is no JSON object.
    """
    signed_at_ms, digest = _parse(header or "", version)
    now_ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    if abs(now_ms - signed_at_ms) > tolerance_ms:
        raise WebhookRefusedError("the signature's time is not near ours")
    message = b"%d.%b" % (signed_at_ms, _canonical(body))
    expected = hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), digest.encode()):
        raise WebhookRefusedError("the signature does not match")
    event = json.loads(body)
    if not isinstance(event, dict):
        raise WebhookRefusedError("the body is no JSON object")
    return event


def _parse(header: str, version: int) -> tuple[int, str]:
    if len(header) > _HEADER_CHARACTERS_MAX or not header.isascii():
        raise WebhookRefusedError("the signature header is malformed")
    parts = dict(part.strip().partition("=")[::2] for part in header.split(","))
    signed_at, digest = parts.get("t", ""), parts.get(f"v{version}", "")
    if not signed_at.isdecimal() or len(signed_at) > _TIME_DIGITS_MAX or not digest:
        raise WebhookRefusedError("the signature header is malformed")
    return int(signed_at), digest


def _canonical(body: bytes) -> bytes:
    try:
        value = json.loads(body, parse_int=_javascript_integer, parse_constant=_refuse_constant)
        return rfc8785.dumps(value)
    except (ValueError, RecursionError):
        raise WebhookRefusedError("the body is not JSON that can be signed") from None


def _javascript_integer(text: str) -> int | float:
    value = float(text) if len(text) > len(str(_SAFE_INTEGER_MAX)) + 1 else int(text)
    return value if abs(value) <= _SAFE_INTEGER_MAX else float(value)


def _refuse_constant(_: str) -> NoReturn:
    raise WebhookRefusedError("the body is not JSON that can be signed")
