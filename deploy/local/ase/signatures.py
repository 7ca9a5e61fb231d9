"""HMAC signatures between a bank and its node: webhooks come in signed, Admin API calls go out so.

Both are `t=<unix ms>, v1=<hex HMAC-SHA256>` over `<t>.` and the body as canonical JSON (RFC 8785).
"""

import hashlib
import hmac
import re
from typing import Any, Final

import rfc8785

VERSION: Final = 1
_SIGNATURE: Final = re.compile(rf"t=(\d{{1,16}}),\s*v{VERSION}=([0-9a-f]{{64}})")


def sign(body: Any, *, secret: str, now_ms: int) -> str:
    """The signature of a JSON value."""
    text = f"{now_ms}.".encode() + rfc8785.dumps(body)
    digest = hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()
    return f"t={now_ms}, v{VERSION}={digest}"


def is_signed(body: Any, signature: str, *, secret: str) -> bool:
    """Whether a JSON value carries a right signature, of whatever age: retries are old."""
    match = _SIGNATURE.fullmatch(signature)
    if match is None:
        return False
    expected = sign(body, secret=secret, now_ms=int(match[1]))
    return hmac.compare_digest(expected.rpartition("=")[2], match[2])
