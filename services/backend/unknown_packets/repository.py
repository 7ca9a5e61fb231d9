"""SQL for packets whose outcome is unknown."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from servicekit.database import ReadSession, WriteSession
from servicekit.page_queries import Listed, fetch_page
from servicekit.paging import Page, PageQuery
from sqlalchemy import Row, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert

from services.backend.assets.tables import assets
from services.backend.unknown_packets.model import Resolution, UnknownPacket
from services.backend.unknown_packets.tables import unknown_packets as table
from services.backend.unknown_packets.tables import unknown_packets_searched as searched

_ONLY: Final = 1
"""The id of the one row of `unknown_packets_searched`."""


async def searched_until(session: ReadSession) -> int:
    """Up to which timestamp of the ledger reservations were looked at; 0 at the very first."""
    query = select(searched.c.ledger_timestamp).where(searched.c.id == _ONLY)
    return await session.scalar(query) or 0


async def count_open(session: ReadSession) -> int:
    """How many packets nobody has resolved; they are few, and have an index of their own."""
    query = select(func.count()).where(table.c.resolution.is_(None))
    return await session.scalar(query) or 0


async def search_on_from(session: WriteSession, timestamp: int) -> None:
    """Remember how far was searched; another process may have come further."""
    statement = insert(searched).values(id=_ONLY, ledger_timestamp=timestamp)
    later = func.greatest(searched.c.ledger_timestamp, statement.excluded.ledger_timestamp)
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=[searched.c.id], set_={"ledger_timestamp": later}
        )
    )


async def add(
    session: WriteSession,
    *,
    entry_id: UUID,
    packet_id: UUID,
    peer_id: UUID,
    outgoing_payment_id: UUID | None,
    incoming_peer_id: UUID | None,
    asset_id: UUID,
    amount: int,
    reserved_at: datetime,
    entered_at: datetime,
) -> bool:
    """List an entry for the tenant of its asset; False when it is listed already."""
    values: dict[str, Any] = {
        "id": entry_id,
        "packet_id": packet_id,
        "peer_id": peer_id,
        "outgoing_payment_id": outgoing_payment_id,
        "incoming_peer_id": incoming_peer_id,
        "asset_id": asset_id,
        "amount": amount,
        "reserved_at": reserved_at,
        "entered_at": entered_at,
    }
    row = select(
        assets.c.tenant_id, *(literal(value, table.c[name].type) for name, value in values.items())
    ).where(assets.c.id == asset_id)
    statement = (
        insert(table)
        .from_select(["tenant_id", *values], row)
        .on_conflict_do_nothing(index_elements=[table.c.packet_id])
        .returning(table.c.id)
    )
    return (await session.execute(statement)).one_or_none() is not None


async def get(session: ReadSession, entry_id: UUID, tenant_id: UUID | None) -> UnknownPacket | None:
    """One entry of a tenant; None as the tenant means any."""
    query = select(table).where(table.c.id == entry_id)
    if tenant_id is not None:
        query = query.where(table.c.tenant_id == tenant_id)
    row = (await session.execute(query)).one_or_none()
    return None if row is None else _packet(row)


async def page(
    session: ReadSession,
    query: PageQuery,
    *,
    tenant_id: UUID | None,
    peer_id: UUID | None,
    open_only: bool,
) -> Page[UnknownPacket]:
    """A page of entries."""
    statement = select(table)
    if tenant_id is not None:
        statement = statement.where(table.c.tenant_id == tenant_id)
    if peer_id is not None:
        statement = statement.where(table.c.peer_id == peer_id)
    if open_only:
        statement = statement.where(table.c.resolution.is_(None))
    listed = Listed(rows=statement, place=(table.c.id,))
    return await fetch_page(session, listed, query, _packet)


async def open_packets(
    session: ReadSession, *, after: UUID | None, limit: int
) -> Sequence[tuple[UUID, UUID]]:
    """Entries that are not resolved with their packets, the oldest first."""
    query = select(table.c.id, table.c.packet_id).where(table.c.resolution.is_(None))
    if after is not None:
        query = query.where(table.c.id > after)
    rows = (await session.execute(query.order_by(table.c.id).limit(limit))).all()
    return [(row.id, row.packet_id) for row in rows]


async def resolve(
    session: WriteSession, packet_ids: Sequence[UUID], resolution: Resolution, now: datetime
) -> list[UUID]:
    """Write down what the ledger says of packets; returns the payments that paid for them."""
    statement = (
        update(table)
        .where(table.c.packet_id.in_(packet_ids), table.c.resolution.is_(None))
        .values(resolution=resolution.value, resolved_at=now)
        .returning(table.c.outgoing_payment_id)
    )
    payment_ids = (await session.execute(statement)).scalars().all()
    return [payment_id for payment_id in payment_ids if payment_id is not None]


def _packet(row: Row[Any]) -> UnknownPacket:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    resolution = values.pop("resolution")
    return UnknownPacket(
        resolution=None if resolution is None else Resolution(resolution), **values
    )
