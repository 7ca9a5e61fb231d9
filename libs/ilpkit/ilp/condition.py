"""Conditions and fulfillments of ILPv4 (RFC 27): SHA-256 hash locks."""

import hashlib
import hmac
from typing import Final

CONDITION_BYTES: Final = 32
FULFILLMENT_BYTES: Final = 32


def condition_of(fulfillment: bytes) -> bytes:
    """The condition that `fulfillment` meets."""
    return hashlib.sha256(fulfillment).digest()


def fulfills(fulfillment: bytes, condition: bytes) -> bool:
    """Whether a 32-byte `fulfillment` meets `condition`; constant time."""
    return len(fulfillment) == FULFILLMENT_BYTES and hmac.compare_digest(
        hashlib.sha256(fulfillment).digest(), condition
    )
