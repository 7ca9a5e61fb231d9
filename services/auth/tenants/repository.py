"""SQL for tenants."""

from datetime import datetime
from uuid import UUID

from servicekit.database import ReadSession, WriteSession
from sqlalchemy import Row, func, select, update
from sqlalchemy.dialects.postgresql import insert

from services.auth.tenants.model import Tenant
from services.auth.tenants.tables import tenants

TENANT_COLUMNS = (
    tenants.c.id,
    tenants.c.idp_consent_url,
    tenants.c.idp_secret_hash,
    tenants.c.wallet_address_url,
)


async def get(session: ReadSession, tenant_id: UUID) -> Tenant | None:
    """A tenant that is not deleted."""
    query = select(*TENANT_COLUMNS).where(tenants.c.id == tenant_id, tenants.c.deleted_at.is_(None))
    row = (await session.execute(query)).one_or_none()
    return None if row is None else _tenant(row)


async def get_for_grant(session: WriteSession, tenant_id: UUID) -> Tenant | None:
    """A tenant that is not deleted, and won't be until this transaction ends."""
    query = (
        select(*TENANT_COLUMNS)
        .where(tenants.c.id == tenant_id, tenants.c.deleted_at.is_(None))
        .with_for_update(read=True)
    )
    row = (await session.execute(query)).one_or_none()
    return None if row is None else _tenant(row)


async def base_of(session: ReadSession, identifier: str) -> str | None:
    """The longest of all tenants' bases that a canonical wallet address lies below, if any."""
    base = tenants.c.wallet_address_url
    query = (
        select(base)
        .where(tenants.c.deleted_at.is_(None), func.starts_with(identifier, base + "/"))
        .order_by(func.length(base).desc())
        .limit(1)
    )
    found: str | None = (await session.execute(query)).scalar_one_or_none()
    return found


async def upsert(
    session: WriteSession, tenant: Tenant, *, api_secret_hash: bytes, now: datetime
) -> None:
    """Create or replace a tenant; one that was deleted is back."""
    values = {
        "idp_consent_url": tenant.idp_consent_url,
        "idp_secret_hash": tenant.idp_secret_hash,
        "api_secret_hash": api_secret_hash,
        "wallet_address_url": tenant.wallet_address_url,
        "updated_at": now,
        "deleted_at": None,
    }
    statement = insert(tenants).values(id=tenant.id, created_at=now, **values)
    await session.execute(statement.on_conflict_do_update(index_elements=["id"], set_=values))


async def delete(session: WriteSession, tenant_id: UUID, now: datetime) -> bool:
    """Mark a tenant as deleted; false if there is none."""
    statement = (
        update(tenants)
        .where(tenants.c.id == tenant_id, tenants.c.deleted_at.is_(None))
        .values(deleted_at=now, updated_at=now)
        .returning(tenants.c.id)
    )
    return (await session.execute(statement)).one_or_none() is not None


def _tenant(row: Row[tuple[UUID, str | None, bytes | None, str | None]]) -> Tenant:
    return Tenant(
        id=row.id,
        idp_consent_url=row.idp_consent_url,
        idp_secret_hash=row.idp_secret_hash,
        wallet_address_url=row.wallet_address_url,
    )
