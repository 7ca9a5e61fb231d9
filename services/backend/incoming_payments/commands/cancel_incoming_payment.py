"""Cancel an incoming payment: no new packets for it; those in flight now are still received."""

from dataclasses import dataclass, replace
from uuid import UUID

from servicekit.clock import Clock
from servicekit.commands import Command
from servicekit.database import WriteSession

from services.backend.incoming_payments import repository
from services.backend.incoming_payments.books import IncomingBooks
from services.backend.incoming_payments.commands.end_incoming_payments import PAYMENT_CHANNEL
from services.backend.incoming_payments.endings import Endings
from services.backend.incoming_payments.errors import wrong_state
from services.backend.incoming_payments.model import PaymentView, State
from services.backend.incoming_payments.queries import IncomingPaymentQueries


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentToCancel:
    """Which one and why; None means any tenant."""

    payment_id: UUID
    tenant_id: UUID | None
    reason: str | None


class CancelIncomingPayment(Command[PaymentToCancel, PaymentView, PaymentView]):
    """Raises NotFound, and Conflict when it has ended, or was cancelled or approved."""

    def __init__(
        self,
        *,
        queries: IncomingPaymentQueries,
        books: IncomingBooks,
        endings: Endings,
        clock: Clock,
    ) -> None:
        self._queries = queries
        self._books = books
        self._endings = endings
        self._clock = clock

    async def read(self, given: PaymentToCancel) -> PaymentView:
        """The payment, if it can still be cancelled."""
        view = await self._queries.get(given.payment_id, tenant_id=given.tenant_id)
        payment = view.payment
        if view.completed:
            raise wrong_state(State.COMPLETED)
        untouched = payment.cancelled_at is None and payment.approved_at is None
        if payment.state is not State.PENDING or not untouched:
            raise wrong_state(payment.shown_state)
        return view

    async def write(
        self, session: WriteSession, given: PaymentToCancel, facts: PaymentView
    ) -> PaymentView:
        """The mark, and word to every process."""
        payment = replace(
            facts.payment, cancelled_at=self._clock.now(), cancellation_reason=given.reason
        )
        repository.cancel(session, payment)
        await session.notify(PAYMENT_CHANNEL, str(payment.id))
        return replace(facts, payment=payment)

    async def finish(self, given: PaymentToCancel, done: PaymentView) -> None:
        """Accept no more money.

        If all that it expected came in before that, it has completed and was not cancelled.
        """
        del done
        view = await self._queries.get(given.payment_id, tenant_id=given.tenant_id)
        await self._books.close(given.payment_id, view.asset.ledger)
        await self._endings.end_exhausted([given.payment_id])
