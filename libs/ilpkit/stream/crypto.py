"""Keys, sealing and fulfillments of a STREAM connection (RFC 29 sections 5.1 and 5.2).

Sealed data is IV (12 bytes), tag (16 bytes), then the AES-256-GCM ciphertext, without additional
data. The IV comes from the caller: this package has no source of randomness.
"""

import hashlib
from collections.abc import Callable
from typing import Final, final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from ilpkit.errors import DecryptionError, LocalProtocolError

IV_BYTES: Final = 12
TAG_BYTES: Final = 16
SEAL_OVERHEAD_BYTES: Final = IV_BYTES + TAG_BYTES
SHARED_SECRET_BYTES: Final = 32

RandomBytes = Callable[[int], bytes]
"""A source of that many unpredictable bytes."""

_ENCRYPTION_LABEL: Final = b"ilp_stream_encryption"
_FULFILLMENT_LABEL: Final = b"ilp_stream_fulfillment"


@final
class Mac:
    """HMAC-SHA-256 under one key kept ready, which saves half of the work of a short message."""

    __slots__ = ("_ready",)

    def __init__(self, key: bytes) -> None:
        self._ready = HMAC(key, SHA256())

    def digest(self, message: bytes) -> bytes:
        """The 32 bytes of the code over `message`."""
        mac = self._ready.copy()
        mac.update(message)
        return mac.finalize()


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

    __slots__ = ("fulfillment", "open", "seal")

    def __init__(self, shared_secret: bytes) -> None:
        derive = Mac(shared_secret).digest
        sealer = Sealer(derive(_ENCRYPTION_LABEL))
        self.seal = sealer.seal
        """As `Sealer.seal`."""
        self.open = sealer.open
        """As `Sealer.open`."""
        self.fulfillment = Mac(derive(_FULFILLMENT_LABEL)).digest
        """The fulfillment of a Prepare that carries this sealed data."""

    def condition(self, data: bytes) -> bytes:
        """The condition of a Prepare that carries this sealed data."""
        return hashlib.sha256(self.fulfillment(data)).digest()
