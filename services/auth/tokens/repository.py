"""SQL for access tokens. A token counts only while its grant is live, whatever its own row says."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from servicekit.commands import FactsChanged
from servicekit.database import ReadSession, WriteSession
from servicekit.statements import prepared
from sqlalchemy import (
    ColumnElement,
    DateTime,
    Integer,
    LargeBinary,
    Uuid,
    bindparam,
    delete,
    insert,
    select,
    update,
)

from services.auth.grants.repository import GRANT_COLUMNS, grant_of
from services.auth.grants.tables import grants
from services.auth.tokens.model import ManagedToken, NewToken
from services.auth.tokens.tables import access_tokens

_NOW = bindparam("now", type_=DateTime(timezone=True))
_TOKEN_ID = bindparam("its_id", type_=Uuid)
_GRANT_ID = bindparam("its_grant_id", type_=Uuid)
_IS_VALID = access_tokens.c.revoked_at.is_(None)
_SUCCESSORS = access_tokens.alias("successors")


def _presented() -> tuple[ColumnElement[bool], ...]:
    return (
        access_tokens.c.management_id == bindparam("its_management_id", type_=Uuid),
        access_tokens.c.value_hash == bindparam("its_value_hash", type_=LargeBinary),
    )


_INSERT = prepared(
    insert(access_tokens),
    columns=[c.name for c in access_tokens.c if c.name not in ("revoked_at", "replaced_by")],
)
_FIND_MANAGED = prepared(
    select(
        *GRANT_COLUMNS,
        access_tokens.c.id.label("token_id"),
        access_tokens.c.revoked_at,
        access_tokens.c.replaced_by,
        _SUCCESSORS.c.revoked_at.label("successor_revoked_at"),
    )
    .select_from(access_tokens)
    .join(grants, grants.c.id == access_tokens.c.grant_id)
    .outerjoin(_SUCCESSORS, _SUCCESSORS.c.id == access_tokens.c.replaced_by)
    .where(*_presented())
)
_REVOKE = prepared(
    update(access_tokens)
    .where(*_presented(), _IS_VALID, access_tokens.c.grant_id == _GRANT_ID)
    .values(revoked_at=_NOW)
)
_REPLACE = prepared(
    update(access_tokens)
    .where(access_tokens.c.id == _TOKEN_ID, _IS_VALID)
    .values(revoked_at=_NOW, replaced_by=bindparam("new_id", type_=Uuid))
)
_REVOKE_SUCCESSOR = prepared(
    update(access_tokens).where(access_tokens.c.id == _TOKEN_ID, _IS_VALID).values(revoked_at=_NOW)
)
_REPLACE_SUCCESSOR = prepared(
    update(access_tokens)
    .where(
        access_tokens.c.id == _TOKEN_ID,
        access_tokens.c.replaced_by == bindparam("seen_successor", type_=Uuid),
    )
    .values(replaced_by=bindparam("new_id", type_=Uuid))
)
_REVOKE_OF_GRANT = prepared(
    update(access_tokens)
    .where(access_tokens.c.grant_id == _GRANT_ID, _IS_VALID)
    .values(revoked_at=_NOW)
)
_REVOKE_OF_TENANT = prepared(
    update(access_tokens)
    .where(
        access_tokens.c.grant_id.in_(
            select(grants.c.id).where(grants.c.tenant_id == bindparam("its_tenant_id", type_=Uuid))
        ),
        _IS_VALID,
    )
    .values(revoked_at=_NOW)
)
# Rows that someone has locked are left for the next time.
_DELETE_EXPIRED = prepared(
    delete(access_tokens).where(
        access_tokens.c.id.in_(
            select(access_tokens.c.id)
            .where(access_tokens.c.expires_at < bindparam("before", type_=DateTime(timezone=True)))
            .order_by(access_tokens.c.expires_at)
            .limit(bindparam("rows_max", type_=Integer))
            .with_for_update(skip_locked=True)
            .scalar_subquery()
        )
    )
)


def add(session: WriteSession, token: NewToken, *, grant_id: UUID) -> None:
    """Insert a token of a grant."""
    values = {name: getattr(token, name) for name in NewToken.__dataclass_fields__}
    session.add(_INSERT, {**values, "grant_id": grant_id})


async def find_managed(
    session: ReadSession, management_id: UUID, value_hash: bytes
) -> ManagedToken | None:
    """The token with this management id and value, in whatever state, with its grant."""
    values = {"its_management_id": management_id, "its_value_hash": value_hash}
    row: Any = (await session.execute(_FIND_MANAGED, values)).one_or_none()
    if row is None:
        return None
    return ManagedToken(
        id=row.token_id,
        grant=grant_of(row),
        revoked_at=row.revoked_at,
        replaced_by=row.replaced_by,
        successor_is_valid=row.replaced_by is not None and row.successor_revoked_at is None,
    )


def revoke(
    session: WriteSession,
    management_id: UUID,
    value_hash: bytes,
    now: datetime,
    *,
    grant_id: UUID,
    refused: Callable[[], Exception],
) -> None:
    """Revoke a token; fail if there is none that is valid, or not of this grant."""
    values = {
        "its_management_id": management_id,
        "its_value_hash": value_hash,
        "its_grant_id": grant_id,
        "now": now,
    }
    session.add(_REVOKE, values, rows=1, refused=refused)


def replace(session: WriteSession, token: ManagedToken, new_id: UUID, now: datetime) -> None:
    """Revoke a token in favour of a new one, or else what it was replaced by.

    Raises FactsChanged if it is no longer as `token` says.
    """
    if token.revoked_at is None:
        values = {"its_id": token.id, "new_id": new_id, "now": now}
        session.add(_REPLACE, values, rows=1, refused=FactsChanged)
        return
    successor = {"its_id": token.replaced_by, "now": now}
    session.add(_REVOKE_SUCCESSOR, successor, rows=1, refused=FactsChanged)
    values = {"its_id": token.id, "seen_successor": token.replaced_by, "new_id": new_id}
    session.add(_REPLACE_SUCCESSOR, values, rows=1, refused=FactsChanged)


def revoke_of_grant(session: WriteSession, grant_id: UUID, now: datetime) -> None:
    """Revoke all tokens of a grant."""
    session.add(_REVOKE_OF_GRANT, {"its_grant_id": grant_id, "now": now})


def revoke_of_tenant(session: WriteSession, tenant_id: UUID, now: datetime) -> None:
    """Revoke all tokens of a tenant's grants."""
    session.add(_REVOKE_OF_TENANT, {"its_tenant_id": tenant_id, "now": now})


async def delete_expired(session: WriteSession, *, before: datetime, limit: int) -> int:
    """Delete up to `limit` tokens that expired before a moment; returns how many."""
    values = {"before": before, "rows_max": limit}
    return (await session.execute(_DELETE_EXPIRED, values)).rowcount
