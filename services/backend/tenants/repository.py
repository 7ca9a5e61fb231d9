"""SQL for tenants."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from servicekit.database import ReadSession, WriteSession
from servicekit.page_queries import Listed, fetch_page
from servicekit.paging import Page, PageQuery
from servicekit.statements import prepared
from sqlalchemy import (
    ARRAY,
    Row,
    String,
    Uuid,
    any_,
    bindparam,
    cast,
    delete,
    func,
    literal,
    select,
)
from sqlalchemy.dialects.postgresql import insert

from services.backend.tenants.errors import duplicate_setting, duplicate_tenant
from services.backend.tenants.model import NAME_KEYS, SettingKey, Tenant
from services.backend.tenants.tables import tenant_settings, tenants

_ROW: Final = tuple(column.name for column in tenants.c)
_ADD: Final = prepared(insert(tenants), columns=_ROW)
_new = insert(tenants)
_UPSERT: Final = prepared(
    _new.on_conflict_do_update(
        index_elements=["id"],
        set_={name: _new.excluded[name] for name in _ROW if name not in {"id", "created_at"}},
    ),
    columns=_ROW,
)
_settings = insert(tenant_settings).from_select(
    ["tenant_id", "key", "value"],
    select(
        bindparam("tenant_id", type_=Uuid),
        func.unnest(bindparam("keys", type_=ARRAY(String))),
        func.unnest(bindparam("values", type_=ARRAY(String))),
    ),
)
_SET_SETTINGS: Final = prepared(
    _settings.on_conflict_do_update(
        index_elements=["tenant_id", "key"], set_={"value": _settings.excluded.value}
    )
)
_UNSET_SETTINGS: Final = prepared(
    delete(tenant_settings).where(
        tenant_settings.c.tenant_id == bindparam("its_tenant"),
        tenant_settings.c.key == any_(bindparam("keys", type_=ARRAY(String))),
    )
)


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


def add(session: WriteSession, tenant: Tenant) -> None:
    """Insert a tenant without its settings; AlreadyExists is raised when the id is taken."""
    session.add(
        _ADD,
        _row(tenant),
        constraint="pk_tenants",
        refused=lambda: duplicate_tenant(tenant.id),
    )


def upsert(session: WriteSession, tenant: Tenant) -> None:
    """Write a tenant's row; its settings are left alone."""
    session.add(_UPSERT, _row(tenant))


def set_settings(session: WriteSession, tenant_id: UUID, settings: Mapping[str, str]) -> None:
    """Write some settings of a tenant; AlreadyExists is raised when another has such a name."""
    if settings:
        values = {"tenant_id": tenant_id, "keys": list(settings), "values": list(settings.values())}
        session.add(
            _SET_SETTINGS,
            values,
            constraint="uq_tenant_settings_of_one_tenant",
            refused=lambda: duplicate_setting(" or ".join(sorted(NAME_KEYS & settings.keys()))),
        )


def unset_settings(session: WriteSession, tenant_id: UUID, keys: Iterable[str]) -> None:
    """Take some settings of a tenant away: the node's own hold again."""
    session.add(_UNSET_SETTINGS, {"its_tenant": tenant_id, "keys": [str(key) for key in keys]})


def _row(tenant: Tenant) -> dict[str, Any]:
    return {column.name: getattr(tenant, column.name) for column in tenants.c}


def _tenant(row: Row[tuple[object, ...]], settings: Mapping[str, str]) -> Tenant:
    return Tenant(**row._mapping, settings=settings)  # noqa: SLF001 - SQLAlchemy's public name for it
