"""How long to wait before the next attempt: doubling, bounded, jittered."""

from dataclasses import dataclass

from servicekit.ids import IdSource

_JITTER_BYTES = 2
_JITTER_STEPS = 1 << (8 * _JITTER_BYTES)
_DOUBLINGS_MAX = 32
_MS_PER_SECOND = 1000


@dataclass(frozen=True, kw_only=True)
class Backoff:
    """Times in milliseconds. The jitter parts those that failed together."""

    first_ms: int
    max_ms: int

    def delay_ms(self, attempt: int, ids: IdSource) -> int:
        """The wait after failed attempt `attempt` (from 1): half of its step to all of it."""
        step = min(self.max_ms, self.first_ms << min(attempt - 1, _DOUBLINGS_MAX))
        jitter = int.from_bytes(ids.token(_JITTER_BYTES), "big")
        return step - step * jitter // (2 * _JITTER_STEPS)

    def delay_s(self, attempt: int, ids: IdSource) -> float:
        """The same in seconds, for `Clock.sleep`."""
        return self.delay_ms(attempt, ids) / _MS_PER_SECOND
