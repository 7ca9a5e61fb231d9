"""The machine's clock with jumps: work runs in real time, waits end when a test says so."""

import asyncio
from datetime import UTC, datetime, timedelta

from servicekit.clock import SystemClock

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class WarpClock:
    """A `servicekit.clock.Clock` that can be moved forward; sleepers whose end has come wake up."""

    def __init__(self, *, ahead_s: float = 0.0) -> None:
        self._real = SystemClock()
        self.ahead_s = ahead_s
        self._sleepers: set[asyncio.Future[None]] = set()

    def now(self) -> datetime:
        return self._real.now() + timedelta(seconds=self.ahead_s)

    def now_ms(self) -> int:
        return (self.now() - _EPOCH) // timedelta(milliseconds=1)

    def monotonic(self) -> float:
        return self._real.monotonic() + self.ahead_s

    async def sleep(self, seconds: float) -> None:
        end = self.monotonic() + seconds
        await asyncio.sleep(0)
        while (left := end - self.monotonic()) > 0:
            jumped: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._sleepers.add(jumped)
            try:
                await asyncio.wait((jumped,), timeout=left)
            finally:
                self._sleepers.discard(jumped)

    def jump(self, seconds: float) -> None:
        """Be that much later at once."""
        self.ahead_s += seconds
        for jumped in self._sleepers:
            if not jumped.done():
                jumped.set_result(None)
