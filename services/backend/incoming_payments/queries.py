"""What can be asked about incoming payments."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Protocol
from uuid import UUID

from servicekit.database import Database
from servicekit.paging import Page, PageQuery

from services.backend.directory.worker import Directory
from services.backend.incoming_payments import repository
from services.backend.incoming_payments.books import IncomingBooks
from services.backend.incoming_payments.errors import unknown_payment
from services.backend.incoming_payments.kept import KeptPayments
from services.backend.incoming_payments.model import IncomingPayment, PaymentView
from services.backend.wallet_addresses.model import WalletAddress


class Payees(Protocol):
    """The wallet addresses that are paid."""

    async def by_ids(self, ids: Iterable[UUID]) -> dict[UUID, WalletAddress]:
        """Those that exist, of any tenant, active or not; their assets are in the directory."""
        ...


class IncomingPaymentQueries:
    """Reads incoming payments.

    Their rows come from Postgres, what open ones received from the ledger, the rest from memory.
    """

    def __init__(
        self,
        *,
        database: Database,
        books: IncomingBooks,
        kept: KeptPayments,
        payees: Payees,
        directory: Directory,
    ) -> None:
        self._database = database
        self._books = books
        self._kept = kept
        self._payees = payees
        self._directory = directory

    async def get(
        self, payment_id: UUID, *, tenant_id: UUID | None, client: str | None = None
    ) -> PaymentView:
        """One payment; raises NotFound, also when it is another tenant's or client's.

        None means any tenant, and any client.
        """
        views = await self.uncounted([payment_id])
        if not views or not _may_see(views[0].payment, tenant_id, client):
            raise unknown_payment(payment_id)
        return (await self._counted(views))[0]

    async def shown(
        self, payment_id: UUID, *, tenant_id: UUID | None, client: str | None = None
    ) -> PaymentView:
        """As `get`, for payers: what never changes comes from memory where it is there.

        The ledger says what was received, and that the payment is open. Metadata that was replaced
        at another process may still be the old one for the milliseconds of a notification.
        """
        view = self._kept.find(payment_id)
        if view is not None and _may_see(view.payment, tenant_id, client):
            counted = (await self._books.counts([payment_id]))[payment_id]
            if counted.left and not counted.exhausted:
                return replace(view, received=counted.received)
        return await self.get(payment_id, tenant_id=tenant_id, client=client)

    async def uncounted(self, payment_ids: Sequence[UUID]) -> list[PaymentView]:
        """Payments by id, in no order; open ones without what they received."""
        moment = self._kept.moment
        views = await self._views(await repository.by_ids(self._database, payment_ids))
        for view in views:
            self._kept.keep(view, since=moment)
        return views

    async def by_ids(self, payment_ids: Sequence[UUID]) -> dict[UUID, PaymentView]:
        """Payments by id."""
        views = await self._counted(await self.uncounted(payment_ids))
        return {view.payment.id: view for view in views}

    async def page(
        self,
        query: PageQuery,
        *,
        tenant_id: UUID | None,
        wallet_address_id: UUID | None = None,
        client: str | None = None,
    ) -> tuple[Page[IncomingPayment], list[PaymentView]]:
        """A page of payments, newest first."""
        async with self._database.read() as session:
            page = await repository.page(
                session,
                query,
                tenant_id=tenant_id,
                wallet_address_id=wallet_address_id,
                client=client,
            )
        return page, await self._counted(await self._views(page.items))

    async def _views(self, payments: Sequence[IncomingPayment]) -> list[PaymentView]:
        payees = await self._payees.by_ids({payment.wallet_address_id for payment in payments})
        assets = self._directory.snapshot.assets
        return [
            PaymentView(
                payment=payment,
                wallet_address=(payee := payees[payment.wallet_address_id]),
                asset=assets[payee.asset_id],
                received=payment.received_amount or 0,
            )
            for payment in payments
        ]

    async def _counted(self, views: list[PaymentView]) -> list[PaymentView]:
        """Fill in from the ledger what open payments received so far."""
        still_open = [v.payment.id for v in views if v.payment.received_amount is None]
        if not still_open:
            return views
        received = await self._books.received(still_open)
        return [
            replace(view, received=received.get(view.payment.id, view.received)) for view in views
        ]


def _may_see(payment: IncomingPayment, tenant_id: UUID | None, client: str | None) -> bool:
    return tenant_id in {None, payment.tenant_id} and client in {None, payment.client}
