"""Tokens that expired long ago are deleted."""

from datetime import timedelta
from typing import Final

from servicekit.clock import Clock
from servicekit.database import WriteSession
from servicekit.housekeeping import HousekeepingTask

from services.auth.tokens import repository

PAGE_ROWS: Final = 1000


def tokens_housekeeping(*, clock: Clock, keep: timedelta) -> HousekeepingTask:
    """Deletes tokens when they have been expired for `keep`."""

    async def purge(session: WriteSession) -> int:
        before = clock.now() - keep
        return await repository.delete_expired(session, before=before, limit=PAGE_ROWS)

    return HousekeepingTask(name="access_tokens", purge=purge, page_rows=PAGE_ROWS)
