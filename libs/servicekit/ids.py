"""Identifiers and random bytes as a dependency: time-ordered UUIDs and tokens."""

import secrets
from typing import Protocol
from uuid import UUID

from servicekit.clock import Clock

_COUNTER_BITS = 12
_COUNTER_MAX = (1 << _COUNTER_BITS) - 1
# A fresh millisecond starts its counter in the lower half, which leaves room for 2,048 more ids.
_COUNTER_START_BITS = _COUNTER_BITS - 1
_TAIL_BITS = 62
_TIME_SHIFT = 80
_VERSION_7 = 0x7 << 76
_VARIANT = 0b10 << _TAIL_BITS
_TIME_MASK = (1 << 48) - 1


class IdSource(Protocol):
    """Where ids and secrets come from."""

    def uuid(self) -> UUID:
        """A new UUID version 7, greater than each one this source gave before."""
        ...

    def token(self, nbytes: int) -> bytes:
        """`nbytes` unpredictable bytes, fit for secrets."""
        ...


def uuid7(unix_ms: int, counter: int, tail: int) -> UUID:
    """A UUID version 7 (RFC 9562, section 5.7) from its three fields."""
    time_field = (unix_ms & _TIME_MASK) << _TIME_SHIFT
    tail_field = tail & ((1 << _TAIL_BITS) - 1)
    return UUID(
        int=time_field | _VERSION_7 | (counter & _COUNTER_MAX) << 64 | _VARIANT | tail_field
    )


class SystemIds:
    """Ids from the operating system's randomness, ordered within the process.

    The 12 bits after the version count within a millisecond (RFC 9562, section 6.2, method 1); a
    full counter, or a clock that went back, goes on from the last millisecond used.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last_ms = 0
        self._counter = 0

    def uuid(self) -> UUID:
        """A new UUID version 7, greater than each one this source gave before."""
        now_ms = self._clock.now_ms()
        if now_ms > self._last_ms:
            self._last_ms, self._counter = now_ms, secrets.randbits(_COUNTER_START_BITS)
        elif self._counter < _COUNTER_MAX:
            self._counter += 1
        else:
            self._last_ms, self._counter = self._last_ms + 1, 0
        return uuid7(self._last_ms, self._counter, secrets.randbits(_TAIL_BITS))

    def token(self, nbytes: int) -> bytes:
        """`nbytes` unpredictable bytes, fit for secrets."""
        return secrets.token_bytes(nbytes)
