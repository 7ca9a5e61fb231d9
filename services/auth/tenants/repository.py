"""SQL for tenants."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from servicekit.database import ReadSession, WriteSession
from servicekit.statements import prepared
from sqlalchemy import (
    DateTime,
    Row,
    Text,
    Uuid,
    bindparam,
    func,
    literal,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from services.auth.tenants.model import Tenant
from services.auth.tenants.tables import tenants

_TENANT_ID = bindparam("its_id", type_=Uuid)
_NOW = bindparam("now", type_=DateTime(timezone=True))
_ALIVE = (tenants.c.id == _TENANT_ID, tenants.c.deleted_at.is_(None))
_GET = prepared(
    select(
        tenants.c.id,
        tenants.c.idp_consent_url,
        tenants.c.idp_secret_hash,
        tenants.c.wallet_address_url,
    ).where(*_ALIVE)
)
_HOLD = prepared(select(literal(1)).select_from(tenants).where(*_ALIVE).with_for_update(read=True))
_HOLD_INTERACTIVE = prepared(
    select(literal(1))
    .select_from(tenants)
    .where(*_ALIVE, tenants.c.idp_consent_url.is_not(None), tenants.c.idp_secret_hash.is_not(None))
)
_IDENTIFIER = bindparam("identifier", type_=Text)
_BASES = tenants.alias("bases")
# The longest of all tenants' bases that the wallet address lies below, if any.
_BASE_OF = (
    select(_BASES.c.wallet_address_url)
    .where(
        _BASES.c.deleted_at.is_(None),
        func.starts_with(_IDENTIFIER, _BASES.c.wallet_address_url + "/"),
    )
    .order_by(func.length(_BASES.c.wallet_address_url).desc())
    .limit(1)
    .scalar_subquery()
)
_OWNS = prepared(
    select(literal(1))
    .select_from(tenants)
    .where(*_ALIVE, tenants.c.wallet_address_url.is_not_distinct_from(_BASE_OF))
)
_NEW = insert(tenants)
_UPSERT = prepared(
    _NEW.on_conflict_do_update(
        index_elements=["id"],
        set_={
            name: _NEW.excluded[name]
            for name in (
                "idp_consent_url",
                "idp_secret_hash",
                "api_secret_hash",
                "wallet_address_url",
                "updated_at",
                "deleted_at",
            )
        },
    ),
    columns=[column.name for column in tenants.c],
)
_DELETE = prepared(update(tenants).where(*_ALIVE).values(deleted_at=_NOW, updated_at=_NOW))


async def get(session: ReadSession, tenant_id: UUID) -> Tenant | None:
    """A tenant that is not deleted."""
    return _or_none((await session.execute(_GET, {"its_id": tenant_id})).one_or_none())


def hold(session: WriteSession, tenant_id: UUID, *, refused: Callable[[], Exception]) -> None:
    """Fail unless there is this tenant, which can't be deleted until the transaction ends."""
    session.add(_HOLD, {"its_id": tenant_id}, rows=1, refused=refused)


def require_consent_page(
    session: WriteSession, tenant_id: UUID, *, refused: Callable[[], Exception]
) -> None:
    """Fail unless the tenant's users can be asked."""
    session.add(_HOLD_INTERACTIVE, {"its_id": tenant_id}, rows=1, refused=refused)


def require_own(
    session: WriteSession, tenant_id: UUID, identifier: str, *, refused: Callable[[], Exception]
) -> None:
    """Fail unless a canonical wallet address lies where this tenant's do."""
    values = {"its_id": tenant_id, "identifier": identifier}
    session.add(_OWNS, values, rows=1, refused=refused)


def upsert(session: WriteSession, tenant: Tenant, *, api_secret_hash: bytes, now: datetime) -> None:
    """Create or replace a tenant; one that was deleted is back."""
    values = {
        "id": tenant.id,
        "idp_consent_url": tenant.idp_consent_url,
        "idp_secret_hash": tenant.idp_secret_hash,
        "api_secret_hash": api_secret_hash,
        "wallet_address_url": tenant.wallet_address_url,
        "created_at": now,
        "updated_at": now,
        "deleted_at": None,
    }
    session.add(_UPSERT, values)


async def delete(session: WriteSession, tenant_id: UUID, now: datetime) -> bool:
    """Mark a tenant as deleted; false if there is none.

    Who is being given a grant of it at this moment is waited for, so that what follows in the
    transaction sees that grant.
    """
    return (await session.execute(_DELETE, {"its_id": tenant_id, "now": now})).rowcount == 1


def _or_none(row: Row[Any] | None) -> Tenant | None:
    if row is None:
        return None
    return Tenant(
        id=row.id,
        idp_consent_url=row.idp_consent_url,
        idp_secret_hash=row.idp_secret_hash,
        wallet_address_url=row.wallet_address_url,
    )
