"""SQL for deposits and withdrawals, and for whose an account is."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from servicekit.database import Database, ReadSession, WriteSession
from servicekit.statements import Prepared, prepared
from sqlalchemy import Row, Select, Table, and_, bindparam, false, insert, select, union_all

from services.backend.assets.tables import assets
from services.backend.events.model import Event
from services.backend.events.tables import webhook_events
from services.backend.incoming_payments.tables import incoming_payments
from services.backend.liquidity.model import Holder, Kind, LiquidityTransfer
from services.backend.liquidity.tables import liquidity_transfers
from services.backend.outgoing_payments.tables import outgoing_payments
from services.backend.peers.tables import peers
from services.backend.wallet_addresses.tables import wallet_addresses


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldAccount:
    """An account by what holds it."""

    id: UUID
    asset_id: UUID
    ledger: int
    deleted: bool


_T = liquidity_transfers.c
_TABLES: Final = {
    Holder.ASSET: assets,
    Holder.PEER: peers,
    Holder.WALLET_ADDRESS: wallet_addresses,
    Holder.INCOMING_PAYMENT: incoming_payments,
    Holder.OUTGOING_PAYMENT: outgoing_payments,
}
_COLUMNS: Final = tuple(column.name for column in liquidity_transfers.c)


def _select() -> Select[tuple[object, ...]]:
    return select(*liquidity_transfers.c, assets.c.ledger).join_from(
        liquidity_transfers, assets, _T.asset_id == assets.c.id
    )


_ADD: Final = prepared(insert(liquidity_transfers), columns=_COLUMNS)
_GET: Final = prepared(_select().where(_T.transfer_id == bindparam("transfer_id")))
_EVENT_PREFIX: Final = "event_"
_EVENT: Final = tuple(Event.__dataclass_fields__)


def _withdrawals_of(payments: Table) -> Prepared:
    """A payment, its events in the order of their writing, and the withdrawals of each."""
    return prepared(
        select(
            payments.c.tenant_id.label("owner"),
            payments.c.state,
            assets.c.id.label("its_asset"),
            assets.c.ledger,
            *(webhook_events.c[name].label(f"{_EVENT_PREFIX}{name}") for name in _EVENT),
            *liquidity_transfers.c,
        )
        .select_from(
            payments.join(wallet_addresses, wallet_addresses.c.id == payments.c.wallet_address_id)
            .join(assets, assets.c.id == wallet_addresses.c.asset_id)
            .outerjoin(webhook_events, webhook_events.c.resource_id == payments.c.id)
            .outerjoin(
                liquidity_transfers,
                and_(
                    _T.id == webhook_events.c.id,
                    _T.tenant_id == webhook_events.c.tenant_id,
                    _T.kind == Kind.WITHDRAWAL,
                ),
            )
        )
        .where(payments.c.id == bindparam("payment_id"))
        .order_by(webhook_events.c.position, _T.created_at.desc(), _T.transfer_id.desc())
    )


_WITHDRAWALS: Final = {
    Holder.INCOMING_PAYMENT: _withdrawals_of(incoming_payments),
    Holder.OUTGOING_PAYMENT: _withdrawals_of(outgoing_payments),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidOut:
    """A payment, what was told of it, and what was withdrawn from it."""

    tenant_id: UUID
    state: str
    asset_id: UUID
    ledger: int
    events: list[Event]
    """In the order of their writing."""
    tries: list[LiquidityTransfer]
    """Withdrawals; of one event the newest first."""


async def find_account(
    session: ReadSession, holder: Holder, account_id: UUID, tenant_id: UUID | None
) -> HeldAccount | None:
    """The account of a tenant's asset, peer or wallet address, deleted ones too.

    None as the tenant means any.
    """
    table = _TABLES[holder]
    deleted = table.c.deleted_at.is_not(None) if "deleted_at" in table.c else false()
    query = select(assets.c.id.label("asset_id"), assets.c.ledger, deleted.label("deleted"))
    if table is not assets:
        query = query.join_from(assets, table, table.c.asset_id == assets.c.id)
    query = query.where(table.c.id == account_id)
    if tenant_id is not None:
        query = query.where(table.c.tenant_id == tenant_id)
    row = (await session.execute(query)).one_or_none()
    if row is None:
        return None
    return HeldAccount(id=account_id, asset_id=row.asset_id, ledger=row.ledger, deleted=row.deleted)


async def owner(session: ReadSession, account_id: UUID) -> UUID | None:
    """The tenant that has an account under the id of one of its rows; None when nobody has."""
    tenant_id: UUID | None = await session.scalar(
        union_all(
            *(select(t.c.tenant_id).where(t.c.id == account_id) for t in _TABLES.values())
        ).limit(1)
    )
    return tenant_id


def add(
    session: WriteSession, transfer: LiquidityTransfer, *, refused: Callable[[], Exception]
) -> None:
    """Insert a deposit or withdrawal; `refused` is raised when there is one under its ledger id."""
    session.add(
        _ADD,
        {name: getattr(transfer, name) for name in _COLUMNS},
        constraint="pk_liquidity_transfers",
        refused=refused,
    )


async def get(database: Database, transfer_id: UUID) -> LiquidityTransfer | None:
    """One by its ledger id, also when it was written a moment ago."""
    row = (await database.write_one(_GET, {"transfer_id": transfer_id})).one_or_none()
    return None if row is None else _transfer(row)


async def paid_out(database: Database, holder: Holder, payment_id: UUID) -> PaidOut | None:
    """A payment of any tenant with its events and withdrawals; None when there is none."""
    async with database.read() as session:
        rows = (await session.execute(_WITHDRAWALS[holder], {"payment_id": payment_id})).all()
    if not rows:
        return None
    events = {
        row.event_id: Event(**{name: getattr(row, f"{_EVENT_PREFIX}{name}") for name in _EVENT})
        for row in rows
        if row.event_id is not None
    }
    tries = [
        LiquidityTransfer(
            **{name: getattr(row, name) for name in _COLUMNS}
            | {"kind": Kind(row.kind), "ledger": row.ledger}
        )
        for row in rows
        if row.transfer_id is not None
    ]
    first = rows[0]
    return PaidOut(
        tenant_id=first.owner,
        state=first.state,
        asset_id=first.its_asset,
        ledger=first.ledger,
        events=list(events.values()),
        tries=tries,
    )


async def withdrawals(
    session: ReadSession, ids: Collection[UUID], tenant_id: UUID | None
) -> list[LiquidityTransfer]:
    """The transfers of a tenant's withdrawals, newest first; None as the tenant means any."""
    query = _select().where(_T.id.in_(ids), _T.kind == Kind.WITHDRAWAL)
    if tenant_id is not None:
        query = query.where(_T.tenant_id == tenant_id)
    rows = await session.execute(query.order_by(_T.created_at.desc(), _T.transfer_id.desc()))
    return [_transfer(row) for row in rows.all()]


async def names(session: ReadSession, transfer_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """What tenants call transfers, by their ids in the ledger."""
    query = select(_T.transfer_id, _T.id).where(_T.transfer_id.in_(transfer_ids))
    return {row.transfer_id: row.id for row in (await session.execute(query)).all()}


def _transfer(row: Row[tuple[object, ...]]) -> LiquidityTransfer:
    fields = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    fields["kind"] = Kind(fields["kind"])
    return LiquidityTransfer(**fields)
