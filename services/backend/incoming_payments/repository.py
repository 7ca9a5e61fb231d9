"""SQL for incoming payments."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from servicekit.database import ReadSession, WriteSession
from servicekit.page_queries import Listed, fetch_page
from servicekit.paging import Page, PageQuery
from sqlalchemy import Row, case, insert, select, update

from services.backend.incoming_payments.model import IncomingPayment, InitiatedBy, State
from services.backend.incoming_payments.tables import incoming_payments as table


async def add(session: WriteSession, payment: IncomingPayment) -> None:
    """Insert a payment."""
    values = {name: getattr(payment, name) for name in IncomingPayment.__dataclass_fields__}
    await session.execute(insert(table).values(values))


async def get(
    session: ReadSession, payment_id: UUID, tenant_id: UUID | None = None
) -> IncomingPayment | None:
    """One payment of a tenant; None as the tenant means any."""
    query = select(table).where(table.c.id == payment_id)
    if tenant_id is not None:
        query = query.where(table.c.tenant_id == tenant_id)
    row = (await session.execute(query)).one_or_none()
    return None if row is None else _payment(row)


async def by_ids(session: ReadSession, ids: Sequence[UUID]) -> list[IncomingPayment]:
    """Payments by id, in no order."""
    rows = await session.execute(select(table).where(table.c.id.in_(ids)))
    return [_payment(row) for row in rows.all()]


async def page(
    session: ReadSession,
    query: PageQuery,
    *,
    tenant_id: UUID | None = None,
    wallet_address_id: UUID | None = None,
    client: str | None = None,
) -> Page[IncomingPayment]:
    """A page of payments, newest first."""
    statement = select(table)
    if tenant_id is not None:
        statement = statement.where(table.c.tenant_id == tenant_id)
    if wallet_address_id is not None:
        statement = statement.where(table.c.wallet_address_id == wallet_address_id)
    if client is not None:
        statement = statement.where(table.c.client == client)
    return await fetch_page(session, Listed(rows=statement, place=(table.c.id,)), query, _payment)


async def finish(
    session: WriteSession, payment_id: UUID, *, state: State, received: int
) -> IncomingPayment | None:
    """End an open payment; None when another has ended it first.

    What the ledger let in decides: one that received all that it expected is COMPLETED, whatever it
    was ended for, and was not cancelled. One that was cancelled before it got there has EXPIRED.
    """
    full = table.c.incoming_amount <= received
    statement = (
        update(table)
        .where(table.c.id == payment_id, table.c.state == State.PENDING)
        .values(
            state=case(
                (full, State.COMPLETED),
                (table.c.cancelled_at.is_not(None), State.EXPIRED),
                else_=state,
            ),
            received_amount=received,
            cancelled_at=case((full, None), else_=table.c.cancelled_at),
            cancellation_reason=case((full, None), else_=table.c.cancellation_reason),
        )
        .returning(*table.c)
    )
    row = (await session.execute(statement)).one_or_none()
    return None if row is None else _payment(row)


async def cancel(
    session: WriteSession, payment_id: UUID, *, now: datetime, reason: str | None
) -> bool:
    """Mark an open payment as cancelled; False when it has ended or was cancelled or approved."""
    statement = (
        update(table)
        .where(
            table.c.id == payment_id,
            table.c.state == State.PENDING,
            table.c.cancelled_at.is_(None),
            table.c.approved_at.is_(None),
        )
        .values(cancelled_at=now, cancellation_reason=reason)
        .returning(table.c.id)
    )
    return (await session.execute(statement)).one_or_none() is not None


async def approve(session: WriteSession, payment_id: UUID, now: datetime) -> bool:
    """Mark an open payment as approved; False when it has ended or was cancelled."""
    statement = (
        update(table)
        .where(
            table.c.id == payment_id,
            table.c.state == State.PENDING,
            table.c.cancelled_at.is_(None),
        )
        .values(approved_at=now)
        .returning(table.c.id)
    )
    return (await session.execute(statement)).one_or_none() is not None


async def set_metadata(session: WriteSession, payment_id: UUID, metadata: dict[str, Any]) -> None:
    """Replace the metadata."""
    await session.execute(update(table).where(table.c.id == payment_id).values(metadata=metadata))


async def expired(session: ReadSession, now: datetime, limit: int) -> Sequence[UUID]:
    """Open payments past their expiry, the longest overdue first."""
    query = (
        select(table.c.id)
        .where(table.c.state == State.PENDING, table.c.expires_at <= now)
        .order_by(table.c.expires_at)
        .limit(limit)
    )
    return (await session.execute(query)).scalars().all()


async def open_capped(session: ReadSession, after: UUID | None, limit: int) -> Sequence[UUID]:
    """Open payments that complete by themselves, by id, for the sweep after a crash."""
    query = select(table.c.id).where(
        table.c.state == State.PENDING, table.c.incoming_amount.is_not(None)
    )
    if after is not None:
        query = query.where(table.c.id > after)
    return (await session.execute(query.order_by(table.c.id).limit(limit))).scalars().all()


def _payment(row: Row[Any]) -> IncomingPayment:
    fields = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    fields["state"] = State(fields["state"])
    fields["initiated_by"] = InitiatedBy(fields["initiated_by"])
    return IncomingPayment(**fields)
