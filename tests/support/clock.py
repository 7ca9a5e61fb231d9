"""A clock that moves only when a test says so."""

import asyncio
import heapq
import itertools
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_START = datetime(2030, 1, 1, tzinfo=UTC)
# Enough turns of the loop for a woken task to run through its next few awaits.
_SETTLE_TURNS = 10


class ManualClock:
    """A `servicekit.clock.Clock` in virtual time: `sleep` returns once `advance` passes its end."""

    def __init__(self, start: datetime = _START) -> None:
        self._start = start
        self._elapsed = timedelta()
        self._order = itertools.count()
        self._sleepers: list[tuple[timedelta, int, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return self._start + self._elapsed

    def now_ms(self) -> int:
        return (self.now() - _EPOCH) // timedelta(milliseconds=1)

    def monotonic(self) -> float:
        return self._elapsed.total_seconds()

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        end = self._elapsed + timedelta(seconds=seconds)
        waiter = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (end, next(self._order), waiter))
        await waiter

    @property
    def sleeping(self) -> int:
        """How many sleepers wait for time to pass."""
        return sum(not waiter.done() for _, _, waiter in self._sleepers)

    def set(self, when: datetime) -> None:
        """Move the wall time without waking anyone, forwards or back."""
        self._start = when - self._elapsed

    async def advance(self, seconds: float) -> None:
        """Let time pass, waking each sleeper at its own moment and letting it run."""
        end = self._elapsed + timedelta(seconds=seconds)
        await self._settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            self._elapsed, _, waiter = heapq.heappop(self._sleepers)
            if not waiter.done():
                waiter.set_result(None)
            await self._settle()
        self._elapsed = end
        await self._settle()

    async def _settle(self) -> None:
        for _ in range(_SETTLE_TURNS):
            await asyncio.sleep(0)
