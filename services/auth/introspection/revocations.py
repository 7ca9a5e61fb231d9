"""Tells resource servers which grants lost a token before its time.

Whoever ends a token notifies all processes of this service with its transaction; each of them tells
those that watch there.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from servicekit.errors import ResourceExhausted

from services.auth.tokens.ended import EVERY_GRANT

WAITING_MAX: Final = 1000
"""Notices that a watcher has not taken; one that is slower must begin anew."""
WATCHERS_MAX: Final = 100
_RETRY_AFTER_MS: Final = 1000


class RevocationNotices:
    """Hands notices on to the watchers of this process."""

    def __init__(self) -> None:
        self._watchers: set[asyncio.Queue[str | None]] = set()
        self._closed = False

    async def watch(self) -> AsyncIterator[list[str]]:
        """Grants, or EVERY_GRANT, as they come; at first EVERY_GRANT, from when on none is missed.

        Raises:
            ResourceExhausted: too many watch.
        """
        if len(self._watchers) >= WATCHERS_MAX:
            raise ResourceExhausted(
                "OVERLOADED", "too many watch revocations", retry_after_ms=_RETRY_AFTER_MS
            )
        mine: asyncio.Queue[str | None] = asyncio.Queue()
        self._watchers.add(mine)
        try:
            yield [EVERY_GRANT]
            while not self._closed:
                notices = [await mine.get()]
                while not mine.empty():
                    notices.append(mine.get_nowait())
                grants = [notice for notice in notices if notice is not None]
                if len(grants) < len(notices):
                    return
                yield grants
        finally:
            self._watchers.discard(mine)

    async def on_notify(self, channel: str, grant_id: str) -> None:
        """A grant lost a token."""
        del channel
        for watcher in tuple(self._watchers):
            if watcher.qsize() < WAITING_MAX:
                watcher.put_nowait(grant_id)
            else:
                self._end(watcher)

    async def on_reload(self) -> None:
        """Notices may have been missed."""
        await self.on_notify("", EVERY_GRANT)

    async def close(self) -> None:
        """End what is watched: the process stops."""
        self._closed = True
        for watcher in tuple(self._watchers):
            self._end(watcher)

    def _end(self, watcher: asyncio.Queue[str | None]) -> None:
        self._watchers.discard(watcher)
        watcher.put_nowait(None)
