"""Tell of what moved on the account of a payment that has ended, if anything did."""

from dataclasses import replace

from ilpkit.money import Amount
from servicekit.clock import Clock
from servicekit.commands import Command
from servicekit.database import WriteSession

from services.backend.events import repository as events
from services.backend.events.withdrawable import withdrawable
from services.backend.events.writer import EventWriter
from services.backend.outgoing_payments import claims, spending
from services.backend.outgoing_payments.books import OutgoingBooks, Standing
from services.backend.outgoing_payments.claims import Claimed
from services.backend.outgoing_payments.model import State
from services.backend.outgoing_payments.told import told


class FollowLedger(Command[Claimed, Standing, None]):
    """Raises Overtaken when another process has the payment."""

    def __init__(self, *, books: OutgoingBooks, events: EventWriter, clock: Clock) -> None:
        self._books = books
        self._events = events
        self._clock = clock

    async def read(self, given: Claimed) -> Standing:
        """Where the payment's money is now."""
        return await self._books.standing(given.payment.id, history=True)

    async def write(self, session: WriteSession, given: Claimed, facts: Standing) -> None:
        """What was sent by now, told by another event of the kind that told of the end.

        Its balance is only what no earlier event told, since each event's money is withdrawn once.
        """
        payment = given.payment
        if facts.sent == payment.sent_amount:
            claims.give_back(session, replace(payment, due_at=None))
            return
        told_of = await events.about(session, payment.id)
        earlier = sum(each.amount for each in withdrawable(told_of))
        after = replace(payment, sent_amount=facts.sent, updated_at=self._clock.now(), due_at=None)
        claims.give_back(session, after)
        if payment.state is State.FAILED:
            nothing = Amount(0, payment.quote.receive_amount.asset)
            debit = payment.sent_amount - facts.sent
            await spending.release(session, payment, debit=debit, receive=nothing)
        kind = "completed" if payment.state is State.COMPLETED else "failed"
        untold = facts.untold(deposited=payment.quote.debit_amount, told=earlier)
        await self._events.write(session, told(kind, after, given.asset, balance=untold))
