"""Sends the payments that are due: claims them, pays, and writes what came of it.

No transaction is open while packets fly. A claim is a lease that is renewed while the payment is
being sent; when its process dies the lease runs out and another process goes on from what the
ledger says. Whoever lost a lease stops sending and writes nothing: the attempt's number tells. Work
is found by notification; the clock only serves retries and leases.
"""

import asyncio
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, Final, Protocol
from uuid import UUID

import structlog
from ilpkit.ilp.packet import Prepare, Reply
from ilpkit.money import Amount
from ilpkit.stream.crypto import StreamKeys
from ilpkit.stream.outcome import EndReason
from ilpkit.stream.plan import FixedDelivery
from ilpkit.stream.sender import PaymentSender
from servicekit.clock import Clock
from servicekit.database import Database, WriteSession
from servicekit.errors import InvalidArgument, ServiceError
from servicekit.ids import IdSource

from services.backend.assets.model import Asset
from services.backend.ledger.accounting import Side, transfer
from services.backend.ledger.errors import TransferStatus
from services.backend.ledger.ids import derive_id
from services.backend.outgoing_payments import repository, spending
from services.backend.outgoing_payments.attempt import (
    Completed,
    Failed,
    Failure,
    Remaining,
    Result,
    TryAgain,
    remaining,
    retry_at,
    settle,
)
from services.backend.outgoing_payments.model import OutgoingPayment, State
from services.backend.outgoing_payments.sending import pay
from services.backend.outgoing_payments.service import (
    DUE_CHANNEL,
    OutgoingPaymentService,
    PaymentLedger,
    PaymentView,
)
from services.backend.receivers.model import Receiver
from services.backend.receivers.service import ReceiverService
from services.backend.webhooks.service import EventWriter

LEASE: Final = timedelta(seconds=60)
LEASE_RENEWAL_S: Final = 20.0
IDLE_S_MAX: Final = 30.0
CLAIM_MAX: Final = 64

_log = structlog.get_logger(__name__)


class PaymentConnector(Protocol):
    """The connector, as payments of this node use it."""

    async def send(self, prepare: Prepare, payment: OutgoingPayment, asset: Asset) -> Reply:
        """Route one packet, paid from the payment's account; never raises for a peer's doing."""
        ...


class LocalCredit(Protocol):
    """What happens when an incoming payment of this node receives money."""

    def credited(self, payment_id: UUID) -> None:
        """It did."""
        ...


class OutgoingPaymentWorker:
    """One a process."""

    def __init__(
        self,
        *,
        database: Database,
        ledger: PaymentLedger,
        payments: OutgoingPaymentService,
        receivers: ReceiverService,
        connector: PaymentConnector,
        local_credit: LocalCredit,
        events: EventWriter,
        clock: Clock,
        ids: IdSource,
        in_flight_max: int,
        attempts_max: int,
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._payments = payments
        self._receivers = receivers
        self._connector = connector
        self._local_credit = local_credit
        self._events = events
        self._clock = clock
        self._ids = ids
        self._in_flight_max = in_flight_max
        self._attempts_max = attempts_max
        self._running: dict[UUID, asyncio.Task[None]] = {}
        self._attempts: dict[UUID, int] = {}
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
        async with self._database.write() as session:
            claimed = await repository.claim(
                session,
                now=self._clock.now(),
                lease=LEASE,
                limit=free,
                except_for=list(self._running),
            )
        for payment in claimed:
            task = asyncio.get_running_loop().create_task(self._run_one(payment))
            self._running[payment.id] = task
            self._attempts[payment.id] = payment.attempts
            task.add_done_callback(partial(self._finished, payment.id))
        return len(claimed)

    def _finished(self, payment_id: UUID, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (crash := task.exception()) is not None:
            _log.error("payment_task_crashed", payment_id=str(payment_id), error=repr(crash))
        self._running.pop(payment_id, None)
        self._attempts.pop(payment_id, None)
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
            held = dict(self._attempts)
            if not held:
                continue
            try:
                async with self._database.write() as session:
                    until = self._clock.now() + LEASE
                    kept = await repository.extend_leases(session, held, until)
            except ServiceError as error:
                _log.warning("leases_not_renewed", error=str(error))
                continue
            for payment_id in held.keys() - kept:
                if (task := self._running.get(payment_id)) is not None:
                    _log.warning("lease_lost", payment_id=str(payment_id))
                    task.cancel()

    async def _run_one(self, payment: OutgoingPayment) -> None:
        try:
            view = await self._payments.get(payment.id, tenant_id=None)
        except ServiceError as error:
            # Its lease runs out.
            _log.warning("payment_not_read", payment_id=str(payment.id), error=str(error))
            return
        left = remaining(payment, sent=view.sent, reserved=view.reserved)
        least, attempts = left.delivered, payment.attempts
        try:
            result = await self._attempt(view, payment, left)
        except asyncio.CancelledError:
            result = TryAgain(error="cancelled", delivered=None, at_once=True)
        except InvalidArgument as error:
            result = Failed(error=error.message, delivered=least)
        except ServiceError as error:
            result = TryAgain(error=error.message, delivered=None)
        except Exception:  # noqa: BLE001 - a bug of ours ends this attempt, not the worker
            _log.exception("payment_attempt_crashed", payment_id=str(payment.id))
            result = TryAgain(error="internal error", delivered=None)
        result = settle(
            result,
            least=least,
            reserved=view.reserved,
            attempts=attempts,
            attempts_max=self._attempts_max,
        )
        try:
            await self._record(payment.id, attempts, view.asset, result)
        except ServiceError as error:
            # The lease runs out and another attempt finds everything in the ledger.
            _log.warning("payment_not_recorded", payment_id=str(payment.id), error=str(error))

    async def _attempt(
        self, view: PaymentView, payment: OutgoingPayment, left: Remaining
    ) -> Result:
        if left.deliver == 0:
            return Completed(delivered=left.delivered)
        if view.sent + view.reserved == 0 and payment.quote.expires_at <= self._clock.now():
            return Failed(error=Failure.QUOTE_EXPIRED, delivered=0)
        receiver = await self._receivers.get(payment.quote.receiver)
        if receiver.asset != payment.quote.receive_amount.asset:
            return Failed(error=Failure.DESTINATION_ASSET_CONFLICT, delivered=left.delivered)
        left = remaining(
            payment,
            sent=view.sent,
            reserved=view.reserved,
            received=receiver.received_amount.value,
        )
        return await self._pay(payment, view.asset, receiver, left)

    async def _pay(
        self, payment: OutgoingPayment, asset: Asset, receiver: Receiver, left: Remaining
    ) -> Result:
        if left.deliver == 0:
            return Completed(delivered=left.delivered)
        if not receiver.is_payable(self._clock.now()):
            return Failed(error=Failure.RECEIVER_CLOSED, delivered=left.delivered)
        if receiver.local_id is not None:
            return await self._transfer(payment, asset, receiver.local_id, left)
        return await self._send(payment, asset, receiver, left)

    async def _transfer(
        self, payment: OutgoingPayment, asset: Asset, receiver_id: UUID, left: Remaining
    ) -> Result:
        """A payment inside this node: one transfer under an id of the payment's own."""
        destination = await self._receivers.local_account(receiver_id)
        status = TransferStatus.ID_ALREADY_FAILED
        # An engine may never take an id again that it refused once: each attempt has one more.
        for number in range(payment.attempts):
            plan = transfer(
                transfer_id=derive_id("local payment", payment.id.int, number),
                source=Side(
                    account_id=payment.id.int, ledger=asset.ledger, asset_account_id=asset.id.int
                ),
                destination=destination.side,
                source_amount=left.source_max,
                destination_amount=left.deliver,
                cause_id=payment.id.int,
                allowance_account_id=destination.allowance_account_id,
            )
            status = plan.explain(await self._ledger.submit(plan.chain))
            if status is not TransferStatus.ID_ALREADY_FAILED:
                break
        if status is TransferStatus.ALLOWANCE_EXCEEDED:
            return Failed(error=Failure.RECEIVER_CLOSED, delivered=left.delivered)
        if not status.ok:
            return TryAgain(error=str(status), delivered=None)
        self._local_credit.credited(receiver_id)
        return Completed(delivered=payment.quote.receive_amount.value)

    async def _send(
        self,
        payment: OutgoingPayment,
        asset: Asset,
        receiver: Receiver,
        left: Remaining,
    ) -> Result:
        if left.source_max == 0:
            return Failed(error=Failure.SOURCE_EXHAUSTED, delivered=left.delivered)
        method = receiver.methods[0]
        machine = PaymentSender(
            keys=StreamKeys(method.shared_secret),
            destination=method.ilp_address,
            target=FixedDelivery(
                delivery=left.deliver,
                source_max=left.source_max,
                min_rate=payment.quote.min_rate,
            ),
            random_bytes=self._ids.token,
            max_packet_amount=payment.quote.max_packet_amount,
            data=payment.data_to_transmit or b"",
        )

        async def send(prepare: Prepare) -> Reply:
            return await self._connector.send(prepare, payment, asset)

        outcome = await pay(machine, send=send, clock=self._clock, on_crash=_log_crash)
        totals = outcome.totals
        delivered = left.delivered + totals.delivered + totals.delivered_unconfirmed
        if outcome.completed:
            return Completed(delivered=delivered)
        error = " ".join(filter(None, [outcome.reason.value, outcome.ilp_code, outcome.message]))
        if outcome.retryable:
            at_once = outcome.reason is EndReason.CANCELLED
            return TryAgain(error=error, delivered=delivered, at_once=at_once)
        return Failed(error=error, delivered=delivered)

    async def _record(self, payment_id: UUID, attempts: int, asset: Asset, result: Result) -> None:
        """Write the result with its event, once; what was sent comes from the ledger."""
        account = (await self._ledger.lookup_accounts([payment_id.int])).get(payment_id.int)
        sent = 0 if account is None else account.debits_posted
        balance = 0 if account is None else account.credits_posted - sent
        now = self._clock.now()
        values: dict[str, Any] = {"updated_at": now, "lease_until": None, "due_at": None}
        if result.delivered is not None:
            values |= {"sent_amount": sent, "delivered_amount": result.delivered}
        async with self._database.write() as session:
            payment = await repository.lock(session, payment_id)
            if payment is None or payment.state is not State.SENDING:
                return
            if payment.attempts != attempts:
                _log.warning("attempt_overtaken", payment_id=str(payment_id))
                return
            if isinstance(result, TryAgain):
                due_at = now if result.at_once else retry_at(now, attempts)
                values |= {"error": result.error, "due_at": due_at}
                await repository.change(session, payment_id, State.SENDING, values)
                if result.at_once:
                    await session.notify(DUE_CHANNEL, "")
                return
            done = isinstance(result, Completed)
            values["state"] = State.COMPLETED if done else State.FAILED
            values["error"] = result.error if isinstance(result, Failed) else None
            await repository.change(session, payment_id, State.SENDING, values)
            await self._correct_grant(session, payment, sent=sent, delivered=result.delivered)
            ended = replace(payment, **values)
            kind = "completed" if done else "failed"
            await self._events.outgoing_payment(session, kind, ended, asset, balance=balance)

    async def _correct_grant(
        self, session: WriteSession, payment: OutgoingPayment, *, sent: int, delivered: int
    ) -> None:
        """Free of the grant what the payment did not use; a completed debit stays as reserved."""
        if payment.grant_id is None or payment.grant_interval_start is None:
            return
        receive = payment.quote.receive_amount
        completed = delivered >= receive.value
        spent_debit = payment.quote.debit_amount if completed else sent
        await spending.give_back(
            session,
            grant_id=payment.grant_id,
            interval_start=payment.grant_interval_start,
            debit=payment.quote.debit_amount - spent_debit,
            receive=Amount(max(receive.value - delivered, 0), receive.asset),
        )


def _log_crash(crash: BaseException) -> None:
    _log.error("packet_not_sent", error=repr(crash))
