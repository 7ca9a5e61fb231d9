"""SQL for sessions of the admin pages."""

from datetime import datetime
from typing import Final

from servicekit.database import ReadSession, WriteSession
from servicekit.statements import prepared
from sqlalchemy import DateTime, bindparam, delete, insert, select

from services.backend.admin_sessions.model import AdminSession
from services.backend.admin_sessions.tables import admin_sessions as table

PURGE_ROWS_MAX: Final = 100
_NAMES: Final = tuple(AdminSession.__dataclass_fields__)
_ADD: Final = prepared(insert(table), columns=_NAMES)
_GET: Final = prepared(select(table).where(table.c.token_sha256 == bindparam("token")))
_REMOVE: Final = prepared(delete(table).where(table.c.token_sha256 == bindparam("token")))
_PURGE: Final = prepared(
    delete(table).where(
        table.c.token_sha256.in_(
            select(table.c.token_sha256)
            .where(table.c.expires_at < bindparam("now", type_=DateTime(timezone=True)))
            .limit(PURGE_ROWS_MAX)
        )
    )
)


def add(session: WriteSession, new: AdminSession) -> None:
    """Remember a session."""
    session.add(_ADD, {name: getattr(new, name) for name in _NAMES})


async def get(session: ReadSession, token_sha256: bytes) -> AdminSession | None:
    """The session with this token, also when it is over."""
    row = (await session.execute(_GET, {"token": token_sha256})).one_or_none()
    return None if row is None else AdminSession(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it


def remove(session: WriteSession, token_sha256: bytes) -> None:
    """Forget a session."""
    session.add(_REMOVE, {"token": token_sha256})


def purge(session: WriteSession, now: datetime) -> None:
    """Forget some of those that are over."""
    session.add(_PURGE, {"now": now})
