"""Deletes rows that have served, so that no table grows for ever.

Every process runs it, and one at a time deletes: whoever holds the advisory lock for the length of
a page. Pages are small transactions, so that nothing waits long for a row that is being deleted.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog
from sqlalchemy import text

from servicekit.clock import Clock
from servicekit.database import Database, WriteSession
from servicekit.errors import ServiceError
from servicekit.ids import IdSource
from servicekit.statements import prepared

INTERVAL_S: Final = 3600.0
PAGES_MAX: Final = 100
"""Of one task in one run: what is left waits for the next run."""
HOUSEKEEPING_LOCK: Final = 0x7261_6669_6B69_686B
"""Advisory lock of whoever deletes; no other lock of a service has its number."""
_JITTER_BYTES: Final = 2
_JITTER_STEPS: Final = 1 << (8 * _JITTER_BYTES)
_TURN: Final = prepared(text("SELECT pg_try_advisory_xact_lock(CAST(:key AS bigint))"))
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class HousekeepingTask:
    """One table's rows that have served."""

    name: str
    purge: Callable[[WriteSession], Awaitable[int]]
    """Deletes a page of them; returns how many it held."""
    page_rows: int
    """Rows of a full page: after a smaller one nothing is left."""


class Housekeeper:
    """Runs its tasks once at the start, then every INTERVAL_S seconds or somewhat later."""

    def __init__(
        self,
        *,
        database: Database,
        tasks: Sequence[HousekeepingTask],
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._database = database
        self._tasks = tasks
        self._clock = clock
        self._ids = ids

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            try:
                await self.clean()
            except ServiceError as error:
                _log.warning("housekeeping_failed", reason=error.reason)
            await self._clock.sleep(INTERVAL_S * (1 + self._jitter()))

    async def clean(self) -> dict[str, int]:
        """One run; returns how many rows of each task it deleted."""
        deleted = {task.name: await self._clean_one(task) for task in self._tasks}
        if any(deleted.values()):
            _log.info("rows_deleted", **deleted)
        return deleted

    async def _clean_one(self, task: HousekeepingTask) -> int:
        deleted = 0
        for _ in range(PAGES_MAX):
            async with self._database.write() as session:
                if not await session.scalar(_TURN, {"key": HOUSEKEEPING_LOCK}):
                    break  # another process deletes
                page = await task.purge(session)
            deleted += page
            if page < task.page_rows:
                break
        return deleted

    def _jitter(self) -> float:
        """Up to a tenth, so that processes started together part."""
        return int.from_bytes(self._ids.token(_JITTER_BYTES), "big") / _JITTER_STEPS / 10
