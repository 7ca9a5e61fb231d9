"""Approve an incoming payment: from then on it can't be cancelled."""

from dataclasses import dataclass, replace
from functools import partial
from uuid import UUID

from servicekit.clock import Clock
from servicekit.commands import Command
from servicekit.database import WriteSession

from services.backend.incoming_payments import repository
from services.backend.incoming_payments.commands.end_incoming_payments import PAYMENT_CHANNEL
from services.backend.incoming_payments.errors import wrong_state
from services.backend.incoming_payments.kept import KeptPayments
from services.backend.incoming_payments.model import PaymentView, State
from services.backend.incoming_payments.queries import IncomingPaymentQueries


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentToApprove:
    """Which one; None means any tenant."""

    payment_id: UUID
    tenant_id: UUID | None


class ApproveIncomingPayment(Command[PaymentToApprove, PaymentView, PaymentView]):
    """Raises NotFound, and Conflict when it has ended or was cancelled."""

    def __init__(
        self, *, queries: IncomingPaymentQueries, kept: KeptPayments, clock: Clock
    ) -> None:
        self._queries = queries
        self._kept = kept
        self._clock = clock

    async def read(self, given: PaymentToApprove) -> PaymentView:
        """The payment, if it can still be approved."""
        view = await self._queries.get(given.payment_id, tenant_id=given.tenant_id)
        if view.payment.state is not State.PENDING or view.payment.cancelled_at is not None:
            raise wrong_state(view.payment.shown_state)
        return view

    async def write(
        self, session: WriteSession, given: PaymentToApprove, facts: PaymentView
    ) -> PaymentView:
        """The mark, and word to every process."""
        del given
        payment = replace(facts.payment, approved_at=self._clock.now())
        repository.approve(session, payment)
        await session.notify(PAYMENT_CHANNEL, str(payment.id))
        session.after_commit(partial(self._kept.forget, payment.id))
        return replace(facts, payment=payment)
