"""SQL for tenants."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from servicekit.database import ReadSession, WriteSession
from sqlalchemy import Row, select
from sqlalchemy.dialects.postgresql import insert

from services.backend.tenants.model import Tenant
from services.backend.tenants.tables import tenant_settings, tenants


async def load_all(session: ReadSession) -> list[Tenant]:
    """Every tenant that is not deleted, with its settings."""
    rows = (await session.execute(select(tenants).where(tenants.c.deleted_at.is_(None)))).all()
    settings: dict[UUID, dict[str, str]] = {row.id: {} for row in rows}
    for row in (await session.execute(select(tenant_settings))).all():
        if row.tenant_id in settings:
            settings[row.tenant_id][row.key] = row.value
    return [_tenant(row, settings[row.id]) for row in rows]


async def get(session: ReadSession, tenant_id: UUID) -> Tenant | None:
    """One tenant, deleted or not."""
    row = (await session.execute(select(tenants).where(tenants.c.id == tenant_id))).one_or_none()
    if row is None:
        return None
    query = select(tenant_settings.c.key, tenant_settings.c.value)
    pairs = await session.execute(query.where(tenant_settings.c.tenant_id == tenant_id))
    return _tenant(row, {pair.key: pair.value for pair in pairs.all()})


async def upsert(session: WriteSession, tenant: Tenant) -> None:
    """Write a tenant's row; its settings are left alone."""
    values = {
        "is_operator": tenant.is_operator,
        "api_secret": tenant.api_secret,
        "email": tenant.email,
        "public_name": tenant.public_name,
        "idp_consent_url": tenant.idp_consent_url,
        "idp_secret": tenant.idp_secret,
        "deleted_at": tenant.deleted_at,
    }
    statement = insert(tenants).values(id=tenant.id, created_at=tenant.created_at, **values)
    await session.execute(statement.on_conflict_do_update(index_elements=["id"], set_=values))


async def set_settings(
    session: WriteSession, tenant_id: UUID, settings: Iterable[tuple[str, str]]
) -> None:
    """Write some settings of a tenant; others stay."""
    for key, value in settings:
        statement = insert(tenant_settings).values(tenant_id=tenant_id, key=key, value=value)
        await session.execute(
            statement.on_conflict_do_update(
                index_elements=["tenant_id", "key"], set_={"value": value}
            )
        )


def _tenant(row: Row[tuple[object, ...]], settings: Mapping[str, str]) -> Tenant:
    return Tenant(**row._mapping, settings=settings)  # noqa: SLF001 - SQLAlchemy's public name for it
