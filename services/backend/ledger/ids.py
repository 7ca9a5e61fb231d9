"""Ids that follow from what caused them, so that a replay finds what it did the first time."""

import hashlib
from typing import Final

_VERSION_8: Final = 0x8 << 76
_VERSION_MASK: Final = 0xF << 76
_VARIANT: Final = 0b10 << 62
_VARIANT_MASK: Final = 0b11 << 62
_KEEP: Final = (1 << 128) - 1 ^ _VERSION_MASK ^ _VARIANT_MASK


def derive_id(*parts: str | bytes | int) -> int:
    """Return the id that belongs to these parts: a UUID version 8 (RFC 9562) as an integer.

    Each part goes in with its type and length, so that ("a", "b") and ("ab",) differ. Integers
    may have up to 128 bits and no sign.
    """
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, int):
            digest.update(b"i" + part.to_bytes(16, "big"))
            continue
        data = part.encode() if isinstance(part, str) else part
        digest.update((b"s" if isinstance(part, str) else b"b") + len(data).to_bytes(8, "big"))
        digest.update(data)
    value = int.from_bytes(digest.digest()[:16], "big")
    return value & _KEEP | _VERSION_8 | _VARIANT


def is_derived(number: int) -> bool:
    """Whether an id may have come from `derive_id`: no caller may choose such a one."""
    return number & _VERSION_MASK == _VERSION_8 and number & _VARIANT_MASK == _VARIANT
