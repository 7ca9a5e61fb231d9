"""SQL for the directory's revision, and for the lock of all names."""

from typing import Final

from servicekit.database import Database, WriteSession
from servicekit.statements import prepared
from sqlalchemy import func, select, update

from services.backend.directory.tables import directory_revision

_NAMES_LOCK: Final = 0x7261_6669_6B69_6E61
"""The number of our advisory lock; any that nobody else takes in this database."""
_REVISION: Final = prepared(select(directory_revision.c.revision))
_COUNT_UP: Final = prepared(
    update(directory_revision).values(revision=directory_revision.c.revision + 1)
)


async def revision(database: Database) -> int:
    """How many changes are committed."""
    # From the primary: a replica may not have what a caller was just told.
    return int((await database.write_one(_REVISION)).scalar_one())


async def count_up(session: WriteSession) -> None:
    """Count a change; the row is one for all, and held until the transaction ends."""
    await session.execute(_COUNT_UP)


async def lock_names(session: WriteSession) -> None:
    """Keep all others from taking or giving up names until the transaction ends."""
    await session.execute(select(func.pg_advisory_xact_lock(_NAMES_LOCK)))


async def share_names(session: WriteSession) -> None:
    """Keep names as they are until the transaction ends, as any number at once may."""
    await session.execute(select(func.pg_advisory_xact_lock_shared(_NAMES_LOCK)))
