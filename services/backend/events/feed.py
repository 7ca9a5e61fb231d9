"""Events as a feed: read by cursor, oldest first, waiting for new ones when asked to."""

import asyncio
from typing import Final
from uuid import UUID

from servicekit.clock import Clock
from servicekit.database import Database

from services.backend.events import repository
from services.backend.events.errors import too_many_readers
from services.backend.events.model import Event

WAITING_MAX: Final = 200
"""Calls that may wait for events at once, in one process: each is one of the server's calls."""
PLACED_MAX: Final = 1000
"""Events that one transaction gives their places."""
CURSOR_MAX: Final = 2**63 - 1
PLACINGS_MAX: Final = 10
"""Transactions of one read. A node whose feed was never read catches up over several reads."""


class EventFeed:
    """Reads the feed; one a process."""

    def __init__(self, *, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._news = asyncio.Event()
        self._waiting = 0

    def wake(self) -> None:
        """Events were committed; call it on the notification that comes with them."""
        self._news.set()
        self._news = asyncio.Event()

    async def pull(
        self, cursor: int, *, tenant_id: UUID | None, limit: int, wait_s: float
    ) -> list[Event]:
        """Events after a cursor; when there is none, waits up to `wait_s` seconds for the first.

        Raises:
            ResourceExhausted: too many calls wait.
        """
        ends_at = self._clock.monotonic() + wait_s
        while True:
            # Before the read: what is committed during it must end the wait.
            news = self._news
            events, is_whole = await self._read(cursor, tenant_id=tenant_id, limit=limit)
            left_s = ends_at - self._clock.monotonic()
            if events or left_s <= 0:
                return events
            if is_whole:
                await self._wait(news, left_s)

    async def end(self) -> int:
        """The cursor after all that is committed by now."""
        is_whole = False
        while not is_whole:
            _, is_whole = await self._read(CURSOR_MAX, tenant_id=None, limit=1)
        async with self._database.read() as session:
            return await repository.last_place(session)

    async def _read(
        self, cursor: int, *, tenant_id: UUID | None, limit: int
    ) -> tuple[list[Event], bool]:
        """Events after a cursor, and whether all that were committed had their places."""
        async with self._database.read() as session:
            events = await repository.after(session, cursor, tenant_id=tenant_id, limit=limit)
            if len(events) == limit or not await repository.any_unplaced(session):
                return events, True
        placed = PLACED_MAX
        for _ in range(PLACINGS_MAX):
            async with self._database.write() as session:
                placed = await repository.place(session, limit=PLACED_MAX)
            if placed < PLACED_MAX:
                break
        async with self._database.read() as session:
            events = await repository.after(session, cursor, tenant_id=tenant_id, limit=limit)
        return events, placed < PLACED_MAX

    async def _wait(self, news: asyncio.Event, seconds: float) -> None:
        if self._waiting >= WAITING_MAX:
            raise too_many_readers()
        self._waiting += 1
        loop = asyncio.get_running_loop()
        either = (loop.create_task(news.wait()), loop.create_task(self._clock.sleep(seconds)))
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._waiting -= 1
            for task in either:
                task.cancel()
