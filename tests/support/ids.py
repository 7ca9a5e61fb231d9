"""Ids that a seed decides."""

import hashlib
from uuid import UUID

from servicekit.clock import Clock
from servicekit.ids import uuid7


class SeededIds:
    """A `servicekit.ids.IdSource` whose whole sequence follows from its seed and clock."""

    def __init__(self, clock: Clock, seed: int = 0) -> None:
        self._clock = clock
        self._seed = seed
        self._taken = 0

    def uuid(self) -> UUID:
        self._taken += 1
        tail = int.from_bytes(self._block(b"uuid")[:8], "big")
        return uuid7(self._clock.now_ms(), self._taken, tail)

    def token(self, nbytes: int) -> bytes:
        out = b""
        while len(out) < nbytes:
            self._taken += 1
            out += self._block(b"token")
        return out[:nbytes]

    def _block(self, purpose: bytes) -> bytes:
        return hashlib.sha256(b"%d:%d:%b" % (self._seed, self._taken, purpose)).digest()
