"""Opaque page cursors: what a page continues from, as text that callers only hand back."""

import base64
import json
from collections.abc import Sequence

from servicekit.errors import InvalidArgument

CURSOR_CHARACTERS_MAX = 512
CursorPart = str | int
_VERSION = 1


def encode_cursor(*parts: CursorPart) -> str:
    """The cursor for the values by which a list is ordered."""
    text = json.dumps([_VERSION, *parts], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def decode_cursor(cursor: str, types: Sequence[type[CursorPart]]) -> tuple[CursorPart, ...]:
    """The values that `encode_cursor` took, which must have these types.

    Raises:
        InvalidArgument: the cursor is not one of this list (INVALID_PAGE).
    """
    try:
        padded = cursor[:CURSOR_CHARACTERS_MAX] + "=" * (-len(cursor) % 4)
        version, *parts = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, TypeError, RecursionError):
        raise _invalid() from None
    if version != _VERSION or [type(part) for part in parts] != list(types):
        raise _invalid()
    return tuple(parts)


def _invalid() -> InvalidArgument:
    return InvalidArgument("INVALID_PAGE", "the cursor is not one of this list", field="cursor")
