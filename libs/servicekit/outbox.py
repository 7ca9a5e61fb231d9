"""Deliveries written with the change they tell of, and what operators do with them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol
from uuid import UUID
from weakref import WeakKeyDictionary

from sqlalchemy import DateTime, Table, bindparam, delete, exists, literal_column, select, update

from servicekit.clock import Clock
from servicekit.database import Database, WriteSession
from servicekit.housekeeping import HousekeepingTask
from servicekit.ids import IdSource
from servicekit.outbox_tables import (
    DONE,
    LAST_ERROR_CHARACTERS_MAX,
    OPEN,
    PARKED,
    add_statement,
    backlog_statement,
    claim_statement,
    settle_statement,
)
from servicekit.statements import prepared

PURGE_ROWS_MAX = 1_000
REPLAY_ROWS_MAX = 1_000
ANYONE = ""
"""A notification for the workers of all processes."""
NOBODY = "-"
"""A notification of what has its worker already; it is for those who only watch."""
DELIVERED_KEPT = timedelta(days=30)
"""How long one can see that and when something was delivered."""


@dataclass(frozen=True, kw_only=True)
class NewDelivery:
    """What to deliver."""

    lane: str
    """Who waits in line for themselves only: the tenant."""
    ordering_key: str
    """Deliveries of one lane with the same key go one after the other: the payment."""
    payload: Mapping[str, Any]
    """JSON; what the deliverer needs."""
    attempts_max: int
    """After so many failed attempts the delivery is parked."""


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """A delivery that this worker has leased."""

    id: UUID
    lane: str
    ordering_key: str
    payload: Mapping[str, Any]
    attempts: int
    """This attempt included."""
    attempts_max: int
    created_at: datetime
    lease: UUID


class Here(Protocol):
    """The worker of this process."""

    @property
    def lease_for(self) -> timedelta:
        """How long what it takes is its own."""
        ...

    def has_room(self, lane: str) -> bool:
        """Whether it would begin a delivery of this lane at once."""
        ...

    def take(self, deliveries: Sequence[Delivery]) -> None:
        """Deliver what was leased for it when it was written."""
        ...

    def wake(self) -> None:
        """Something else is there to claim."""
        ...


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of an attempt."""

    delivery: Delivery
    delivered: bool
    error: str | None = None
    status: int | None = None
    retry_after: timedelta = field(default_factory=timedelta)

    @property
    def state(self) -> int:
        """The row's state after it."""
        if self.delivered:
            return DONE
        return PARKED if self.delivery.attempts >= self.delivery.attempts_max else OPEN


class Outbox:
    """The table of one kind of deliveries."""

    def __init__(self, *, table: Table, channel: str, clock: Clock, ids: IdSource) -> None:
        """`channel` is notified when there is something to claim."""
        self.table = table
        self.channel = channel
        self._clock = clock
        self._ids = ids
        self._here: Here | None = None
        self._added: WeakKeyDictionary[WriteSession, set[tuple[str, str]]] = WeakKeyDictionary()
        """The keys of each transaction: its statements don't see one another's deliveries."""
        self._add = add_statement(table)
        self._claim = claim_statement(table)
        self._settle = settle_statement(table)
        self._any_open = prepared(
            select(exists().where(table.c.state == literal_column(str(OPEN))))
        )
        self._backlog = backlog_statement(table)
        old = (
            select(table.c.id)
            .where(
                table.c.state != OPEN,
                table.c.state == literal_column(str(DONE)),  # as the partial index says it
                table.c.finished_at < bindparam("before", type_=DateTime(timezone=True)),
            )
            .limit(PURGE_ROWS_MAX)
            .with_for_update(skip_locked=True)
        )
        self._purge = prepared(delete(table).where(table.c.id.in_(old)))

    async def backlog(self, database: Database) -> tuple[float, float]:
        """How many deliveries are open, and for how many seconds the first of them has been due."""
        async with database.read() as session:
            row = (await session.execute(self._backlog, {"now": self._clock.now()})).one()
        return float(row.open), float(row.late_s)

    @contextmanager
    def delivered_here(self, worker: Here) -> Iterator[None]:
        """While a worker of this process runs and has room, it gets what this process adds.

        It is leased in the statement that writes it, so that nobody has to claim it. Should this
        process die, another one comes upon it once the lease has ended.
        """
        self._here = worker
        try:
            yield
        finally:
            self._here = None

    async def add(self, session: WriteSession, deliveries: Sequence[NewDelivery]) -> list[UUID]:
        """Write deliveries with the caller's transaction, in this order."""
        if not deliveries:
            return []
        ids, now, lease = (
            [self._ids.uuid() for _ in deliveries],
            self._clock.now(),
            self._ids.uuid(),
        )
        here, wanted = self._here, self._wanted(session, deliveries)
        leased: list[UUID | None] = []
        values = {
            "ids": ids,
            "lanes": [new.lane for new in deliveries],
            "ordering_keys": [new.ordering_key for new in deliveries],
            "payloads": [json.dumps(dict(new.payload)) for new in deliveries],
            "attempts_max": [new.attempts_max for new in deliveries],
            "wanted": wanted,
            "lease": lease,
            "lease_until": now if here is None else now + here.lease_for,
            "now": now,
        }
        session.add(self._add, values, returned=leased.extend)
        await session.notify(self.channel, NOBODY if all(wanted) else ANYONE)

        def hand_over(here: Here) -> None:
            taken = [
                _leased(id_, new, lease=lease, now=now)
                for id_, new in zip(ids, deliveries, strict=True)
                if id_ in leased
            ]
            here.take(taken)
            if len(taken) < sum(wanted):
                # It waits behind another one of its key, which may have been settled meanwhile.
                here.wake()

        if here is not None and any(wanted):
            session.after_commit(partial(hand_over, here))
        return ids

    def _wanted(self, session: WriteSession, deliveries: Sequence[NewDelivery]) -> list[bool]:
        """Which the worker of this process gets: the first of each key, as far as it has room."""
        here = self._here
        if here is None:
            return [False] * len(deliveries)
        keys = self._added.setdefault(session, set())
        wanted = []
        for new in deliveries:
            key = (new.lane, new.ordering_key)
            wanted.append(key not in keys and here.has_room(new.lane))
            keys.add(key)
        return wanted

    async def claim(
        self,
        database: Database,
        *,
        count: int,
        lane_max: int,
        busy: Mapping[str, int],
        lease_for: timedelta,
    ) -> list[Delivery]:
        """Lease up to `count` due deliveries, fair to the lanes; the attempt counts from here."""
        now, lease = self._clock.now(), self._ids.uuid()
        values = {
            "now": now,
            "count": count,
            "lane_max": lane_max,
            "busy_lanes": list(busy),
            "busy_counts": list(busy.values()),
            "lease": lease,
            "lease_until": now + lease_for,
        }
        rows = (await database.write_one(self._claim, values)).mappings().all()
        return [
            Delivery(**{name: row[name] for name in row if name != "position"}, lease=lease)
            for row in sorted(rows, key=lambda row: row["position"])
        ]

    async def settle(self, database: Database, outcomes: Sequence[Outcome]) -> dict[UUID, bool]:
        """Write outcomes, all in one statement.

        Returns those that counted, i.e. whose lease was still held, and for each whether another
        delivery waits behind it.
        """
        now = self._clock.now()
        values = {
            "now": now,
            "ids": [outcome.delivery.id for outcome in outcomes],
            "leases": list({outcome.delivery.lease for outcome in outcomes}),
            "states": [outcome.state for outcome in outcomes],
            "due": [now + outcome.retry_after for outcome in outcomes],
            "errors": [(o.error or "")[:LAST_ERROR_CHARACTERS_MAX] or None for o in outcomes],
            "statuses": [outcome.status for outcome in outcomes],
        }
        rows = await database.write_one(self._settle, values)
        return {row.id: row.has_later for row in rows}

    async def is_any_open(self, database: Database) -> bool:
        """Whether anything waits to be delivered, also what another worker has leased."""
        async with database.read() as session:
            return bool(await session.scalar(self._any_open))

    async def replay(self, session: WriteSession, ids: Sequence[UUID]) -> int:
        """Open parked deliveries again with all their attempts; returns how many there were."""
        table = self.table
        statement = (
            update(table)
            .where(table.c.id.in_(ids[:REPLAY_ROWS_MAX]), table.c.state == PARKED)
            .values(state=OPEN, attempts=0, due_at=self._clock.now(), finished_at=None)
        )
        replayed = (await session.execute(statement)).rowcount
        await session.notify(self.channel, ANYONE)
        return replayed

    async def purge(self, session: WriteSession, *, older_than: timedelta) -> int:
        """Delete a page of delivered rows; returns how many. Parked ones stay."""
        before = self._clock.now() - older_than
        return (await session.execute(self._purge, {"before": before})).rowcount

    @property
    def housekeeping(self) -> HousekeepingTask:
        """Deletes deliveries DELIVERED_KEPT after they were taken."""
        return HousekeepingTask(
            name=self.table.name,
            purge=partial(self.purge, older_than=DELIVERED_KEPT),
            page_rows=PURGE_ROWS_MAX,
        )


def _leased(id_: UUID, new: NewDelivery, *, lease: UUID, now: datetime) -> Delivery:
    """A delivery that was leased when it was written."""
    return Delivery(
        id=id_,
        lane=new.lane,
        ordering_key=new.ordering_key,
        payload=new.payload,
        attempts=1,
        attempts_max=new.attempts_max,
        created_at=now,
        lease=lease,
    )
