"""Takes the payments that are due, pays, and writes what came of it.

No transaction is open while packets fly. A claim is a lease of seconds, renewed for all payments of
a process in one statement; when the process dies its leases run out and another goes on from what
the ledger says. Whoever lost a lease, or can't tell whether it still has it, sends no packet; it
writes nothing once another has taken the payment: the number of claims tells. Packets that it sent
before are settled in the ledger whoever has the payment, and a payment that has ended meanwhile
is looked at again. Work is found by notification; the clock only serves retries and leases.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Protocol
from uuid import UUID

import structlog
from ilpkit.ilp.error_codes import T00_INTERNAL_ERROR
from ilpkit.ilp.packet import Prepare, Reject, Reply
from servicekit.clock import Clock
from servicekit.commands import Commands
from servicekit.database import Database, WriteSession
from servicekit.errors import ServiceError
from servicekit.tracing import Tracing

from services.backend.assets.model import Asset
from services.backend.outgoing_payments import claims
from services.backend.outgoing_payments.abandoned import AbandonedPackets
from services.backend.outgoing_payments.attempt import (
    Failed,
    Failure,
    Pause,
    Result,
    TryAgain,
    remaining,
)
from services.backend.outgoing_payments.books import UNTOUCHED, OutgoingBooks
from services.backend.outgoing_payments.claims import Claimed, Overtaken
from services.backend.outgoing_payments.commands.follow_ledger import FollowLedger
from services.backend.outgoing_payments.commands.record_attempt import Attempted, RecordAttempt
from services.backend.outgoing_payments.commands.return_deposit import ReturnDeposit
from services.backend.outgoing_payments.due import TAKEN
from services.backend.outgoing_payments.handover import Handover
from services.backend.outgoing_payments.measures import PaymentMeasures
from services.backend.outgoing_payments.model import OutgoingPayment, State
from services.backend.outgoing_payments.paying import Paying
from services.backend.outgoing_payments.slots import Slots
from services.backend.receivers.errors import MissingReceiver

LEASE: Final = timedelta(seconds=4)
"""How long the payments of a process that died wait for another one."""
LEASE_RENEWAL_S: Final = 1.0
IDLE_S_MAX: Final = 30.0
BUSY_ELSEWHERE_S: Final = 0.05
"""Until a look at what is due but was not to be had: another process is claiming it."""
RETRY_S: Final = 1.0
"""Until another look when Postgres did not answer."""
CLAIM_MAX: Final = 64

_log = structlog.get_logger(__name__)


class PaymentConnector(Protocol):
    """The connector, as payments of this node use it."""

    async def send(
        self, prepare: Prepare, payment: OutgoingPayment, asset: Asset, *, fulfillable: bool
    ) -> Reply:
        """Route one packet, paid from the payment's account; never raises for a peer's doing."""
        ...


class Listener(Protocol):
    """Who hears that something happened to the packets of a payment."""

    async def packet_resolved(self, session: WriteSession, payment_id: UUID) -> None:
        """A worker must look at the payment again."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerCommands:
    """What a worker writes."""

    record: RecordAttempt
    follow: FollowLedger
    return_deposit: ReturnDeposit


class OutgoingPaymentWorker:
    """One a process."""

    def __init__(
        self,
        *,
        database: Database,
        commands: Commands,
        writes: WorkerCommands,
        books: OutgoingBooks,
        abandoned: AbandonedPackets,
        paying: Paying,
        connector: PaymentConnector,
        listener: Listener,
        handover: Handover,
        clock: Clock,
        in_flight_max: int,
        tracing: Tracing | None = None,
    ) -> None:
        self.measures = PaymentMeasures(
            database=database, clock=clock, sending=lambda: len(self._running)
        )
        self._database = database
        self._commands = commands
        self._writes = writes
        self._books = books
        self._abandoned = abandoned
        self._paying = paying
        self._connector = connector
        self._listener = listener
        self._handover = handover
        self._clock = clock
        self._slots = Slots(in_flight_max)
        self._tracing = tracing
        self._running: dict[UUID, asyncio.Task[None]] = {}
        self._claims: dict[UUID, int] = {}
        self._lease_ends: dict[UUID, datetime] = {}
        self._wake = asyncio.Event()
        self._has_work = False
        """Whether there may be something to claim, as was told."""
        self._taken_elsewhere = False
        """Whether another process has begun to pay: it is looked after when its lease ends."""
        self._is_paying = asyncio.Event()
        self._is_full = False
        """Whether more may be due than was taken, for want of room for all or for some tenant."""
        self._next_due: datetime | None = None
        """When a payment becomes free to take, as far as is known."""

    def heard(self, notice: str) -> None:
        """Call it with what the notifications of DUE_CHANNEL say: a payment became due."""
        if notice == TAKEN:
            self._taken_elsewhere = True
        else:
            self._has_work = True
        self._wake.set()

    def lease_end(self, tenant_id: UUID) -> datetime | None:
        """Until when a tenant's payment that it got now would be its own; None without room."""
        return self._clock.now() + LEASE if self._slots.has_room(tenant_id) else None

    def take(self, taken: Claimed) -> None:
        """Send a payment that was written as taken by this worker."""
        payment = taken.payment
        assert payment.lease_until is not None, "it was taken for a while"
        self._claims[payment.id] = payment.claims
        self._is_paying.set()
        self._lease_ends[payment.id] = payment.lease_until
        task = asyncio.get_running_loop().create_task(self._run_one(taken))
        self._running[payment.id] = task
        self._slots.take(payment.id, payment.tenant_id)
        task.add_done_callback(partial(self._finished, payment.id))

    async def run(self) -> None:
        """Work until cancelled; then stop sending, and wait for what is in flight."""
        renewal = asyncio.get_running_loop().create_task(self._renew_leases())
        try:
            with self._handover.sending(self):
                await self._work()
        finally:
            for task in self._running.values():
                task.cancel()
            await asyncio.gather(*self._running.values(), return_exceptions=True)
            renewal.cancel()

    async def _work(self) -> None:
        look_at = 0.0
        while True:
            self._wake.clear()
            told, self._has_work = self._has_work, False
            now = self._clock.monotonic()
            if told or now >= look_at:
                try:
                    look_at = now + await self._look(notified=told)
                except ServiceError as error:
                    _log.warning("outgoing_payments_not_claimed", error=str(error))
                    look_at = now + RETRY_S
            if self._taken_elsewhere:
                self._taken_elsewhere = False
                look_at = min(look_at, now + LEASE.total_seconds())
            await self._wait(look_at - self._clock.monotonic())

    async def _look(self, *, notified: bool) -> float:
        """Take what is due; gives the seconds until the next look.

        Postgres is asked when the next payment is due only once nothing was heard for a lease's
        time: until then each look is soon enough for what another process may have left.
        """
        taken = 0
        while True:
            room = min(self._slots.claimable(), CLAIM_MAX)
            full = self._slots.full()
            self._is_full = bool(full) or room <= 0
            if room <= 0:
                return IDLE_S_MAX
            claimed = await self._claim(room)
            taken += claimed
            if claimed < room:
                break
        wait_s = LEASE.total_seconds()
        if not notified and not taken:
            async with self._database.read() as session:
                self._next_due = await claims.next_due(session, full=full)
            wait_s = IDLE_S_MAX
        if self._next_due is None:
            return wait_s
        until_due_s = (self._next_due - self._clock.now()).total_seconds()
        return min(max(until_due_s, BUSY_ELSEWHERE_S), wait_s)

    async def _claim(self, room: int) -> int:
        now = self._clock.now()
        claimed = await claims.claim(
            self._database,
            now=now,
            lease=LEASE,
            limit=room,
            except_for=list(self._running),
            full=self._slots.full(),
        )
        for taken in claimed:
            self.take(taken)
        return len(claimed)

    def _finished(self, payment_id: UUID, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (crash := task.exception()) is not None:
            _log.error("payment_task_crashed", payment_id=str(payment_id), error=repr(crash))
        self._running.pop(payment_id, None)
        self._claims.pop(payment_id, None)
        self._lease_ends.pop(payment_id, None)
        self._slots.free(payment_id)
        if self._is_full:
            self._has_work = True
            self._wake.set()

    async def _wait(self, seconds: float) -> None:
        """Until something was told, or so long."""
        woken = asyncio.create_task(self._wake.wait())
        slept = asyncio.create_task(self._clock.sleep(max(seconds, 0.0)))
        try:
            await asyncio.wait((woken, slept), return_when=asyncio.FIRST_COMPLETED)
        finally:
            woken.cancel()
            slept.cancel()

    async def _renew_leases(self) -> None:
        while True:
            await self._is_paying.wait()
            await self._clock.sleep(LEASE_RENEWAL_S)
            held = dict(self._claims)
            if not held:
                self._is_paying.clear()
                continue
            until = self._clock.now() + LEASE
            try:
                kept = await claims.extend(self._database, held, until)
            except ServiceError as error:
                _log.warning("leases_not_renewed", error=str(error))
                continue
            for payment_id in held:
                if payment_id in kept and payment_id in self._lease_ends:
                    self._lease_ends[payment_id] = until
                elif payment_id not in kept and (task := self._running.get(payment_id)):
                    _log.warning("lease_lost", payment_id=str(payment_id))
                    task.cancel()

    async def _send(
        self, prepare: Prepare, payment: OutgoingPayment, asset: Asset, *, fulfillable: bool
    ) -> Reply:
        """Send a packet, as long as the lease lasts: past it another may be paying the same."""
        end = self._lease_ends.get(payment.id)
        if end is not None and self._clock.now() < end:
            return await self._connector.send(prepare, payment, asset, fulfillable=fulfillable)
        task = self._running.get(payment.id)
        if task is not None and not task.cancelling():
            _log.warning("lease_run_out", payment_id=str(payment.id))
            task.cancel()
        return Reject(T00_INTERNAL_ERROR, "", "not sent: the payment's lease has run out", b"")

    async def _run_one(self, taken: Claimed) -> None:
        """Handle a payment, as part of the call's trace that made it due or of a new one."""
        payment = taken.payment
        about = {"payment_id": str(payment.id), "tenant_id": str(payment.tenant_id)}
        structlog.contextvars.bind_contextvars(**about)
        if self._tracing is None:
            await self._handle(taken)
            return
        with self._tracing.working("outgoing payment", about):
            await self._handle(taken)

    async def _handle(self, taken: Claimed) -> None:
        payment = taken.payment
        try:
            if payment.state is State.SENDING:
                await self._try(taken)
            elif payment.state is State.CANCELLED:
                await self._commands.run(self._writes.return_deposit, taken)
            else:
                await self._commands.run(self._writes.follow, taken)
        except Overtaken:
            await self._tell_overtaker(payment)
        except ServiceError as error:
            # Its lease runs out, and another attempt finds everything in the ledger.
            _log.warning("payment_not_handled", payment_id=str(payment.id), error=str(error))

    async def _try(self, taken: Claimed) -> None:
        payment, asset = taken.payment, taken.asset
        standing = UNTOUCHED
        if payment.claims > 1:
            standing = await self._books.standing(payment.id, history=True)
        send = partial(self._send, payment=payment, asset=asset)
        before = remaining(payment, standing)
        least = before.delivered
        result: Result
        try:
            if taken.tenant_deleted:
                result = Failed(error=Failure.TENANT_DELETED, delivered=least, sent=before.sent)
            else:
                result = await self._paying.attempt(payment, asset, standing, send)
        except asyncio.CancelledError:
            result = TryAgain(error=Failure.CANCELLED, delivered=None, pause=Pause.AT_ONCE)
        except MissingReceiver as error:
            result = Failed(error=error.message, delivered=least, sent=before.sent)
        except ServiceError as error:
            result = TryAgain(error=error.message, delivered=None)
        except Exception:  # noqa: BLE001 - a bug of ours ends this attempt, not the worker
            _log.exception("payment_attempt_crashed", payment_id=str(payment.id))
            result = TryAgain(error="internal error", delivered=None)
        if taken.lease_ended_at is not None:
            await self._abandoned.enter(payment.id, sent_before=taken.lease_ended_at)
        attempted = Attempted(payment=payment, asset=asset, result=result, least=least)
        recorded = await self._commands.run(self._writes.record, attempted)
        self.measures.attempted(recorded, asset)
        self._expect(recorded.due_at)

    def _expect(self, due: datetime | None) -> None:
        """Have a payment that this process gave back looked at in time."""
        if due is not None and (self._next_due is None or due < self._next_due):
            self._next_due = due

    async def _tell_overtaker(self, payment: OutgoingPayment) -> None:
        """Another process has the payment, which may not know of what this one's packets moved."""
        _log.warning("attempt_overtaken", payment_id=str(payment.id))
        async with self._database.write() as session:
            await self._listener.packet_resolved(session, payment.id)
