"""The reconciler: finds packet reservations that nobody will settle any more, and enters them.

A process that was killed remembers none of its packets, so the ledger itself is searched: from
where the last search ended up to what is old enough. Every process may search; what two of them
find at once is entered once.
"""

import asyncio
from typing import Final
from uuid import UUID

import structlog
from servicekit.clock import Clock
from servicekit.database import Database
from servicekit.errors import ServiceError

from services.backend.ledger.interface import LedgerReservations
from services.backend.ledger.rules.chart import TransferCode
from services.backend.unknown_packets import repository
from services.backend.unknown_packets.entries import Entries

AGE_MS: Final = 60_000
"""When a reservation can't be settled by a reply any more.

A packet flies for at most 30 s, its reply is asked for 10 s longer, and clocks and slow ledgers get
the rest. What is fulfilled later all the same is found by the settlement and paid after all.
"""
SEARCH_S: Final = 10.0
"""Between two searches, as long as anything is reserved."""
WRITTEN_EVERY_MS: Final = 60_000
"""How much of the past a new process searches again at most, in the ledger's time."""
PAGE_MAX: Final = 1_000
_MS_PER_SECOND: Final = 1000
_NS_PER_MS: Final = 1_000_000
_log = structlog.get_logger(__name__)


class UnknownPacketWorker:
    """One a process."""

    def __init__(
        self,
        *,
        database: Database,
        ledger: LedgerReservations,
        entries: Entries,
        clock: Clock,
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._entries = entries
        self._clock = clock
        self._searched: int | None = None
        self._written = 0

    async def run(self) -> None:
        """Search until cancelled."""
        while True:
            try:
                await self.search()
                wait_s = await self._wait_s()
            except ServiceError as error:
                _log.warning("unknown_packets_not_searched", error=str(error))
                wait_s = SEARCH_S
            await self._clock.sleep(wait_s)

    async def _wait_s(self) -> float:
        """Until the oldest reservation is old enough; what is made from now on is so later."""
        now_ms = self._clock.now_ms()
        page = await self._ledger.reservations(
            TransferCode.PACKET, after=await self._start(), until=now_ms * _NS_PER_MS, limit=1
        )
        if page.cursor is not None and not page.transfers:
            return SEARCH_S
        made_ms = page.transfers[0].timestamp // _NS_PER_MS if page.transfers else now_ms
        return max((made_ms + AGE_MS - now_ms) / _MS_PER_SECOND, SEARCH_S)

    async def search(self) -> int:
        """Enter all that is old enough; returns how many packets that were."""
        until = (self._clock.now_ms() - AGE_MS) * _NS_PER_MS
        entered, after, more = 0, await self._start(), True
        while more:
            page = await self._ledger.reservations(
                TransferCode.PACKET, after=after, until=until, limit=PAGE_MAX
            )
            if page.transfers:
                entered += await self._entries.enter(page.transfers)
                after = page.transfers[-1].timestamp
            if page.cursor is not None:
                after = page.cursor
            # Never further than to what was seen: our clock may be ahead of the ledger's.
            self._searched = after
            more = page.cursor is not None
        if after - self._written >= WRITTEN_EVERY_MS * _NS_PER_MS:
            async with self._database.write() as session:
                await repository.search_on_from(session, after)
            self._written = after
        await self._note_resolutions()
        return entered

    async def _start(self) -> int:
        if self._searched is None:
            async with self._database.read() as session:
                self._searched = self._written = await repository.searched_until(session)
        return self._searched

    async def _note_resolutions(self) -> None:
        """A late Fulfill resolves entries in the ledger alone."""
        after: UUID | None = None
        while True:
            async with self._database.read() as session:
                rows = await repository.open_packets(session, after=after, limit=PAGE_MAX)
            if rows:
                await self._entries.note_resolutions([packet_id for _, packet_id in rows])
                after = rows[-1][0]
            if len(rows) < PAGE_MAX:
                return
            await asyncio.sleep(0)
