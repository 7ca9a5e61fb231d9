"""Give up an outgoing payment that is not funded."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final
from uuid import UUID

from servicekit.clock import Clock
from servicekit.commands import Command
from servicekit.database import Database, WriteSession

from services.backend.outgoing_payments import repository, spending
from services.backend.outgoing_payments.books import OutgoingBooks
from services.backend.outgoing_payments.errors import wrong_state
from services.backend.outgoing_payments.model import PaymentView, State
from services.backend.outgoing_payments.queries import OutgoingPaymentQueries

DUE_DELAY: Final = timedelta(seconds=10)
"""How long whoever cancels has for the ledger's part before a worker does it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentToCancel:
    """Which one and why; None means any tenant."""

    payment_id: UUID
    tenant_id: UUID | None
    reason: str | None


class CancelPayment(Command[PaymentToCancel, PaymentView, PaymentView]):
    """Raises NotFound, and Conflict when it is funded; a repeat is a no-op."""

    reading_leaves_nothing = True

    def __init__(
        self,
        *,
        database: Database,
        queries: OutgoingPaymentQueries,
        books: OutgoingBooks,
        clock: Clock,
    ) -> None:
        self._database = database
        self._queries = queries
        self._books = books
        self._clock = clock

    async def read(self, given: PaymentToCancel) -> PaymentView:
        """The payment, if it can be cancelled or is."""
        view = await self._queries.get(given.payment_id, tenant_id=given.tenant_id)
        if view.payment.state not in {State.FUNDING, State.CANCELLED}:
            raise wrong_state(view.payment.state)
        return view

    async def write(
        self, session: WriteSession, given: PaymentToCancel, facts: PaymentView
    ) -> PaymentView:
        """That it is cancelled, with the reason in its metadata as in the original's."""
        payment, now = facts.payment, self._clock.now()
        if payment.state is State.CANCELLED:
            return facts
        metadata = dict(payment.metadata or {})
        if given.reason is not None:
            metadata["cancellationReason"] = given.reason
        after = replace(
            payment,
            state=State.CANCELLED,
            metadata=metadata or None,
            due_at=now + DUE_DELAY,
            updated_at=now,
        )
        repository.leave_funding(session, after)
        await spending.release_all(session, payment)
        return replace(facts, payment=after)

    async def finish(self, given: PaymentToCancel, done: PaymentView) -> None:
        """Take a deposit back that is on its way meanwhile.

        A worker does it if this process dies before.
        """
        del done
        view = await self._queries.get(given.payment_id, tenant_id=given.tenant_id)
        payment = view.payment
        if payment.due_at is not None:
            await self._books.refuse_deposit(payment.id, view.asset, payment.quote.debit_amount)
            await repository.note_deposit_returned(self._database, payment.id)
