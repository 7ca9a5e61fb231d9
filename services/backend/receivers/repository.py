"""SQL for the grants that other authorization servers gave this node."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from servicekit.database import ReadSession, WriteSession
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from services.backend.receivers.tables import remote_grants as table


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteGrant:
    """A token of another authorization server."""

    auth_server: str
    access_type: str
    actions: str
    access_token: str
    manage_url: str
    expires_at: datetime | None

    def __repr__(self) -> str:
        return f"RemoteGrant({self.auth_server}, {self.access_type}: {self.actions})"


def actions_key(actions: Sequence[str]) -> str:
    """Sorted and joined, so that equal sets are equal keys."""
    return ",".join(sorted(actions))


async def get(
    session: ReadSession, auth_server: str, access_type: str, actions: str
) -> RemoteGrant | None:
    """The grant for exactly these actions."""
    query = select(table).where(
        table.c.auth_server == auth_server,
        table.c.access_type == access_type,
        table.c.actions == actions,
    )
    row = (await session.execute(query)).one_or_none()
    return None if row is None else RemoteGrant(**row._mapping)  # noqa: SLF001 - public in SQLAlchemy


async def put(session: WriteSession, grant: RemoteGrant) -> None:
    """Keep a grant in place of an older one."""
    values = {name: getattr(grant, name) for name in RemoteGrant.__dataclass_fields__}
    keys = ["auth_server", "access_type", "actions"]
    rest = {name: value for name, value in values.items() if name not in keys}
    statement = insert(table).values(values)
    await session.execute(statement.on_conflict_do_update(index_elements=keys, set_=rest))


async def drop(session: WriteSession, grant: RemoteGrant) -> None:
    """Forget a grant whose token was not accepted, unless a newer one took its place."""
    await session.execute(
        delete(table).where(
            table.c.auth_server == grant.auth_server,
            table.c.access_type == grant.access_type,
            table.c.actions == grant.actions,
            table.c.access_token == grant.access_token,
        )
    )
