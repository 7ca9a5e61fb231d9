"""Keys, sealing and fulfillments of a STREAM connection (RFC 29 sections 5.1 and 5.2).

Sealed data is IV (12 bytes), tag (16 bytes), then the AES-256-GCM ciphertext, without additional
data. The IV comes from the caller: this package has no source of randomness.
"""

import hashlib
import hmac
from collections.abc import Callable
from typing import Final, final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ilpkit.errors import DecryptionError, LocalProtocolError

IV_BYTES: Final = 12
TAG_BYTES: Final = 16
SEAL_OVERHEAD_BYTES: Final = IV_BYTES + TAG_BYTES
SHARED_SECRET_BYTES: Final = 32

RandomBytes = Callable[[int], bytes]
"""A source of that many unpredictable bytes."""

_ENCRYPTION_LABEL: Final = b"ilp_stream_encryption"
_FULFILLMENT_LABEL: Final = b"ilp_stream_fulfillment"


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA-256 in one call."""
    return hmac.digest(key, message, "sha256")


@final
class Sealer:
    """AES-256-GCM with IV and tag before the ciphertext, under one key kept ready."""

    __slots__ = ("_decrypt", "_encrypt")

    def __init__(self, key: bytes) -> None:
        cipher = AESGCM(key)
        self._encrypt = cipher.encrypt
        self._decrypt = cipher.decrypt

    def seal(self, plaintext: bytes, iv: bytes) -> bytes:
        """`iv`, tag and ciphertext; an IV must never serve two plaintexts under one key."""
        if len(iv) != IV_BYTES:
            raise LocalProtocolError(f"an IV has {IV_BYTES} bytes")
        sealed = self._encrypt(iv, plaintext, None)
        return b"".join((iv, sealed[-TAG_BYTES:], sealed[:-TAG_BYTES]))

    def open(self, data: bytes) -> bytes:
        """The plaintext; `DecryptionError` if the data is not authentic under this key."""
        if len(data) < SEAL_OVERHEAD_BYTES:
            raise DecryptionError("too short to be sealed")
        try:
            return self._decrypt(
                data[:IV_BYTES],
                data[SEAL_OVERHEAD_BYTES:] + data[IV_BYTES:SEAL_OVERHEAD_BYTES],
                None,
            )
        except InvalidTag:
            raise DecryptionError("not authentic under this key") from None


@final
class StreamKeys:
    """Everything derived from a connection's shared secret."""

    __slots__ = ("_fulfillment_key", "open", "seal")

    def __init__(self, shared_secret: bytes) -> None:
        sealer = Sealer(hmac_sha256(shared_secret, _ENCRYPTION_LABEL))
        self._fulfillment_key = hmac_sha256(shared_secret, _FULFILLMENT_LABEL)
        self.seal = sealer.seal
        """As `Sealer.seal`."""
        self.open = sealer.open
        """As `Sealer.open`."""

    def fulfillment(self, data: bytes) -> bytes:
        """The fulfillment of a Prepare that carries this sealed data."""
        return hmac_sha256(self._fulfillment_key, data)

    def condition(self, data: bytes) -> bytes:
        """The condition of a Prepare that carries this sealed data."""
        return hashlib.sha256(hmac_sha256(self._fulfillment_key, data)).digest()
