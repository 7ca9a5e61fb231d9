"""SQL for comparisons of the books."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from servicekit.database import ReadSession, WriteSession
from servicekit.outbox_tables import OPEN
from servicekit.statements import prepared
from sqlalchemy import (
    ARRAY,
    DateTime,
    Integer,
    Row,
    String,
    Uuid,
    bindparam,
    func,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from services.backend.events.tables import webhook_deliveries, webhook_events
from services.backend.reconciliation.model import Agreed, Difference, Finding, Kind
from services.backend.reconciliation.tables import book_differences as differences
from services.backend.reconciliation.tables import reconciled_accounts as accounts
from services.backend.reconciliation.tables import reconciled_events as events

ATTEMPT_MAX: Final = timedelta(minutes=2)
"""What one attempt at a delivery takes at most, with the wait after it."""
_ONLY: Final = 1
"""The id of the one row of `reconciled_events`."""
_FIRST: Final = UUID(int=0)
_IDS: Final = bindparam("ids", type_=ARRAY(Uuid))
_TYPES: Final = bindparam("types", type_=ARRAY(String))
_AGREED: Final = prepared(select(accounts).where(accounts.c.account_id == func.any(_IDS)))
_EVENTS_UNTIL: Final = prepared(select(events.c.event_id).where(events.c.id == _ONLY))
_ENDS_AFTER: Final = prepared(
    select(webhook_events.c.id, webhook_events.c.resource_id)
    .where(
        webhook_events.c.id > bindparam("after", type_=Uuid),
        webhook_events.c.created_at <= bindparam("until", type_=DateTime(timezone=True)),
        webhook_events.c.type == func.any(_TYPES),
    )
    .order_by(webhook_events.c.id)
    .limit(bindparam("count", type_=Integer))
)
_TOLD: Final = prepared(
    select(webhook_events.c.resource_id)
    .where(
        webhook_events.c.resource_id == func.any(_IDS), webhook_events.c.type == func.any(_TYPES)
    )
    .distinct()
)
_OPEN: Final = (
    select(differences).where(differences.c.resolved_at.is_(None)).order_by(differences.c.found_at)
)
_COUNTS: Final = prepared(
    select(
        select(func.count())
        .select_from(differences)
        .where(differences.c.resolved_at.is_(None))
        .scalar_subquery()
        .label("differences"),
        select(func.count())
        .select_from(webhook_deliveries)
        .where(
            webhook_deliveries.c.state == literal_column(str(OPEN)),
            webhook_deliveries.c.created_at
            < bindparam("now", type_=DateTime(timezone=True))
            - webhook_deliveries.c.attempts_max
            * literal_column(f"interval '{int(ATTEMPT_MAX.total_seconds())} seconds'"),
        )
        .scalar_subquery()
        .label("webhooks"),
    )
)


async def agreed(session: ReadSession, account_ids: Sequence[UUID]) -> dict[UUID, Agreed]:
    """Where accounts agreed last, those that ever did."""
    rows = await session.execute(_AGREED, {"ids": list(account_ids)})
    return {
        row.account_id: Agreed(
            account_id=row.account_id,
            timestamp=row.ledger_timestamp,
            debits=row.debits,
            credits=row.credits,
        )
        for row in rows.all()
    }


async def ends_told(
    session: ReadSession, *, until: datetime, types: Sequence[str], limit: int
) -> Sequence[tuple[UUID, UUID]]:
    """Events of these types that were not seen yet, the oldest first, and their payments."""
    after = await session.scalar(_EVENTS_UNTIL) or _FIRST
    values = {"after": after, "until": until, "types": list(types), "count": limit}
    rows = await session.execute(_ENDS_AFTER, values)
    return [(row.id, row.resource_id) for row in rows.all()]


async def told(session: ReadSession, ids: Sequence[UUID], types: Sequence[str]) -> set[UUID]:
    """Those payments of which an event of these types tells."""
    rows = await session.execute(_TOLD, {"ids": list(ids), "types": list(types)})
    return {row.resource_id for row in rows.all()}


async def open_differences(session: ReadSession, *, limit: int) -> list[Difference]:
    """Those that are open, the oldest first."""
    return [_difference(row) for row in (await session.execute(_OPEN.limit(limit))).all()]


async def counts(session: ReadSession, now: datetime) -> tuple[int, int]:
    """How many differences are open, and how many webhooks are past their last attempt."""
    row = (await session.execute(_COUNTS, {"now": now})).one()
    return row.differences, row.webhooks


async def agree(session: WriteSession, found: Sequence[Agreed]) -> None:
    """Remember where accounts agree; another process may have come further."""
    statement = insert(accounts).values(
        [
            {
                "account_id": each.account_id,
                "ledger_timestamp": each.timestamp,
                "debits": each.debits,
                "credits": each.credits,
            }
            for each in found
        ]
    )
    new = statement.excluded
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=[accounts.c.account_id],
            set_={name: new[name] for name in ("ledger_timestamp", "debits", "credits")},
            where=accounts.c.ledger_timestamp < new.ledger_timestamp,
        )
    )


async def see_events(session: WriteSession, event_id: UUID) -> None:
    """Remember up to which event was looked; another process may have come further."""
    statement = insert(events).values(id=_ONLY, event_id=event_id)
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=[events.c.id],
            set_={"event_id": statement.excluded.event_id},
            where=events.c.event_id < statement.excluded.event_id,
        )
    )


async def report(
    session: WriteSession, difference_id: UUID, finding: Finding, found_at: datetime
) -> None:
    """Open a difference, or say how large an open one is now."""
    values: dict[str, Any] = {
        "expected": finding.expected,
        "found": finding.found,
        "transfer_id": finding.transfer_id,
        "transfer_timestamp": finding.transfer_timestamp,
    }
    statement = insert(differences).values(
        id=difference_id,
        kind=finding.kind.value,
        subject_id=finding.subject_id,
        found_at=found_at,
        **values,
    )
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=[differences.c.kind, differences.c.subject_id],
            index_where=differences.c.resolved_at.is_(None),
            set_=values,
        )
    )


async def resolve(session: WriteSession, ids: Sequence[UUID], now: datetime) -> None:
    """Close differences: the books agree again."""
    await session.execute(
        update(differences)
        .where(differences.c.id.in_(ids), differences.c.resolved_at.is_(None))
        .values(resolved_at=now)
    )


def _difference(row: Row[Any]) -> Difference:
    return Difference(
        id=row.id,
        finding=Finding(
            kind=Kind(row.kind),
            subject_id=row.subject_id,
            expected=row.expected,
            found=row.found,
            transfer_id=row.transfer_id,
            transfer_timestamp=row.transfer_timestamp,
        ),
        found_at=row.found_at,
    )
