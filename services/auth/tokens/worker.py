"""Clean-up of tokens that expired long ago and of idempotency keys that have served.

It runs in each worker process, some minutes apart by chance; rows that another one is deleting are
passed over.
"""

from datetime import timedelta
from typing import Final

import structlog
from servicekit.clock import Clock
from servicekit.database import Database
from servicekit.errors import ServiceError
from servicekit.idempotency import PURGE_ROWS_MAX, IdempotencyStore
from servicekit.ids import IdSource

from services.auth.tokens import repository

INTERVAL_S: Final = 3600.0
BATCH_ROWS: Final = 1000
BATCHES_MAX: Final = 100
"""Of each kind in one run: what is left waits for the next."""
_JITTER_BYTES: Final = 2
_JITTER_STEPS: Final = 1 << (8 * _JITTER_BYTES)
_log = structlog.get_logger(__name__)


class CleanupWorker:
    """Deletes in small transactions, every INTERVAL_S seconds or somewhat later."""

    def __init__(
        self,
        *,
        clock: Clock,
        ids: IdSource,
        database: Database,
        replies: IdempotencyStore,
        keep_days: int,
    ) -> None:
        self._clock = clock
        self._ids = ids
        self._database = database
        self._replies = replies
        self._keep = timedelta(days=keep_days)

    async def run(self) -> None:
        """Clean up until cancelled."""
        while True:
            try:
                await self.clean()
            except ServiceError as error:
                _log.warning("cleanup_failed", reason=error.reason)
            await self._clock.sleep(INTERVAL_S * (1 + self._jitter()))

    async def clean(self) -> int:
        """One run; returns how many tokens were deleted."""
        before = self._clock.now() - self._keep
        deleted = 0
        for _ in range(BATCHES_MAX):
            async with self._database.write() as session:
                batch = await repository.delete_expired(session, before=before, limit=BATCH_ROWS)
            deleted += batch
            if batch < BATCH_ROWS:
                break
        for _ in range(BATCHES_MAX):
            if await self._replies.purge(self._database) < PURGE_ROWS_MAX:
                break
        if deleted:
            _log.info("tokens_deleted", count=deleted)
        return deleted

    def _jitter(self) -> float:
        """Up to a tenth, so that processes started together part."""
        return int.from_bytes(self._ids.token(_JITTER_BYTES), "big") / _JITTER_STEPS / 10
