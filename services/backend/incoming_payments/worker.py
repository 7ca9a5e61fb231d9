"""Ends incoming payments: those that received all they expected, and those that expired.

The connector says which payments it credited, and what the ledger said of their accounts then. The
process whose packet took the last of an allowance ends the payment; those that come while others
are written are written together. Where the ledger said nothing, payments are looked at together, a
moment later, so that one of a thousand packets is not looked at a thousand times. What a crashed
process did not get to is found by the sweep over open payments at start, and at the latest by the
expiry.
"""

import asyncio
from collections.abc import Mapping
from itertools import islice
from typing import Final
from uuid import UUID

import structlog
from servicekit.clock import Clock
from servicekit.database import Database
from servicekit.errors import ServiceError

from services.backend.incoming_payments import repository
from services.backend.incoming_payments.books import Counted, IncomingBooks
from services.backend.incoming_payments.endings import Endings
from services.backend.incoming_payments.model import State
from services.backend.ledger.model import Balances

TOUCHED_MAX: Final = 1000
GATHER_S: Final = 0.02
"""How long credits are gathered before their payments are looked at."""
EXPIRY_IDLE_S_MAX: Final = 30.0
EXPIRY_BATCH: Final = 100
SWEEP_BATCH: Final = 1000

_log = structlog.get_logger(__name__)


class IncomingPaymentWorker:
    """One a process; several processes do no harm to one another."""

    def __init__(
        self,
        *,
        database: Database,
        endings: Endings,
        clock: Clock,
    ) -> None:
        self._database = database
        self._endings = endings
        self._clock = clock
        self._exhausted: dict[UUID, Counted] = {}
        self._has_exhausted = asyncio.Event()
        self._touched: set[UUID] = set()
        self._has_touched = asyncio.Event()

    def credited(self, payment_id: UUID, balances: Mapping[int, Balances] | None = None) -> None:
        """A payment received money; `balances` are those after it, if they are known."""
        counted = IncomingBooks.counted(payment_id, balances)
        if counted is None:
            self._touched.add(payment_id)
            self._has_touched.set()
        elif counted.exhausted:
            self._exhausted[payment_id] = counted
            self._has_exhausted.set()

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._end_exhausted())
            group.create_task(self._look_at_touched())
            group.create_task(self._end_expired())
            group.create_task(self._sweep())

    async def _end_exhausted(self) -> None:
        while True:
            await self._has_exhausted.wait()
            self._has_exhausted.clear()
            while batch := dict(islice(self._exhausted.items(), TOUCHED_MAX)):
                for payment_id in batch:
                    del self._exhausted[payment_id]
                try:
                    await self._endings.end_exhausted(list(batch), batch)
                except ServiceError as error:
                    _log.warning("incoming_payments_not_ended", error=str(error))
                    self._exhausted.update(batch)
                    await self._clock.sleep(1.0)

    async def _look_at_touched(self) -> None:
        while True:
            await self._has_touched.wait()
            await self._clock.sleep(GATHER_S)
            self._has_touched.clear()
            while self._touched:
                batch = [self._touched.pop() for _ in range(min(len(self._touched), TOUCHED_MAX))]
                try:
                    await self._endings.end_exhausted(batch)
                except ServiceError as error:
                    _log.warning("incoming_payments_not_ended", error=str(error))
                    self._touched.update(batch)
                    await self._clock.sleep(1.0)

    async def _end_expired(self) -> None:
        while True:
            try:
                ended = await self._expire_batch()
            except ServiceError as error:
                _log.warning("incoming_payments_not_expired", error=str(error))
                ended = 0
            if ended < EXPIRY_BATCH:
                await self._clock.sleep(EXPIRY_IDLE_S_MAX)

    async def _expire_batch(self) -> int:
        async with self._database.read() as session:
            due = await repository.expired(session, self._clock.now(), EXPIRY_BATCH)
        if due:
            await self._endings.end(due, State.EXPIRED)
        return len(due)

    async def _sweep(self) -> None:
        after: UUID | None = None
        while True:
            try:
                async with self._database.read() as session:
                    batch = await repository.open_capped(session, after, SWEEP_BATCH)
                await self._endings.end_exhausted(batch)
            except ServiceError as error:
                _log.warning("incoming_payments_not_swept", error=str(error))
                await self._clock.sleep(1.0)
                continue
            if len(batch) < SWEEP_BATCH:
                return
            after = batch[-1]
