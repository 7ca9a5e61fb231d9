"""SQL for deposits and withdrawals, and for whose an account is."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum
from uuid import UUID

from servicekit.database import ReadSession, WriteSession
from sqlalchemy import Row, Select, Table, false, select, union_all
from sqlalchemy.dialects.postgresql import insert

from services.backend.assets.tables import assets
from services.backend.incoming_payments.tables import incoming_payments
from services.backend.liquidity.model import Kind, LiquidityTransfer
from services.backend.liquidity.tables import liquidity_transfers
from services.backend.outgoing_payments.tables import outgoing_payments
from services.backend.peers.tables import peers
from services.backend.wallet_addresses.tables import wallet_addresses


class Holder(Enum):
    """What has an account that money is brought to or taken from by an id of the caller's."""

    ASSET = assets
    PEER = peers
    WALLET_ADDRESS = wallet_addresses


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldAccount:
    """An account by what holds it."""

    id: UUID
    ledger: int
    deleted: bool


_T = liquidity_transfers.c
_OWNED = (assets, peers, wallet_addresses, incoming_payments, outgoing_payments)
_COLUMNS = (
    *(column for column in liquidity_transfers.c if column.name != "asset_id"),
    assets.c.ledger,
)


async def find_account(
    session: ReadSession, holder: Holder, account_id: UUID, tenant_id: UUID | None
) -> HeldAccount | None:
    """The account of a tenant's asset, peer or wallet address, deleted ones too.

    None as the tenant means any.
    """
    table: Table = holder.value
    deleted = table.c.deleted_at.is_not(None) if "deleted_at" in table.c else false()
    query = select(assets.c.ledger, deleted.label("deleted"))
    if table is not assets:
        query = query.join_from(assets, table, table.c.asset_id == assets.c.id)
    query = query.where(table.c.id == account_id)
    if tenant_id is not None:
        query = query.where(table.c.tenant_id == tenant_id)
    row = (await session.execute(query)).one_or_none()
    if row is None:
        return None
    return HeldAccount(id=account_id, ledger=row.ledger, deleted=row.deleted)


async def owner(session: ReadSession, account_id: UUID) -> UUID | None:
    """The tenant that has an account under the id of one of its rows; None when nobody has."""
    tenant_id: UUID | None = await session.scalar(
        union_all(*(select(t.c.tenant_id).where(t.c.id == account_id) for t in _OWNED)).limit(1)
    )
    return tenant_id


async def add(session: WriteSession, transfer: LiquidityTransfer) -> bool:
    """Insert a deposit or withdrawal; False when there is one under its ledger id, which stays."""
    values = {
        name: getattr(transfer, name)
        for name in LiquidityTransfer.__dataclass_fields__
        if name != "ledger"
    }
    asset_id = select(assets.c.id).where(assets.c.ledger == transfer.ledger).scalar_subquery()
    added = await session.scalar(
        insert(liquidity_transfers)
        .values(**values, asset_id=asset_id)
        .on_conflict_do_nothing(index_elements=["transfer_id"])
        .returning(_T.transfer_id)
    )
    return added is not None


async def get(session: ReadSession, transfer_id: UUID) -> LiquidityTransfer | None:
    """One by its ledger id."""
    row = (await session.execute(_select().where(_T.transfer_id == transfer_id))).one_or_none()
    return None if row is None else _transfer(row)


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


def _select() -> Select[tuple[object, ...]]:
    return select(*_COLUMNS).join_from(liquidity_transfers, assets, _T.asset_id == assets.c.id)


def _transfer(row: Row[tuple[object, ...]]) -> LiquidityTransfer:
    fields = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    fields["kind"] = Kind(fields["kind"])
    return LiquidityTransfer(**fields)
