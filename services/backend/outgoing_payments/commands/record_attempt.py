"""Write what an attempt at sending a payment came to, and with its end the event and the grant."""

from dataclasses import dataclass, replace

from ilpkit.money import Amount
from servicekit.clock import Clock
from servicekit.commands import Command
from servicekit.database import WriteSession

from services.backend.assets.model import Asset
from services.backend.events.writer import EventWriter
from services.backend.outgoing_payments import claims, spending
from services.backend.outgoing_payments.attempt import (
    Completed,
    Failed,
    Pause,
    Result,
    TryAgain,
    due_at,
    settle,
)
from services.backend.outgoing_payments.books import OutgoingBooks, Standing
from services.backend.outgoing_payments.due import DUE_CHANNEL, PAID_CHANNEL
from services.backend.outgoing_payments.model import OutgoingPayment, State
from services.backend.outgoing_payments.told import told


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempted:
    """An attempt that is over."""

    payment: OutgoingPayment
    """As it was taken."""
    asset: Asset
    """The payer's."""
    result: Result
    least: int
    """What was surely delivered before it, in the receiver's asset."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What the attempt means."""

    payment: OutgoingPayment
    """As it is from now on."""
    balance: int
    """What can be withdrawn of it."""


class RecordAttempt(Command[Attempted, Recorded, OutgoingPayment]):
    """Raises Overtaken when another process has the payment."""

    def __init__(
        self, *, books: OutgoingBooks, events: EventWriter, clock: Clock, attempts_max: int
    ) -> None:
        self._books = books
        self._events = events
        self._clock = clock
        self._attempts_max = attempts_max

    async def read(self, given: Attempted) -> Recorded:
        """What was sent, from the ledger, and so what the attempt's result means."""
        payment = given.payment
        unfinished = payment.claims > 1 or not isinstance(given.result, Completed)
        standing = await self._books.standing(payment.id, history=unfinished)
        result = settle(
            given.result,
            least=given.least,
            pending=standing.pending,
            attempts=payment.attempts,
            attempts_max=self._attempts_max,
        )
        if isinstance(result, TryAgain):
            after = self._again(payment, result)
        else:
            after = self._ended(payment, result, standing)
        return Recorded(payment=after, balance=standing.balance)

    async def write(
        self, session: WriteSession, given: Attempted, facts: Recorded
    ) -> OutgoingPayment:
        """The payment; if it ended, its event, and what its grant may spend again."""
        payment = facts.payment
        claims.give_back(session, payment)
        if payment.state is State.SENDING:
            await session.notify(DUE_CHANNEL, "")
            return payment
        await self._correct_grant(session, payment)
        await session.notify(PAID_CHANNEL, payment.quote.receiver)
        kind = "completed" if payment.state is State.COMPLETED else "failed"
        await self._events.write(session, told(kind, payment, given.asset, balance=facts.balance))
        return payment

    def _again(self, payment: OutgoingPayment, result: TryAgain) -> OutgoingPayment:
        now = self._clock.now()
        attempts = payment.attempts + (result.pause is Pause.RETRY)
        after = replace(
            payment,
            error=result.error,
            attempts=attempts,
            due_at=due_at(now, result.pause, attempts),
            updated_at=now,
        )
        if result.delivered is None:
            return after
        # Both are of the same packets. The ledger may still have some of them reserved, and it has
        # posted others by now that were fulfilled after the attempt: what those delivered is
        # looked for at the next attempt.
        return replace(after, sent_amount=result.sent, delivered_amount=result.delivered)

    def _ended(
        self, payment: OutgoingPayment, result: Completed | Failed, standing: Standing
    ) -> OutgoingPayment:
        return replace(
            payment,
            state=State.COMPLETED if isinstance(result, Completed) else State.FAILED,
            error=result.error if isinstance(result, Failed) else None,
            sent_amount=standing.sent,
            delivered_amount=result.delivered,
            attempts=0,
            due_at=None,
            updated_at=self._clock.now(),
        )

    async def _correct_grant(self, session: WriteSession, payment: OutgoingPayment) -> None:
        """Free of the grant what the payment did not use; a completed debit stays as reserved."""
        quote = payment.quote
        promised, delivered = quote.receive_amount, payment.delivered_amount
        delivered_all = delivered >= promised.value
        await spending.release(
            session,
            payment,
            debit=0 if delivered_all else quote.debit_amount - payment.sent_amount,
            receive=Amount(max(promised.value - delivered, 0), promised.asset),
        )
