"""Replace the metadata of an incoming payment, in any state."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from uuid import UUID

from servicekit.commands import Command
from servicekit.database import WriteSession

from services.backend.incoming_payments import repository
from services.backend.incoming_payments.commands.end_incoming_payments import PAYMENT_CHANNEL
from services.backend.incoming_payments.kept import KeptPayments
from services.backend.incoming_payments.model import PaymentView
from services.backend.incoming_payments.queries import IncomingPaymentQueries


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMetadata:
    """For which payment; None means any tenant."""

    payment_id: UUID
    tenant_id: UUID | None
    metadata: dict[str, Any]


class UpdateIncomingPayment(Command[NewMetadata, PaymentView, PaymentView]):
    """Raises NotFound."""

    def __init__(self, *, queries: IncomingPaymentQueries, kept: KeptPayments) -> None:
        self._queries = queries
        self._kept = kept

    async def read(self, given: NewMetadata) -> PaymentView:
        """The payment as it is."""
        return await self._queries.get(given.payment_id, tenant_id=given.tenant_id)

    async def write(
        self, session: WriteSession, given: NewMetadata, facts: PaymentView
    ) -> PaymentView:
        """The metadata alone, and word to every process."""
        payment = replace(facts.payment, metadata=given.metadata)
        repository.set_metadata(session, payment)
        await session.notify(PAYMENT_CHANNEL, str(payment.id))
        session.after_commit(partial(self._kept.forget, payment.id))
        return replace(facts, payment=payment)
