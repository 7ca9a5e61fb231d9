"""SQL for interactions."""

from datetime import datetime
from typing import Any
from uuid import UUID

from servicekit.database import ReadSession, WriteSession
from sqlalchemy import Row, insert, select, update

from services.auth.grants.model import Grant
from services.auth.grants.repository import GRANT_COLUMNS, grant_or_none
from services.auth.grants.tables import grants
from services.auth.interactions.model import Interaction, InteractionState
from services.auth.interactions.tables import interactions

_COLUMNS = tuple(column for column in interactions.c if column.name != "decided_at")

_INSERT = insert(interactions)


async def add(session: WriteSession, interaction: Interaction) -> None:
    """Insert a pending interaction."""
    values = {name: getattr(interaction, name) for name in Interaction.__dataclass_fields__}
    values["state"] = interaction.state.value
    await session.execute(_INSERT, values)


async def find(session: ReadSession, interaction_id: UUID, nonce: str) -> Interaction | None:
    """The interaction with this id and nonce."""
    query = select(*_COLUMNS).where(
        interactions.c.id == interaction_id, interactions.c.nonce == nonce
    )
    return _or_none((await session.execute(query)).one_or_none())


async def of_grant(session: ReadSession, grant_id: UUID) -> Interaction | None:
    """The interaction of a grant."""
    query = select(*_COLUMNS).where(interactions.c.grant_id == grant_id)
    return _or_none((await session.execute(query)).one_or_none())


async def lock_grant(session: WriteSession, interaction_id: UUID, nonce: str) -> Grant | None:
    """Lock the grant of the interaction with this id and nonce, and return it."""
    owner = (
        select(interactions.c.grant_id)
        .where(interactions.c.id == interaction_id, interactions.c.nonce == nonce)
        .scalar_subquery()
    )
    query = select(*GRANT_COLUMNS).where(grants.c.id == owner).with_for_update()
    return grant_or_none((await session.execute(query)).one_or_none())


async def decide(
    session: WriteSession, interaction_id: UUID, state: InteractionState, now: datetime
) -> None:
    """Record the user's decision; the grant's row must be locked."""
    values = {"state": state.value, "decided_at": now}
    await session.execute(
        update(interactions).where(interactions.c.id == interaction_id).values(values)
    )


def _or_none(row: Row[Any] | None) -> Interaction | None:
    if row is None:
        return None
    return Interaction(
        id=row.id,
        grant_id=row.grant_id,
        nonce=row.nonce,
        ref=row.ref,
        state=InteractionState(row.state),
        created_at=row.created_at,
        expires_at=row.expires_at,
    )
