"""SQL for access tokens. Revoking and rotating happen under the lock of the grant's row."""

from datetime import datetime
from typing import Any
from uuid import UUID

from servicekit.database import ReadSession, WriteSession
from sqlalchemy import Row, delete, insert, select, update

from services.auth.grants.model import Grant
from services.auth.grants.repository import GRANT_COLUMNS, grant_or_none
from services.auth.grants.tables import grants
from services.auth.tokens.model import AccessToken
from services.auth.tokens.tables import access_tokens

_COLUMNS = tuple(
    column for column in access_tokens.c if column.name not in ("value_hash", "replaced_by")
)

_INSERT = insert(access_tokens)


async def add(session: WriteSession, token: AccessToken, *, value_hash: bytes) -> None:
    """Insert a token under its hash."""
    values = {name: getattr(token, name) for name in AccessToken.__dataclass_fields__}
    await session.execute(_INSERT, {**values, "value_hash": value_hash})


async def find_grant(
    session: ReadSession, management_id: UUID, value_hash: bytes, *, rotated_since: datetime
) -> Grant | None:
    """The grant of a token, expired or not, that is not revoked, or only by rotation since then."""
    query = (
        select(*GRANT_COLUMNS)
        .join(access_tokens, access_tokens.c.grant_id == grants.c.id)
        .where(
            access_tokens.c.management_id == management_id,
            access_tokens.c.value_hash == value_hash,
            access_tokens.c.revoked_at.is_(None)
            | (access_tokens.c.replaced_by.is_not(None))
            & (access_tokens.c.revoked_at > rotated_since),
        )
    )
    return grant_or_none((await session.execute(query)).one_or_none())


async def lock_grant(session: WriteSession, management_id: UUID) -> Grant | None:
    """Lock the grant of the token managed under this id, and return it."""
    owner = (
        select(access_tokens.c.grant_id)
        .where(access_tokens.c.management_id == management_id)
        .scalar_subquery()
    )
    query = select(*GRANT_COLUMNS).where(grants.c.id == owner).with_for_update()
    return grant_or_none((await session.execute(query)).one_or_none())


async def revoke(
    session: WriteSession, management_id: UUID, value_hash: bytes, now: datetime
) -> AccessToken | None:
    """Revoke a token; None if it is unknown or was revoked before."""
    statement = (
        update(access_tokens)
        .where(
            access_tokens.c.management_id == management_id,
            access_tokens.c.value_hash == value_hash,
            access_tokens.c.revoked_at.is_(None),
        )
        .values(revoked_at=now)
        .returning(*_COLUMNS)
    )
    return _or_none((await session.execute(statement)).one_or_none())


async def revoke_successor(
    session: WriteSession,
    management_id: UUID,
    value_hash: bytes,
    now: datetime,
    *,
    rotated_since: datetime,
) -> bool:
    """Revoke what a token was rotated into since then; false if that is revoked already, or none.

    Only the newest one is left to revoke: what itself was rotated is revoked.
    """
    successor = (
        select(access_tokens.c.replaced_by)
        .where(
            access_tokens.c.management_id == management_id,
            access_tokens.c.value_hash == value_hash,
            access_tokens.c.revoked_at > rotated_since,
        )
        .scalar_subquery()
    )
    statement = (
        update(access_tokens)
        .where(access_tokens.c.id == successor, access_tokens.c.revoked_at.is_(None))
        .values(revoked_at=now)
        .returning(access_tokens.c.id)
    )
    return (await session.execute(statement)).one_or_none() is not None


async def set_successor(session: WriteSession, management_id: UUID, token_id: UUID) -> None:
    """Remember what a token was rotated into."""
    await session.execute(
        update(access_tokens)
        .where(access_tokens.c.management_id == management_id)
        .values(replaced_by=token_id)
    )


async def revoke_of_grant(session: WriteSession, grant_id: UUID, now: datetime) -> None:
    """Revoke all tokens of a grant."""
    await session.execute(
        update(access_tokens)
        .where(access_tokens.c.grant_id == grant_id, access_tokens.c.revoked_at.is_(None))
        .values(revoked_at=now)
    )


async def revoke_of_tenant(session: WriteSession, tenant_id: UUID, now: datetime) -> None:
    """Revoke all tokens of a tenant's grants."""
    owned = select(grants.c.id).where(grants.c.tenant_id == tenant_id)
    await session.execute(
        update(access_tokens)
        .where(access_tokens.c.grant_id.in_(owned), access_tokens.c.revoked_at.is_(None))
        .values(revoked_at=now)
    )


async def delete_expired(session: WriteSession, *, before: datetime, limit: int) -> int:
    """Delete up to `limit` tokens that expired before a moment; returns how many.

    Rows that someone has locked are left for the next time.
    """
    batch = (
        select(access_tokens.c.id)
        .where(access_tokens.c.expires_at < before)
        .order_by(access_tokens.c.expires_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    statement = delete(access_tokens).where(access_tokens.c.id.in_(batch.scalar_subquery()))
    rows = await session.execute(statement.returning(access_tokens.c.id))
    return len(rows.all())


def _or_none(row: Row[Any] | None) -> AccessToken | None:
    return None if row is None else AccessToken(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name
