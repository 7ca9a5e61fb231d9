"""Close an incoming payment for good, whatever it received."""

from dataclasses import dataclass
from uuid import UUID

from servicekit.commands import Command
from servicekit.database import WriteSession

from services.backend.incoming_payments.endings import Endings
from services.backend.incoming_payments.errors import wrong_state
from services.backend.incoming_payments.model import PaymentView, State
from services.backend.incoming_payments.queries import IncomingPaymentQueries


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentToComplete:
    """Which one; None means any tenant, and any client."""

    payment_id: UUID
    tenant_id: UUID | None
    client: str | None = None


class CompleteIncomingPayment(Command[PaymentToComplete, PaymentView, PaymentView]):
    """Raises NotFound, and Conflict when it has ended otherwise.

    One whose time is over has expired, also if nobody wrote that down yet.
    """

    def __init__(self, *, queries: IncomingPaymentQueries, endings: Endings) -> None:
        self._queries = queries
        self._endings = endings

    async def read(self, given: PaymentToComplete) -> PaymentView:
        """End it, which is a transaction of its own; a repeat finds it ended."""
        view = await self._view(given)
        if view.payment.state is State.PENDING and view.payment.cancelled_at is None:
            await self._endings.end([given.payment_id], State.COMPLETED)
            view = await self._view(given)
        if not view.completed:
            raise wrong_state(view.payment.shown_state)
        return view

    async def write(
        self, session: WriteSession, given: PaymentToComplete, facts: PaymentView
    ) -> PaymentView:
        """Nothing is left to write."""
        del session, given
        return facts

    async def _view(self, given: PaymentToComplete) -> PaymentView:
        return await self._queries.get(
            given.payment_id, tenant_id=given.tenant_id, client=given.client
        )
