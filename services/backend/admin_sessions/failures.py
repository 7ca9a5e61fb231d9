"""Counts failed sign-ins, so that secrets can't be guessed.

The counts live in the memory of each worker process: with n workers, n times the limit is reached
before all of them refuse. Both maps are bounded; the entries that began longest ago are dropped.
"""

from collections import OrderedDict
from typing import Final

from servicekit.clock import Clock

from services.backend.admin_sessions.errors import too_many_failures

WINDOW_MS: Final = 60_000
FAILURES_PER_SOURCE_MAX: Final = 10
FAILURES_PER_TENANT_MAX: Final = 50
"""From all addresses together, so that many of them are no way around the other limit."""
KEYS_MAX: Final = 10_000


class SignInFailures:
    """Failures a minute, by tenant and address and by tenant."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._windows: OrderedDict[tuple[str, ...], tuple[int, int]] = OrderedDict()

    def check(self, tenant_id: str, source: str) -> None:
        """Raise ResourceExhausted when the tenant or the address has failed too often."""
        for key, most in self._limits(tenant_id, source):
            if self._count(key) >= most:
                raise too_many_failures(f"{most} a minute")

    def failed(self, tenant_id: str, source: str) -> None:
        """Count one."""
        now_ms = self._clock.now_ms()
        for key, _ in self._limits(tenant_id, source):
            began_ms, count = self._windows.get(key, (now_ms, 0))
            if now_ms - began_ms >= WINDOW_MS:
                began_ms, count = now_ms, 0
                self._windows.pop(key)
            self._windows[key] = (began_ms, count + 1)
            if len(self._windows) > KEYS_MAX:
                self._windows.popitem(last=False)

    def _count(self, key: tuple[str, ...]) -> int:
        began_ms, count = self._windows.get(key, (0, 0))
        return count if self._clock.now_ms() - began_ms < WINDOW_MS else 0

    @staticmethod
    def _limits(tenant_id: str, source: str) -> tuple[tuple[tuple[str, ...], int], ...]:
        return (
            ((tenant_id, source), FAILURES_PER_SOURCE_MAX),
            ((tenant_id,), FAILURES_PER_TENANT_MAX),
        )
