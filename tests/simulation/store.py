"""What survives a process: rows in place of Postgres', and the ledger on a disk that fails.

The statements of the tables are replaced by functions of the same meaning; everything that calls
them is the product's own. A write takes a while before and after it happens: whoever is killed in
between never learns whether it did, and now and then nobody else does either.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from random import Random  # noqa: TID251 - a seed decides all of it
from typing import Any, Final, TypeVar
from unittest.mock import patch
from uuid import UUID

from servicekit.errors import Unavailable

from services.backend.assets.model import Asset
from services.backend.events import repository as events
from services.backend.events.model import Happening
from services.backend.ledger.errors import LedgerUnavailableError
from services.backend.ledger.interface import Chain
from services.backend.ledger.memory.engine import MemoryLedger
from services.backend.ledger.model import Account, ChainResult, NewAccount
from services.backend.outgoing_payments import claims, spending
from services.backend.outgoing_payments import repository as payments
from services.backend.outgoing_payments.claims import Claimed, Overtaken
from services.backend.outgoing_payments.model import OutgoingPayment
from services.backend.unknown_packets import repository as unknown_packets
from services.backend.unknown_packets.model import Resolution

WRITE_S: Final = 0.001
T = TypeVar("T")


@dataclass(slots=True)
class Entry:
    """A packet that is listed as unknown."""

    packet_id: UUID
    payment_id: UUID | None
    amount: int
    resolution: Resolution | None = None


@dataclass(slots=True)
class Rows:
    """All tables of a node that a simulation needs."""

    asset: Asset
    payments: dict[UUID, OutgoingPayment] = field(default_factory=dict)
    told: list[Happening] = field(default_factory=list)
    entries: dict[UUID, Entry] = field(default_factory=dict)
    searched_until: int = 0
    hear: Callable[[str], None] = lambda _: None


class Disk:
    """Takes its time, and is away now and then."""

    def __init__(self, random: Random, *, unavailable: int) -> None:
        self._random = random
        self.unavailable = unavailable
        """How many of a thousand writes fail, half of them after they happened."""
        self.down = False
        self._reliable = 0

    @contextmanager
    def reliable(self) -> Iterator[None]:
        """While the block runs, nothing fails."""
        self._reliable += 1
        try:
            yield
        finally:
            self._reliable -= 1

    async def before(self) -> bool:
        """Whether what follows may happen."""
        await self.turn()
        return self._works()

    async def after(self) -> bool:
        """Whether its caller gets to know that it happened."""
        await self.turn()
        return self._works()

    async def turn(self) -> None:
        """Take the time that a store takes."""
        await asyncio.sleep(WRITE_S * self._random.uniform(0.5, 4))

    def _works(self) -> bool:
        if self._reliable:
            return True
        return not self.down and self._random.randrange(2000) >= self.unavailable


class DurableLedger(MemoryLedger):
    """The books of a node, whoever of its processes is alive."""

    def __init__(self, *, clock: Any, disk: Disk) -> None:
        super().__init__(clock=clock)
        self._disk = disk

    async def apply(
        self, chains: Sequence[Chain], *, opening: Sequence[NewAccount] = ()
    ) -> list[ChainResult]:
        """As a server does that can go away before and after."""
        if not await self._disk.before():
            raise LedgerUnavailableError("away")
        results = await super().apply(chains, opening=opening)
        if not await self._disk.after():
            raise LedgerUnavailableError("gone before it answered")
        return results

    async def lookup_accounts(self, account_ids: Sequence[int]) -> Mapping[int, Account]:
        """What was written before is seen."""
        await self._disk.turn()
        return await super().lookup_accounts(account_ids)

    @property
    def books(self) -> Any:
        """All accounts and transfers, for the check at the end."""
        return self._books


class Session:
    """What a transaction is going to do."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.checks: list[Callable[[], None]] = []
        self.changes: list[Callable[[], object]] = []
        self.notices: list[str] = []

    async def notify(self, channel: str, payload: str) -> None:
        """Tell the workers of this node after the commit."""
        del channel
        self.notices.append(payload)


class Database:
    """As `servicekit.database.Database`, as far as the simulated parts use it."""

    def __init__(self, rows: Rows, disk: Disk) -> None:
        self.rows = rows
        self.disk = disk

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Session]:
        """Look."""
        if not await self.disk.before():
            raise _away()
        yield Session(self.rows)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Session]:
        """Change all or nothing."""
        session = Session(self.rows)
        yield session
        if not await self.disk.before():
            raise _away()
        for check in session.checks:
            check()
        for change in session.changes:
            change()
        for notice in session.notices:
            self.rows.hear(notice)
        if not await self.disk.after():
            raise _away()

    async def write_retrying(self, work: Callable[[Any], Awaitable[T]]) -> T:
        """A transaction; none is ended for another one's sake here."""
        async with self.write() as session:
            return await work(session)


class Told:
    """In place of the EventWriter."""

    async def write(self, session: Session, *happenings: Happening) -> None:
        """Write events."""
        session.changes.append(lambda: session.rows.told.extend(happenings))


def _away() -> Unavailable:
    return Unavailable("UNAVAILABLE", "the database is away")


async def _claim(
    database: Database,
    *,
    now: datetime,
    lease: timedelta,
    limit: int,
    except_for: Sequence[UUID] = (),
    full: Sequence[UUID] = (),
) -> list[Claimed]:
    async with database.write() as session:
        taken: list[Claimed] = []

        def take() -> None:
            rows = session.rows
            due = [
                each
                for each in rows.payments.values()
                if each.due_at is not None
                and each.due_at <= now
                and (each.lease_until is None or each.lease_until < now)
                and each.id not in except_for
                and each.tenant_id not in full
            ]
            for each in sorted(due, key=lambda one: (one.due_at, one.id))[:limit]:
                after = replace(each, claims=each.claims + 1, lease_until=now + lease)
                rows.payments[each.id] = after
                taken.append(
                    Claimed(payment=after, asset=rows.asset, lease_ended_at=each.lease_until)
                )

        session.changes.append(take)
    return taken


async def _extend(database: Database, held: Mapping[UUID, int], until: datetime) -> set[UUID]:
    kept: set[UUID] = set()
    async with database.write() as session:

        def keep() -> None:
            rows = session.rows.payments
            for payment_id, number in held.items():
                if rows[payment_id].claims == number:
                    rows[payment_id] = replace(rows[payment_id], lease_until=until)
                    kept.add(payment_id)

        session.changes.append(keep)
    return kept


def _give_back(session: Session, payment: OutgoingPayment) -> None:
    def check() -> None:
        if session.rows.payments[payment.id].claims != payment.claims:
            raise Overtaken

    def put() -> None:
        session.rows.payments[payment.id] = replace(payment, lease_until=None)

    session.checks.append(check)
    session.changes.append(put)


async def _next_due(session: Session, *, full: Sequence[UUID] = ()) -> datetime | None:
    moments = [
        max(each.due_at, each.lease_until or each.due_at)
        for each in session.rows.payments.values()
        if each.due_at is not None and each.tenant_id not in full
    ]
    return min(moments, default=None)


async def _make_due(session: Session, ids: Sequence[UUID], at: datetime) -> None:
    def make() -> None:
        for payment_id in ids:
            row = session.rows.payments[payment_id]
            due_at = at if row.due_at is None else min(row.due_at, at)
            session.rows.payments[payment_id] = replace(row, due_at=due_at)

    session.changes.append(make)


async def _release(session: Session, payment: OutgoingPayment, **amounts: object) -> None:
    del session, payment, amounts


async def _about(session: Session, resource_id: UUID) -> list[Happening]:
    return [each for each in session.rows.told if each.resource_id == resource_id]


async def _add_entry(session: Session, **values: Any) -> bool:
    packet_id = values["packet_id"]
    if packet_id in session.rows.entries:
        return False
    entry = Entry(packet_id, values["outgoing_payment_id"], values["amount"])
    session.changes.append(partial(session.rows.entries.update, {packet_id: entry}))
    return True


async def _resolve(
    session: Session, packet_ids: Sequence[UUID], resolution: Resolution, now: datetime
) -> list[UUID]:
    del now
    found = [session.rows.entries[each] for each in packet_ids]

    def resolve() -> None:
        for entry in found:
            entry.resolution = entry.resolution or resolution

    session.changes.append(resolve)
    return [each.payment_id for each in found if each.payment_id and each.resolution is None]


async def _open_packets(
    session: Session, *, after: UUID | None, limit: int
) -> list[tuple[UUID, UUID]]:
    del limit
    if after is not None:
        return []
    entries = session.rows.entries.values()
    return [(each.packet_id, each.packet_id) for each in entries if each.resolution is None]


async def _searched_until(session: Session) -> int:
    return session.rows.searched_until


async def _search_on_from(session: Session, timestamp: int) -> None:
    session.changes.append(lambda: setattr(session.rows, "searched_until", timestamp))


_IN_PLACE: Final[tuple[tuple[Any, str, Any], ...]] = (
    (claims, "claim", _claim),
    (claims, "extend", _extend),
    (claims, "give_back", _give_back),
    (claims, "next_due", _next_due),
    (payments, "make_due", _make_due),
    (spending, "release", _release),
    (events, "about", _about),
    (unknown_packets, "add", _add_entry),
    (unknown_packets, "resolve", _resolve),
    (unknown_packets, "open_packets", _open_packets),
    (unknown_packets, "searched_until", _searched_until),
    (unknown_packets, "search_on_from", _search_on_from),
)


@contextmanager
def without_sql() -> Iterator[None]:
    """While the block runs, the tables are `Rows`."""
    with ExitStack() as stack:
        for module, name, function in _IN_PLACE:
            stack.enter_context(patch.object(module, name, function))
        yield
