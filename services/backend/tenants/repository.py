"""SQL for tenants."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from servicekit.database import ReadSession, WriteSession
from servicekit.outbox_tables import OPEN, PARKED
from servicekit.page_queries import Listed, fetch_page
from servicekit.paging import Page, PageQuery
from sqlalchemy import Row, String, cast, delete, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from services.backend.events.tables import webhook_deliveries
from services.backend.peers.tables import peers
from services.backend.tenants.errors import duplicate_setting
from services.backend.tenants.model import SettingKey, Tenant
from services.backend.tenants.tables import tenant_settings, tenants
from services.backend.wallet_addresses.tables import wallet_addresses


async def load_all(session: ReadSession) -> list[Tenant]:
    """Every tenant that is not deleted, with its settings."""
    rows = (await session.execute(select(tenants).where(tenants.c.deleted_at.is_(None)))).all()
    settings: dict[UUID, dict[str, str]] = {row.id: {} for row in rows}
    for row in (await session.execute(select(tenant_settings))).all():
        if row.tenant_id in settings:
            settings[row.tenant_id][row.key] = row.value
    return [_tenant(row, settings[row.id]) for row in rows]


async def load(session: ReadSession, tenant_id: UUID) -> Tenant | None:
    """One tenant that is not deleted."""
    tenant = await get(session, tenant_id)
    return tenant if tenant is not None and tenant.is_active else None


async def get(session: ReadSession, tenant_id: UUID) -> Tenant | None:
    """One tenant, deleted or not."""
    row = (await session.execute(select(tenants).where(tenants.c.id == tenant_id))).one_or_none()
    if row is None:
        return None
    query = select(tenant_settings.c.key, tenant_settings.c.value)
    pairs = await session.execute(query.where(tenant_settings.c.tenant_id == tenant_id))
    return _tenant(row, {pair.key: pair.value for pair in pairs.all()})


async def lock(session: WriteSession, tenant_id: UUID) -> Tenant | None:
    """One tenant that is not deleted, held until the transaction ends."""
    held = select(tenants.c.id).where(tenants.c.id == tenant_id, tenants.c.deleted_at.is_(None))
    if await session.scalar(held.with_for_update()) is None:
        return None
    return await get(session, tenant_id)


async def page(session: ReadSession, query: PageQuery) -> Page[Tenant]:
    """A page of tenants that are not deleted, newest first.

    Not by id, as other lists: a tenant's id may be chosen by the caller.
    """
    statement = select(tenants).where(tenants.c.deleted_at.is_(None))
    listed = Listed(rows=statement, place=(tenants.c.created_at, tenants.c.id))
    bare = await fetch_page(session, listed, query, lambda row: _tenant(row, {}))
    settings: dict[UUID, dict[str, str]] = {tenant.id: {} for tenant in bare.items}
    of_these = select(tenant_settings).where(tenant_settings.c.tenant_id.in_(list(settings)))
    for setting in (await session.execute(of_these)).all():
        settings[setting.tenant_id][setting.key] = setting.value
    items = [replace(tenant, settings=settings[tenant.id]) for tenant in bare.items]
    return replace(bare, items=items)


async def holder_of_url(session: ReadSession, url: str, *, node_url: str, but: UUID) -> UUID | None:
    """The tenant below whose URL another URL lies, except for the operator and one more tenant."""
    own = select(tenant_settings.c.value).where(
        tenant_settings.c.tenant_id == tenants.c.id,
        tenant_settings.c.key == SettingKey.WALLET_ADDRESS_URL,
    )
    default = literal(f"{node_url}/", String).concat(cast(tenants.c.id, String))
    base = func.coalesce(own.scalar_subquery(), default)
    query = select(tenants.c.id).where(
        tenants.c.deleted_at.is_(None),
        tenants.c.is_operator.is_(False),
        tenants.c.id != but,
        func.starts_with(literal(f"{url}/", String), base.concat("/")),
    )
    found: UUID | None = await session.scalar(query.limit(1))
    return found


async def add(session: WriteSession, tenant: Tenant) -> bool:
    """Insert a tenant without its settings; False when the id is taken."""
    statement = insert(tenants).values(id=tenant.id, created_at=tenant.created_at, **_row(tenant))
    taken = statement.on_conflict_do_nothing(index_elements=["id"]).returning(tenants.c.id)
    return await session.scalar(taken) is not None


async def upsert(session: WriteSession, tenant: Tenant) -> None:
    """Write a tenant's row; its settings are left alone."""
    values = _row(tenant)
    statement = insert(tenants).values(id=tenant.id, created_at=tenant.created_at, **values)
    await session.execute(statement.on_conflict_do_update(index_elements=["id"], set_=values))


async def set_settings(
    session: WriteSession, tenant_id: UUID, settings: Iterable[tuple[str, str]]
) -> None:
    """Write some settings of a tenant; raises AlreadyExists when another tenant has the value."""
    for key, value in settings:
        statement = insert(tenant_settings).values(tenant_id=tenant_id, key=key, value=value)
        statement = statement.on_conflict_do_update(
            index_elements=["tenant_id", "key"], set_={"value": value}
        )
        try:
            await session.execute(statement)
        except IntegrityError:
            raise duplicate_setting(key) from None


async def unset_settings(session: WriteSession, tenant_id: UUID, keys: Iterable[str]) -> None:
    """Take some settings of a tenant away: the node's own hold again."""
    of_these = tenant_settings.c.key.in_(list(keys))
    await session.execute(
        delete(tenant_settings).where(tenant_settings.c.tenant_id == tenant_id, of_these)
    )


async def end_of(session: WriteSession, tenant_id: UUID, now: datetime) -> None:
    """End what a tenant that goes has: wallet addresses, peers, and what it was to be told."""
    column = wallet_addresses.c.deactivated_at
    active = or_(column.is_(None), column > now)
    await session.execute(
        update(wallet_addresses)
        .where(wallet_addresses.c.tenant_id == tenant_id, active)
        .values(deactivated_at=now)
    )
    await session.execute(
        update(peers)
        .where(peers.c.tenant_id == tenant_id, peers.c.deleted_at.is_(None))
        .values(deleted_at=now)
    )
    told = webhook_deliveries
    await session.execute(
        update(told)
        .where(told.c.lane == str(tenant_id), told.c.state == OPEN)
        .values(state=PARKED, finished_at=now, last_error="the tenant is deleted")
    )


def _row(tenant: Tenant) -> dict[str, Any]:
    return {
        "is_operator": tenant.is_operator,
        "api_secret": tenant.api_secret,
        "email": tenant.email,
        "public_name": tenant.public_name,
        "idp_consent_url": tenant.idp_consent_url,
        "idp_secret": tenant.idp_secret,
        "deleted_at": tenant.deleted_at,
    }


def _tenant(row: Row[tuple[object, ...]], settings: Mapping[str, str]) -> Tenant:
    return Tenant(**row._mapping, settings=settings)  # noqa: SLF001 - SQLAlchemy's public name for it
