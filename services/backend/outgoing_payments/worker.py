"""Takes the payments that are due, pays, and writes what came of it.

No transaction is open while packets fly. A claim is a lease of seconds, renewed for all payments of
a process in one statement; when the process dies its leases run out and another goes on from what
the ledger says. Whoever lost a lease, or can't tell whether it still has it, sends no packet; it
writes nothing once another has taken the payment: the number of claims tells. Packets that it sent
before are settled in the ledger whoever has the payment, and a payment that has ended meanwhile
is looked at again. Work is found by notification; the clock only serves retries and leases.
"""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, Protocol
from uuid import UUID

import structlog
from ilpkit.ilp.error_codes import T00_INTERNAL_ERROR
from ilpkit.ilp.packet import Prepare, Reject, Reply
from ilpkit.money import Amount
from servicekit.clock import Clock
from servicekit.database import Database, WriteSession
from servicekit.errors import ServiceError

from services.backend.assets.model import Asset
from services.backend.events.service import EventWriter
from services.backend.outgoing_payments import repository, spending
from services.backend.outgoing_payments.attempt import (
    Completed,
    Failed,
    Failure,
    Pause,
    Result,
    TryAgain,
    due_at,
    remaining,
    settle,
)
from services.backend.outgoing_payments.books import OutgoingBooks, Standing
from services.backend.outgoing_payments.model import OutgoingPayment, State
from services.backend.outgoing_payments.paying import Paying
from services.backend.outgoing_payments.service import (
    DUE_CHANNEL,
    OutgoingPaymentService,
    PaymentView,
)
from services.backend.receivers.errors import MissingReceiver

LEASE: Final = timedelta(seconds=4)
"""How long the payments of a process that died wait for another one."""
LEASE_RENEWAL_S: Final = 1.0
IDLE_S_MAX: Final = 30.0
CLAIM_MAX: Final = 64

_log = structlog.get_logger(__name__)


class PaymentConnector(Protocol):
    """The connector, as payments of this node use it."""

    async def send(self, prepare: Prepare, payment: OutgoingPayment, asset: Asset) -> Reply:
        """Route one packet, paid from the payment's account; never raises for a peer's doing."""
        ...


class OutgoingPaymentWorker:
    """One a process."""

    def __init__(
        self,
        *,
        database: Database,
        books: OutgoingBooks,
        payments: OutgoingPaymentService,
        paying: Paying,
        connector: PaymentConnector,
        events: EventWriter,
        clock: Clock,
        in_flight_max: int,
        attempts_max: int,
    ) -> None:
        self._database = database
        self._books = books
        self._payments = payments
        self._paying = paying
        self._connector = connector
        self._events = events
        self._clock = clock
        self._in_flight_max = in_flight_max
        self._attempts_max = attempts_max
        self._running: dict[UUID, asyncio.Task[None]] = {}
        self._claims: dict[UUID, int] = {}
        self._lease_ends: dict[UUID, datetime] = {}
        self._wake = asyncio.Event()

    async def on_notify(self, channel: str, payload: str) -> None:
        """A payment became due."""
        del channel, payload
        self._wake.set()

    async def run(self) -> None:
        """Work until cancelled; then stop sending, and wait for what is in flight."""
        renewal = asyncio.get_running_loop().create_task(self._renew_leases())
        try:
            while True:
                self._wake.clear()
                try:
                    claimed = await self._claim()
                except ServiceError as error:
                    _log.warning("outgoing_payments_not_claimed", error=str(error))
                    claimed = 0
                    await self._clock.sleep(1.0)
                if claimed < CLAIM_MAX:
                    await self._wait()
        finally:
            for task in self._running.values():
                task.cancel()
            await asyncio.gather(*self._running.values(), return_exceptions=True)
            renewal.cancel()

    async def _claim(self) -> int:
        free = min(self._in_flight_max - len(self._running), CLAIM_MAX)
        if free <= 0:
            return 0
        now = self._clock.now()
        async with self._database.write() as session:
            claimed = await repository.claim(
                session, now=now, lease=LEASE, limit=free, except_for=list(self._running)
            )
        for payment in claimed:
            self._claims[payment.id] = payment.claims
            self._lease_ends[payment.id] = now + LEASE
            task = asyncio.get_running_loop().create_task(self._run_one(payment))
            self._running[payment.id] = task
            task.add_done_callback(partial(self._finished, payment.id))
        return len(claimed)

    def _finished(self, payment_id: UUID, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (crash := task.exception()) is not None:
            _log.error("payment_task_crashed", payment_id=str(payment_id), error=repr(crash))
        self._running.pop(payment_id, None)
        self._claims.pop(payment_id, None)
        self._lease_ends.pop(payment_id, None)
        self._wake.set()

    async def _wait(self) -> None:
        try:
            async with self._database.read() as session:
                due = await repository.next_due(session)
        except ServiceError:
            due = None
        delay = IDLE_S_MAX
        if due is not None and len(self._running) < self._in_flight_max:
            until = (due - self._clock.now()).total_seconds()
            # What is due now but was not claimed is being claimed by another process.
            delay = min(max(until, 0.05), IDLE_S_MAX)
        woken = asyncio.create_task(self._wake.wait())
        slept = asyncio.create_task(self._clock.sleep(delay))
        try:
            await asyncio.wait((woken, slept), return_when=asyncio.FIRST_COMPLETED)
        finally:
            woken.cancel()
            slept.cancel()

    async def _renew_leases(self) -> None:
        while True:
            await self._clock.sleep(LEASE_RENEWAL_S)
            held = dict(self._claims)
            if not held:
                continue
            until = self._clock.now() + LEASE
            try:
                async with self._database.write() as session:
                    kept = await repository.extend_leases(session, held, until)
            except ServiceError as error:
                _log.warning("leases_not_renewed", error=str(error))
                continue
            for payment_id in held:
                if payment_id in kept and payment_id in self._lease_ends:
                    self._lease_ends[payment_id] = until
                elif payment_id not in kept and (task := self._running.get(payment_id)):
                    _log.warning("lease_lost", payment_id=str(payment_id))
                    task.cancel()

    async def _send(self, prepare: Prepare, payment: OutgoingPayment, asset: Asset) -> Reply:
        """Send a packet, as long as the lease lasts: past it another may be paying the same."""
        end = self._lease_ends.get(payment.id)
        if end is not None and self._clock.now() < end:
            return await self._connector.send(prepare, payment, asset)
        task = self._running.get(payment.id)
        if task is not None and not task.cancelling():
            _log.warning("lease_run_out", payment_id=str(payment.id))
            task.cancel()
        return Reject(T00_INTERNAL_ERROR, "", "not sent: the payment's lease has run out", b"")

    async def _run_one(self, payment: OutgoingPayment) -> None:
        try:
            view = await self._payments.get(payment.id, tenant_id=None)
            if payment.state is State.SENDING:
                await self._try(payment, view)
            elif payment.state is State.CANCELLED:
                amount = payment.quote.debit_amount
                await self._books.refuse_deposit(payment.id, view.asset, amount)
                await self._give_free(payment, {"due_at": None})
            else:
                await self._follow_ledger(payment, view.asset)
        except ServiceError as error:
            # Its lease runs out, and another attempt finds everything in the ledger.
            _log.warning("payment_not_handled", payment_id=str(payment.id), error=str(error))

    async def _try(self, payment: OutgoingPayment, view: PaymentView) -> None:
        standing = await self._books.standing(payment.id, history=payment.claims > 1)
        send = partial(self._send, payment=payment, asset=view.asset)
        try:
            result = await self._paying.attempt(payment, view.asset, standing, send)
        except asyncio.CancelledError:
            result = TryAgain(error=Failure.CANCELLED, delivered=None, pause=Pause.AT_ONCE)
        except MissingReceiver as error:
            result = Failed(error=error.message, delivered=remaining(payment, standing).delivered)
        except ServiceError as error:
            result = TryAgain(error=error.message, delivered=None)
        except Exception:  # noqa: BLE001 - a bug of ours ends this attempt, not the worker
            _log.exception("payment_attempt_crashed", payment_id=str(payment.id))
            result = TryAgain(error="internal error", delivered=None)
        await self._record(payment, view.asset, result, remaining(payment, standing).delivered)

    async def _record(
        self, payment: OutgoingPayment, asset: Asset, result: Result, least: int
    ) -> None:
        """Write the result with its event, once; what was sent comes from the ledger."""
        unfinished = payment.claims > 1 or not isinstance(result, Completed)
        standing = await self._books.standing(payment.id, history=unfinished)
        result = settle(
            result,
            least=least,
            pending=standing.pending,
            attempts=payment.attempts,
            attempts_max=self._attempts_max,
        )
        now = self._clock.now()
        values: dict[str, Any] = {"updated_at": now, "due_at": None, "attempts": 0}
        if isinstance(result, TryAgain):
            attempts = payment.attempts + (result.pause is Pause.RETRY)
            values |= {
                "error": result.error,
                "attempts": attempts,
                "due_at": due_at(now, result.pause, attempts),
            }
            if result.delivered is not None:
                values["sent_amount"] = standing.sent - standing.unknown
                values["delivered_amount"] = result.delivered
            await self._give_free(payment, values)
            return
        done = isinstance(result, Completed)
        values |= {
            "state": State.COMPLETED if done else State.FAILED,
            "error": result.error if isinstance(result, Failed) else None,
            "sent_amount": standing.sent,
            "delivered_amount": result.delivered,
        }
        async with self._database.write() as session:
            if not await repository.change_claimed(session, payment.id, payment.claims, values):
                await self._overtaken(session, payment)
                return
            await self._correct_grant(
                session, payment, sent=standing.sent, delivered=result.delivered
            )
            await self._tell_end(session, replace(payment, **values), asset, standing)

    async def _give_free(self, payment: OutgoingPayment, values: dict[str, Any]) -> None:
        async with self._database.write() as session:
            if not await repository.change_claimed(session, payment.id, payment.claims, values):
                await self._overtaken(session, payment)
            elif values["due_at"] is not None:
                await session.notify(DUE_CHANNEL, "")

    async def _overtaken(self, session: WriteSession, payment: OutgoingPayment) -> None:
        """Another process has the payment, which may not know of what this one's packets moved."""
        _log.warning("attempt_overtaken", payment_id=str(payment.id))
        await repository.make_due(session, [payment.id], self._clock.now())
        await session.notify(DUE_CHANNEL, "")

    async def _follow_ledger(self, payment: OutgoingPayment, asset: Asset) -> None:
        """Tell of what moved on the account of a payment that has ended, if anything did."""
        standing = await self._books.standing(payment.id, history=True)
        values: dict[str, Any] = {"due_at": None}
        if standing.sent == payment.sent_amount:
            await self._give_free(payment, values)
            return
        values |= {"sent_amount": standing.sent, "updated_at": self._clock.now()}
        async with self._database.write() as session:
            if not await repository.change_claimed(session, payment.id, payment.claims, values):
                await self._overtaken(session, payment)
                return
            if payment.state is State.FAILED:
                await self._free_of_grant(
                    session, payment, debit=payment.sent_amount - standing.sent
                )
            await self._tell_end(session, replace(payment, **values), asset, standing)

    async def _tell_end(
        self, session: WriteSession, payment: OutgoingPayment, asset: Asset, standing: Standing
    ) -> None:
        kind = "completed" if payment.state is State.COMPLETED else "failed"
        await self._events.outgoing_payment(session, kind, payment, asset, balance=standing.balance)

    async def _correct_grant(
        self, session: WriteSession, payment: OutgoingPayment, *, sent: int, delivered: int
    ) -> None:
        """Free of the grant what the payment did not use; a completed debit stays as reserved."""
        quote = payment.quote
        completed = delivered >= quote.receive_amount.value
        await self._free_of_grant(
            session,
            payment,
            debit=0 if completed else quote.debit_amount - sent,
            receive=max(quote.receive_amount.value - delivered, 0),
        )

    async def _free_of_grant(
        self, session: WriteSession, payment: OutgoingPayment, *, debit: int, receive: int = 0
    ) -> None:
        if payment.grant_id is None or payment.grant_interval_start is None:
            return
        await spending.give_back(
            session,
            grant_id=payment.grant_id,
            interval_start=payment.grant_interval_start,
            debit=debit,
            receive=Amount(receive, payment.quote.receive_amount.asset),
        )
