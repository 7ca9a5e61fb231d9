"""Deposit the whole debit amount of an outgoing payment, and let it be sent."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Final
from uuid import UUID

from servicekit.clock import Clock
from servicekit.commands import Command
from servicekit.database import WriteSession
from servicekit.errors import InvalidArgument

from services.backend.events.writer import EventWriter
from services.backend.outgoing_payments import repository, spending
from services.backend.outgoing_payments.attempt import Failure
from services.backend.outgoing_payments.books import OutgoingBooks
from services.backend.outgoing_payments.claims import Claimed
from services.backend.outgoing_payments.due import DUE_CHANNEL, TAKEN
from services.backend.outgoing_payments.errors import wrong_state
from services.backend.outgoing_payments.handover import Handover
from services.backend.outgoing_payments.model import PaymentView, State
from services.backend.outgoing_payments.queries import OutgoingPaymentQueries
from services.backend.outgoing_payments.told import told

DATA_BYTES_MAX: Final = 16_384


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentToFund:
    """Which one; None means any tenant."""

    payment_id: UUID
    tenant_id: UUID | None
    data: bytes | None
    """What its packets carry to the receiver."""


class FundPayment(Command[PaymentToFund, PaymentView, PaymentView]):
    """Raises NotFound, and Conflict when the payment was cancelled; a repeat is a no-op."""

    def __init__(
        self,
        *,
        queries: OutgoingPaymentQueries,
        handover: Handover,
        books: OutgoingBooks,
        events: EventWriter,
        clock: Clock,
    ) -> None:
        self._queries = queries
        self._handover = handover
        self._books = books
        self._events = events
        self._clock = clock

    async def read(self, given: PaymentToFund) -> PaymentView:
        """The payment, with the money on its account.

        The deposit comes before the row, under an id that follows from the payment's: whatever
        happens in between, a repeat finds it. If the payment was cancelled meanwhile, it is taken
        back.
        """
        if given.data is not None and len(given.data) > DATA_BYTES_MAX:
            raise InvalidArgument(
                "INVALID_FIELD",
                f"data_to_transmit has at most {DATA_BYTES_MAX} bytes",
                field="data_to_transmit",
            )
        # What was created here may have changed: then nothing is written, and the row is read.
        view = self._handover.take_created(given.payment_id)
        if view is None or given.tenant_id not in {None, view.payment.tenant_id}:
            view = await self._queries.get(given.payment_id, tenant_id=given.tenant_id)
        payment, amount = view.payment, view.payment.quote.debit_amount
        if payment.state is State.FUNDING:
            await self._books.deposit(payment.id, view.asset, amount)
        elif payment.state is State.CANCELLED:
            await self._books.refuse_deposit(payment.id, view.asset, amount)
            raise wrong_state(payment.state)
        return view

    async def write(
        self, session: WriteSession, given: PaymentToFund, facts: PaymentView
    ) -> PaymentView:
        """That it is to be sent, by this process's worker if that has room.

        If its quote ran out before, it fails instead, and the deposit waits to be withdrawn.
        """
        payment, now = facts.payment, self._clock.now()
        if payment.state is not State.FUNDING:
            return facts
        after = replace(payment, updated_at=now, data_to_transmit=given.data)
        if payment.quote.expires_at > now:
            after = replace(after, state=State.SENDING, due_at=now)
            if lease_end := self._handover.lease_end(payment.tenant_id):
                after = replace(after, claims=1, lease_until=lease_end)
                taken = Claimed(
                    payment=after, asset=facts.asset, tenant_deleted=False, lease_ended_at=None
                )
                session.after_commit(partial(self._handover.send, taken))
            await session.notify(DUE_CHANNEL, TAKEN if lease_end else "")
        else:
            after = replace(after, state=State.FAILED, error=Failure.QUOTE_EXPIRED)
            await spending.release_all(session, payment)
            balance = payment.quote.debit_amount
            await self._events.write(session, told("failed", after, facts.asset, balance=balance))
        repository.leave_funding(session, after)
        return replace(facts, payment=after)
