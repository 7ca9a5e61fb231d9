"""Replace the metadata of an incoming payment, in any state."""

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from servicekit.commands import Command
from servicekit.database import WriteSession

from services.backend.incoming_payments import repository
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

    def __init__(self, *, queries: IncomingPaymentQueries) -> None:
        self._queries = queries

    async def read(self, given: NewMetadata) -> PaymentView:
        """The payment as it is."""
        return await self._queries.get(given.payment_id, tenant_id=given.tenant_id)

    async def write(
        self, session: WriteSession, given: NewMetadata, facts: PaymentView
    ) -> PaymentView:
        """The metadata alone."""
        payment = replace(facts.payment, metadata=given.metadata)
        repository.set_metadata(session, payment)
        return replace(facts, payment=payment)
