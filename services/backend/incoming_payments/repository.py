"""SQL for incoming payments."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from servicekit.commands import FactsChanged
from servicekit.database import Database, ReadSession, WriteSession
from servicekit.page_queries import Listed, fetch_page
from servicekit.paging import Page, PageQuery
from servicekit.statements import prepared
from sqlalchemy import ARRAY, Row, Uuid, and_, bindparam, func, insert, select, text, update

from services.backend.incoming_payments.model import IncomingPayment, InitiatedBy, State
from services.backend.incoming_payments.tables import incoming_payments as table

_NAMES: Final = tuple(column.name for column in table.c)
_OPEN: Final = and_(
    table.c.id == bindparam("payment_id"),
    table.c.state == State.PENDING,
    table.c.cancelled_at.is_(None),
)
_ADD: Final = prepared(insert(table), columns=_NAMES)
_BY_IDS: Final = prepared(
    select(table).where(table.c.id == func.any(bindparam("ids", type_=ARRAY(Uuid))))
)
_CANCEL: Final = prepared(
    update(table).where(_OPEN, table.c.approved_at.is_(None)),
    columns=("cancelled_at", "cancellation_reason"),
)
_APPROVE: Final = prepared(update(table).where(_OPEN), columns=("approved_at",))
_SET_METADATA: Final = prepared(
    update(table).where(table.c.id == bindparam("payment_id")), columns=("metadata",)
)
# Each payment ends as it was seen: if it was changed since, it is left alone.
_END: Final = prepared(
    text("""
        UPDATE incoming_payments AS payment
        SET state = ended.state, received_amount = ended.received,
            cancelled_at = ended.cancelled_at, cancellation_reason = ended.reason
        FROM unnest(
            CAST(:ids AS uuid[]), CAST(:states AS text[]), CAST(:received AS numeric[]),
            CAST(:cancelled_at AS timestamptz[]), CAST(:reasons AS text[]),
            CAST(:seen_cancelled_at AS timestamptz[]), CAST(:seen_approved_at AS timestamptz[]),
            CAST(:seen_metadata AS text[])
        ) AS ended (
            id, state, received, cancelled_at, reason, seen_cancelled_at, seen_approved_at,
            seen_metadata
        )
        WHERE payment.id = ended.id AND payment.state = 'PENDING'
            AND payment.cancelled_at IS NOT DISTINCT FROM ended.seen_cancelled_at
            AND payment.approved_at IS NOT DISTINCT FROM ended.seen_approved_at
            AND coalesce(payment.metadata, 'null') = CAST(ended.seen_metadata AS jsonb)
        RETURNING payment.id
    """).columns(table.c.id)
)


def add(session: WriteSession, payment: IncomingPayment) -> None:
    """Insert a payment."""
    session.add(_ADD, {name: getattr(payment, name) for name in _NAMES})


async def by_ids(database: Database, ids: Sequence[UUID]) -> list[IncomingPayment]:
    """Payments by id, in no order."""
    async with database.read() as session:
        rows = await session.execute(_BY_IDS, {"ids": list(ids)})
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


def end(
    session: WriteSession, before: Sequence[IncomingPayment], after: Sequence[IncomingPayment]
) -> None:
    """End open payments; FactsChanged is raised unless all of them are still as they were."""
    values: Mapping[str, Any] = {
        "ids": [payment.id for payment in after],
        "states": [str(payment.state) for payment in after],
        "received": [payment.received_amount for payment in after],
        "cancelled_at": [payment.cancelled_at for payment in after],
        "reasons": [payment.cancellation_reason for payment in after],
        "seen_cancelled_at": [payment.cancelled_at for payment in before],
        "seen_approved_at": [payment.approved_at for payment in before],
        "seen_metadata": [json.dumps(payment.metadata) for payment in before],
    }
    session.add(_END, values, rows=len(after), refused=FactsChanged)


def cancel(session: WriteSession, payment: IncomingPayment) -> None:
    """Mark an open payment as cancelled; FactsChanged when it has ended or is marked already."""
    values = {
        "payment_id": payment.id,
        "cancelled_at": payment.cancelled_at,
        "cancellation_reason": payment.cancellation_reason,
    }
    session.add(_CANCEL, values, rows=1, refused=FactsChanged)


def approve(session: WriteSession, payment: IncomingPayment) -> None:
    """Mark an open payment as approved; FactsChanged when it has ended or is cancelled."""
    values = {"payment_id": payment.id, "approved_at": payment.approved_at}
    session.add(_APPROVE, values, rows=1, refused=FactsChanged)


def set_metadata(session: WriteSession, payment: IncomingPayment) -> None:
    """Replace the metadata."""
    values = {"payment_id": payment.id, "metadata": payment.metadata}
    session.add(_SET_METADATA, values, rows=1)


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
    fields = dict(zip(_NAMES, row, strict=True))
    fields["state"] = State(fields["state"])
    fields["initiated_by"] = InitiatedBy(fields["initiated_by"])
    return IncomingPayment(**fields)
