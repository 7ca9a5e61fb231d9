"""SQL for the lock of all names."""

from typing import Final

from servicekit.database import WriteSession
from sqlalchemy import func, select

_NAMES_LOCK: Final = 0x7261_6669_6B69_6E61
"""The number of our advisory lock; any that nobody else takes in this database."""


async def lock_names(session: WriteSession) -> None:
    """Keep all others from taking or giving up names until the transaction ends."""
    await session.execute(select(func.pg_advisory_xact_lock(_NAMES_LOCK)))


async def share_names(session: WriteSession) -> None:
    """Keep names as they are until the transaction ends, as any number at once may."""
    await session.execute(select(func.pg_advisory_xact_lock_shared(_NAMES_LOCK)))
