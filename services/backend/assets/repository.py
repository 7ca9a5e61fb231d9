"""SQL for assets and fees."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from servicekit.database import Database, ReadSession, WriteSession
from servicekit.page_queries import Listed, fetch_page
from servicekit.paging import Page, PageQuery
from servicekit.statements import prepared
from sqlalchemy import Row, bindparam, func, insert, select, update
from sqlalchemy.dialects.postgresql import distinct_on

from services.backend.assets.errors import duplicate_asset, unknown_asset
from services.backend.assets.model import Asset, Fee, FeeType
from services.backend.assets.tables import assets, fees, ledger_numbers

_COLUMNS = [column for column in assets.c if column.name != "deleted_at"]


_NEXT_NUMBER = prepared(select(func.nextval(ledger_numbers.name)))
_ADD = prepared(insert(assets), columns=tuple(Asset.__dataclass_fields__))
_ADD_FEE = prepared(insert(fees), columns=tuple(Fee.__dataclass_fields__))
_ALIVE = (assets.c.id == bindparam("asset_id")) & assets.c.deleted_at.is_(None)
_SET_THRESHOLDS = prepared(
    update(assets).where(_ALIVE), columns=("withdrawal_threshold", "liquidity_threshold")
)
_DELETE = prepared(update(assets).where(_ALIVE), columns=("deleted_at",))
_LOAD_ALL = prepared(select(*_COLUMNS).where(assets.c.deleted_at.is_(None)))
_LOAD = prepared(select(*_COLUMNS).where(_ALIVE))
_GET_TO_USE = prepared(select(*_COLUMNS).where(_ALIVE).with_for_update(read=True))
_IN_FORCE = (
    select(fees)
    .ext(distinct_on(fees.c.asset_id, fees.c.type))
    .order_by(fees.c.asset_id, fees.c.type, fees.c.id.desc())
)
_LOAD_ALL_FEES = prepared(_IN_FORCE)
_LOAD_FEES = prepared(_IN_FORCE.where(fees.c.asset_id == bindparam("asset_id")))


async def next_ledger_number(database: Database) -> int:
    """A ledger number that no asset has."""
    number: int = (await database.write_one(_NEXT_NUMBER)).scalar_one()
    return number


async def load_all(session: ReadSession) -> list[Asset]:
    """Every asset that is not deleted."""
    return [_asset(row) for row in (await session.execute(_LOAD_ALL)).all()]


async def load(session: ReadSession, asset_id: UUID) -> Asset | None:
    """One asset that is not deleted."""
    row = (await session.execute(_LOAD, {"asset_id": asset_id})).one_or_none()
    return None if row is None else _asset(row)


async def load_all_fees(session: ReadSession) -> list[Fee]:
    """The fees in force of every asset."""
    return [_fee(row) for row in (await session.execute(_LOAD_ALL_FEES)).all()]


async def load_fees(session: ReadSession, asset_id: UUID) -> list[Fee]:
    """The fees in force of an asset."""
    return [_fee(row) for row in (await session.execute(_LOAD_FEES, {"asset_id": asset_id})).all()]


def add(session: WriteSession, asset: Asset) -> None:
    """Insert an asset; AlreadyExists is raised when the tenant has it."""
    session.add(
        _ADD,
        {name: getattr(asset, name) for name in Asset.__dataclass_fields__},
        constraint="uq_assets_tenant_code_scale",
        refused=lambda: duplicate_asset(asset.code, asset.scale),
    )


async def get(session: ReadSession, asset_id: UUID, tenant_id: UUID | None) -> Asset | None:
    """One asset of a tenant; None as the tenant means any."""
    query = select(*_COLUMNS).where(assets.c.id == asset_id, assets.c.deleted_at.is_(None))
    if tenant_id is not None:
        query = query.where(assets.c.tenant_id == tenant_id)
    row = (await session.execute(query)).one_or_none()
    return None if row is None else _asset(row)


async def lock(session: WriteSession, asset_id: UUID) -> None:
    """Keep others from putting anything into the asset until this transaction ends."""
    await session.execute(select(assets.c.id).where(assets.c.id == asset_id).with_for_update())


async def get_to_use(session: WriteSession, asset_id: UUID, tenant_id: UUID | None) -> Asset | None:
    """As `get`, for what is put into it: it stays undeleted until this transaction ends."""
    row = (await session.execute(_GET_TO_USE, {"asset_id": asset_id})).one_or_none()
    asset = None if row is None else _asset(row)
    return asset if asset is not None and tenant_id in {None, asset.tenant_id} else None


async def find(session: ReadSession, tenant_id: UUID, code: str, scale: int) -> Asset | None:
    """A tenant's asset by code and scale."""
    query = select(*_COLUMNS).where(
        assets.c.tenant_id == tenant_id,
        assets.c.code == code,
        assets.c.scale == scale,
        assets.c.deleted_at.is_(None),
    )
    row = (await session.execute(query)).one_or_none()
    return None if row is None else _asset(row)


async def page(session: ReadSession, tenant_id: UUID | None, query: PageQuery) -> Page[Asset]:
    """A page of a tenant's assets, newest first."""
    statement = select(*_COLUMNS).where(assets.c.deleted_at.is_(None))
    if tenant_id is not None:
        statement = statement.where(assets.c.tenant_id == tenant_id)
    return await fetch_page(session, Listed(rows=statement, place=(assets.c.id,)), query, _asset)


def set_thresholds(session: WriteSession, asset: Asset) -> None:
    """Replace both thresholds; NotFound is raised when it was deleted."""
    values = {
        "asset_id": asset.id,
        "withdrawal_threshold": asset.withdrawal_threshold,
        "liquidity_threshold": asset.liquidity_threshold,
    }
    session.add(_SET_THRESHOLDS, values, rows=1, refused=lambda: unknown_asset(asset.id))


def delete(session: WriteSession, asset_id: UUID, now: datetime) -> None:
    """Mark an asset as deleted; its ledger stays."""
    values = {"asset_id": asset_id, "deleted_at": now}
    session.add(_DELETE, values, rows=1, refused=lambda: unknown_asset(asset_id))


def add_fee(session: WriteSession, fee: Fee) -> None:
    """Append a fee; the newest one is in force."""
    session.add(_ADD_FEE, {name: getattr(fee, name) for name in Fee.__dataclass_fields__})


async def fee_page(session: ReadSession, asset_id: UUID, query: PageQuery) -> Page[Fee]:
    """A page of an asset's fees, newest first."""
    statement = select(fees).where(fees.c.asset_id == asset_id)
    return await fetch_page(session, Listed(rows=statement, place=(fees.c.id,)), query, _fee)


async def by_ids(session: ReadSession, ids: Sequence[UUID]) -> dict[UUID, Asset]:
    """Assets by id, deleted ones too: what refers to them stays readable."""
    rows = await session.execute(select(*_COLUMNS).where(assets.c.id.in_(ids)))
    return {row.id: _asset(row) for row in rows.all()}


def _asset(row: Row[tuple[object, ...]]) -> Asset:
    return Asset(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it


def _fee(row: Row[tuple[object, ...]]) -> Fee:
    fields = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    fields["type"] = FeeType(fields["type"])
    return Fee(**fields)
