"""SQL for sessions of the admin pages."""

from datetime import datetime
from typing import Final

from servicekit.database import ReadSession, WriteSession
from sqlalchemy import delete, insert, select

from services.backend.admin_sessions.model import AdminSession
from services.backend.admin_sessions.tables import admin_sessions as table

PURGE_ROWS_MAX: Final = 100


async def add(session: WriteSession, new: AdminSession) -> None:
    """Remember a session."""
    values = {name: getattr(new, name) for name in AdminSession.__dataclass_fields__}
    await session.execute(insert(table).values(values))


async def get(session: ReadSession, token_sha256: bytes) -> AdminSession | None:
    """The session with this token, also when it is over."""
    query = select(table).where(table.c.token_sha256 == token_sha256)
    row = (await session.execute(query)).one_or_none()
    return None if row is None else AdminSession(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it


async def remove(session: WriteSession, token_sha256: bytes) -> None:
    """Forget a session."""
    await session.execute(delete(table).where(table.c.token_sha256 == token_sha256))


async def purge(session: WriteSession, now: datetime) -> None:
    """Forget some of those that are over."""
    old = select(table.c.token_sha256).where(table.c.expires_at < now).limit(PURGE_ROWS_MAX)
    await session.execute(delete(table).where(table.c.token_sha256.in_(old)))
