"""STREAM receipts (RFC 39): a MAC over how much a stream received, for whoever has the secret.

Version u8, nonce 16, stream u8, total u64, HMAC-SHA-256 over these 26 bytes: 58 bytes.
"""

import hmac
import struct
from typing import Final, NamedTuple

from ilpkit.errors import InvalidReceiptError, LocalProtocolError, UnsupportedVersionError
from ilpkit.money import U64_MAX
from ilpkit.stream.crypto import Mac

RECEIPT_VERSION: Final = 1
RECEIPT_NONCE_BYTES: Final = 16
RECEIPT_SECRET_BYTES: Final = 32
RECEIPT_BYTES: Final = 58
RECEIPT_STREAM_ID_MAX: Final = 255

_SIGNED: Final = struct.Struct(f">B{RECEIPT_NONCE_BYTES}sBQ")


class ReceiptSetup(NamedTuple):
    """What a verifier hands to the receiver so that it can make receipts."""

    nonce: bytes
    secret: bytes


class Receipt(NamedTuple):
    """What a receipt says."""

    nonce: bytes
    stream_id: int
    total_received: int
    """In units of the receiver's asset."""


def encode_receipt(receipt: Receipt, *, secret: bytes) -> bytes:
    """The 58 bytes; `LocalProtocolError` if a field breaks its limits."""
    nonce, stream_id, total_received = receipt
    if len(nonce) != RECEIPT_NONCE_BYTES or len(secret) != RECEIPT_SECRET_BYTES:
        raise LocalProtocolError("a receipt's nonce has 16 bytes and its secret 32")
    if not (0 <= stream_id <= RECEIPT_STREAM_ID_MAX and 0 <= total_received <= U64_MAX):
        raise LocalProtocolError(f"stream {stream_id}, total {total_received} do not fit a receipt")
    signed = _SIGNED.pack(RECEIPT_VERSION, nonce, stream_id, total_received)
    return signed + Mac(secret).digest(signed)


def decode_receipt(raw: bytes) -> Receipt:
    """What a receipt claims; `InvalidReceiptError` or `UnsupportedVersionError`."""
    if len(raw) != RECEIPT_BYTES:
        raise InvalidReceiptError(f"a receipt has {RECEIPT_BYTES} bytes")
    fields: tuple[int, bytes, int, int] = _SIGNED.unpack_from(raw)
    version, nonce, stream_id, total_received = fields
    if version != RECEIPT_VERSION:
        raise UnsupportedVersionError(f"receipt version {version}")
    return Receipt(nonce, stream_id, total_received)


def verify_receipt(raw: bytes, *, secret: bytes) -> Receipt:
    """As `decode_receipt`, and `InvalidReceiptError` unless its MAC was made with `secret`."""
    receipt = decode_receipt(raw)
    signed, mac = raw[: _SIGNED.size], raw[_SIGNED.size :]
    if not hmac.compare_digest(Mac(secret).digest(signed), mac):
        raise InvalidReceiptError("the MAC does not match")
    return receipt
