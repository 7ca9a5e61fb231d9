"""Ends payments for whoever needs them ended now."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from servicekit.commands import Commands

from services.backend.incoming_payments.books import Counted
from services.backend.incoming_payments.commands.end_incoming_payments import (
    EndIncomingPayments,
    PaymentsToEnd,
)
from services.backend.incoming_payments.model import PaymentView, State
from services.backend.incoming_payments.queries import IncomingPaymentQueries


class Endings:
    """Runs the command that ends payments."""

    def __init__(
        self, *, commands: Commands, command: EndIncomingPayments, queries: IncomingPaymentQueries
    ) -> None:
        self._commands = commands
        self._command = command
        self._queries = queries

    async def end(self, payment_ids: Sequence[UUID], state: State) -> None:
        """Accept no more for these payments, and write their ends down."""
        given = PaymentsToEnd(payment_ids=payment_ids, state=state, only_exhausted=False)
        await self._commands.run(self._command, given)

    async def end_exhausted(
        self, payment_ids: Sequence[UUID], counts: Mapping[UUID, Counted] | None = None
    ) -> None:
        """End those of these payments that have received all they expect.

        `counts` is what the ledger said of them when their last money came, where it did.
        """
        given = PaymentsToEnd(
            payment_ids=payment_ids, state=State.COMPLETED, only_exhausted=True, counts=counts
        )
        await self._commands.run(self._command, given)

    async def ended(self, payment_id: UUID, *, tenant_id: UUID | None) -> PaymentView:
        """One payment; one that has all it expects is ended first, for its money to be taken."""
        view = await self._queries.get(payment_id, tenant_id=tenant_id)
        if view.payment.state is State.PENDING and view.completed:
            await self.end([payment_id], State.COMPLETED)
            view = await self._queries.get(payment_id, tenant_id=tenant_id)
        return view
