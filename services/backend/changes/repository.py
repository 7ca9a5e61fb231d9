"""SQL for the directory's revision."""

from typing import Final

from servicekit.database import Database, WriteSession
from servicekit.statements import prepared
from sqlalchemy import select, update

from services.backend.changes.tables import directory_revision

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
