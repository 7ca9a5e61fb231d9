"""What can be asked about payments of both kinds together."""

from uuid import UUID

from servicekit.database import Database
from servicekit.paging import Page, PageQuery

from services.backend.incoming_payments.model import PaymentView as IncomingView
from services.backend.incoming_payments.queries import IncomingPaymentQueries
from services.backend.outgoing_payments.model import PaymentView as OutgoingView
from services.backend.outgoing_payments.queries import OutgoingPaymentQueries
from services.backend.payments import repository
from services.backend.payments.repository import Kind, PaymentKey


class PaymentQueries:
    """Reads what the two kinds have in common."""

    def __init__(
        self,
        *,
        database: Database,
        incoming: IncomingPaymentQueries,
        outgoing: OutgoingPaymentQueries,
    ) -> None:
        self._database = database
        self._incoming = incoming
        self._outgoing = outgoing

    async def page(
        self, query: PageQuery, *, tenant_id: UUID | None, wallet_address_id: UUID | None
    ) -> tuple[Page[PaymentKey], list[IncomingView | OutgoingView]]:
        """A page of payments, newest first."""
        async with self._database.read() as session:
            page = await repository.page(
                session, query, tenant_id=tenant_id, wallet_address_id=wallet_address_id
            )
        keys = page.items
        views: dict[UUID, IncomingView | OutgoingView] = {}
        views |= await self._incoming.by_ids([k.id for k in keys if k.kind is Kind.INCOMING])
        views |= await self._outgoing.by_ids([k.id for k in keys if k.kind is Kind.OUTGOING])
        return page, [views[key.id] for key in keys]
