"""Joins the calls of many callers: one call of the engine for all of them.

What is asked for in one turn of the event loop goes together, and so does what is asked for while
as many calls are under way as may be. A call begins after each of its askers asked, so that each
sees what was written before. A caller that goes away takes nothing from the others.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

from services.backend.ledger.errors import LedgerError, LedgerUnavailableError

CALLS_MAX: Final = 4
"""As many connections as the Postgres engine reads on; one that hangs does not hold up the rest."""

Item = TypeVar("Item")
Result = TypeVar("Result")


class Gathering(Generic[Item, Result]):
    """One result an item, in order, from a call that takes any items up to a number."""

    def __init__(
        self, call: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]], *, items_max: int
    ) -> None:
        self._call = call
        self._items_max = items_max
        self._waiting: deque[tuple[Sequence[Item], asyncio.Future[Sequence[Result]]]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._running = 0
        self._starting = False

    async def __call__(self, items: Sequence[Item]) -> Sequence[Result]:
        """The results for these items, of which there are no more than one call takes."""
        future: asyncio.Future[Sequence[Result]] = asyncio.get_running_loop().create_future()
        self._waiting.append((items, future))
        if self._running < CALLS_MAX and not self._starting:
            self._starting = True
            self._running += 1
            task = asyncio.create_task(self._run(), name="ledger-gathering")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await future

    async def drain(self) -> None:
        """Wait for the calls that are under way."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _run(self) -> None:
        self._starting = False
        try:
            while self._waiting:
                await self._call_once()
        finally:
            self._running -= 1

    async def _call_once(self) -> None:
        taken = self._take()
        items = [item for some, _ in taken for item in some]
        try:
            results = await self._call(items)
        except Exception as error:  # noqa: BLE001 - whatever it is, each caller hears of it
            for _, future in taken:
                if not future.done():
                    future.set_exception(own_error(error))
            return
        start = 0
        for some, future in taken:
            if not future.done():  # a caller that went away
                future.set_result(results[start : start + len(some)])
            start += len(some)

    def _take(self) -> list[tuple[Sequence[Item], asyncio.Future[Sequence[Result]]]]:
        room = self._items_max
        taken: list[tuple[Sequence[Item], asyncio.Future[Sequence[Result]]]] = []
        while self._waiting and ((size := len(self._waiting[0][0])) <= room or not taken):
            room -= size
            taken.append(self._waiting.popleft())
        return taken


def own_error(error: Exception) -> LedgerError:
    """Return an error for one caller; each gets its own, as tracebacks grow on a shared one."""
    if isinstance(error, LedgerError) and not isinstance(error, LedgerUnavailableError):
        return error
    unknown = LedgerUnavailableError(
        "the ledger did not answer, so the outcome is unknown: retry under the same ids"
    )
    unknown.__cause__ = error
    return unknown
