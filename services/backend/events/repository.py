"""SQL for events, their feed and their deliveries.

The feed is read by cursor, and no event may ever show up behind a cursor. Neither ids nor
`position` give that: both are taken before the commit, and transactions commit in any order. So an
event gets its `feed_position` after its commit, from a reader: under a lock that lasts until the
reader's own commit, so that positions become visible in their order. This depends on no clock, no
transaction id (which a restored dump would not keep) and no other transaction's end, and it costs
nothing while nobody reads the feed.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from servicekit.database import ReadSession, WriteSession
from servicekit.outbox_tables import DONE, OPEN, PARKED
from servicekit.page_queries import Listed, fetch_page
from servicekit.paging import Page, PageQuery
from servicekit.statements import prepared
from sqlalchemy import Row, bindparam, func, select, text, update

from services.backend.events.model import DeliveryState, Event, EventDelivery, NewEvent
from services.backend.events.tables import feed_positions, webhook_deliveries, webhook_events

FEED_LOCK: Final = 0x7261_6669_6B69_6576
"""Advisory lock of whoever gives events their places; no other lock of the node has its number."""
_END_OF_TENANT: Final = prepared(
    update(webhook_deliveries).where(
        webhook_deliveries.c.lane == bindparam("its_lane"), webhook_deliveries.c.state == OPEN
    ),
    columns=("state", "finished_at", "last_error"),
)
_STATES: Final = {
    OPEN: DeliveryState.PENDING,
    DONE: DeliveryState.DELIVERED,
    PARKED: DeliveryState.PARKED,
}
_COLUMNS: Final = [column for column in webhook_events.c if column.name != "position"]
# In the order of the arrays: that of their positions.
_ADD: Final = prepared(
    text("""
        INSERT INTO webhook_events (id, tenant_id, type, data, resource_id, created_at)
        SELECT new.id, new.tenant_id, new.type, CAST(new.data AS jsonb), new.resource_id,
            CAST(:created_at AS timestamptz)
        FROM unnest(
            CAST(:ids AS uuid[]), CAST(:tenant_ids AS uuid[]), CAST(:types AS text[]),
            CAST(:data AS text[]), CAST(:resource_ids AS uuid[])
        ) WITH ORDINALITY AS new (id, tenant_id, type, data, resource_id, place)
        ORDER BY new.place
        RETURNING id
    """).columns(webhook_events.c.id)
)
_ABOUT: Final = prepared(
    select(*_COLUMNS)
    .where(webhook_events.c.resource_id == bindparam("about"))
    .order_by(webhook_events.c.position)
)
_LOCK: Final = text("SELECT pg_advisory_xact_lock(:key)")


def add(session: WriteSession, events: Sequence[NewEvent], *, created_at: datetime) -> None:
    """Write events in the transaction of what happened, in this order."""
    values = {
        "ids": [event.id for event in events],
        "tenant_ids": [event.told.tenant_id for event in events],
        "types": [event.told.type for event in events],
        "data": [json.dumps(event.told.data) for event in events],
        "resource_ids": [event.told.resource_id for event in events],
        "created_at": created_at,
    }
    session.add(_ADD, values)


async def get(session: ReadSession, event_id: UUID, tenant_id: UUID | None) -> Event | None:
    """One event of a tenant; None as the tenant means any."""
    query = select(*_COLUMNS).where(webhook_events.c.id == event_id)
    if tenant_id is not None:
        query = query.where(webhook_events.c.tenant_id == tenant_id)
    row = (await session.execute(query)).one_or_none()
    return None if row is None else _event(row)


async def about(session: ReadSession, resource_id: UUID) -> list[Event]:
    """All events about a payment or account, in the order of their writing."""
    return [_event(row) for row in (await session.execute(_ABOUT, {"about": resource_id})).all()]


async def page(
    session: ReadSession, query: PageQuery, *, tenant_id: UUID | None, types: Sequence[str]
) -> Page[Event]:
    """A page of events, newest first."""
    statement = select(*_COLUMNS)
    if tenant_id is not None:
        statement = statement.where(webhook_events.c.tenant_id == tenant_id)
    if types:
        statement = statement.where(webhook_events.c.type.in_(types))
    return await fetch_page(
        session, Listed(rows=statement, place=(webhook_events.c.id,)), query, _event
    )


async def after(
    session: ReadSession, cursor: int, *, tenant_id: UUID | None, limit: int
) -> list[Event]:
    """Events with a place in the feed after a cursor, in the feed's order."""
    column = webhook_events.c.feed_position
    query = select(*_COLUMNS).where(column > cursor)
    if tenant_id is not None:
        query = query.where(webhook_events.c.tenant_id == tenant_id)
    rows = await session.execute(query.order_by(column).limit(limit))
    return [_event(row) for row in rows.all()]


async def last_place(session: ReadSession) -> int:
    """The last place of the feed that is given, 0 when none is."""
    return await session.scalar(select(func.max(webhook_events.c.feed_position))) or 0


async def any_unplaced(session: ReadSession) -> bool:
    """Whether an event waits for its place in the feed."""
    query = select(webhook_events.c.id).where(webhook_events.c.feed_position.is_(None)).limit(1)
    return await session.scalar(query) is not None


async def place(session: WriteSession, *, limit: int) -> int:
    """Give the oldest events without a place the next places; returns how many there were."""
    await session.execute(_LOCK, {"key": FEED_LOCK})
    unplaced = select(webhook_events.c.id).where(webhook_events.c.feed_position.is_(None))
    ordered = unplaced.order_by(webhook_events.c.position).limit(limit).cte("ordered")
    # A step of its own, so that the numbers are drawn in the order of the rows.
    numbered = select(ordered.c.id, func.nextval(feed_positions.name).label("place")).cte(
        "numbered"
    )
    placed = await session.execute(
        update(webhook_events)
        .where(webhook_events.c.id == numbered.c.id)
        .values(feed_position=numbered.c.place)
    )
    return placed.rowcount


async def deliveries(
    session: ReadSession, event_ids: Sequence[UUID]
) -> dict[UUID, list[EventDelivery]]:
    """The deliveries of events, oldest first; delivered ones are kept for a while only."""
    table = webhook_deliveries
    event_id = table.c.payload["id"].astext
    query = select(
        table.c.id,
        event_id.label("event_id"),
        table.c.state,
        table.c.attempts,
        table.c.last_status,
        table.c.last_error,
        table.c.due_at,
    ).where(event_id.in_([str(found) for found in event_ids]))
    found: dict[UUID, list[EventDelivery]] = {event_id: [] for event_id in event_ids}
    for row in (await session.execute(query.order_by(table.c.position))).all():
        delivery = _delivery(row)
        found[delivery.event_id].append(delivery)
    return found


def _event(row: Row[Any]) -> Event:
    return Event(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it


def _delivery(row: Row[Any]) -> EventDelivery:
    return EventDelivery(
        id=row.id,
        event_id=UUID(row.event_id),
        state=_STATES[row.state],
        attempts=row.attempts,
        last_status=row.last_status,
        last_error=row.last_error,
        next_attempt_at=row.due_at if row.state == OPEN else None,
    )


async def end_of_tenant(session: WriteSession, tenant_id: UUID, now: datetime) -> None:
    """Park what a tenant was still to be told."""
    values = {
        "its_lane": str(tenant_id),
        "state": PARKED,
        "finished_at": now,
        "last_error": "the tenant is deleted",
    }
    session.add(_END_OF_TENANT, values)
