"""What can be asked about outgoing payments."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from servicekit.clock import Clock
from servicekit.database import Database
from servicekit.paging import Page, PageQuery

from services.backend.directory.wallet_addresses import WalletAddresses
from services.backend.ledger.interface import LedgerReader
from services.backend.outgoing_payments import repository, spending
from services.backend.outgoing_payments.errors import unknown_payment
from services.backend.outgoing_payments.model import (
    Granted,
    OutgoingPayment,
    PaymentView,
    SpentAmounts,
    State,
)


class OutgoingPaymentQueries:
    """Reads outgoing payments.

    Their rows with their quotes come from Postgres in one statement, what was sent while packets
    fly from the ledger, the rest from memory.
    """

    def __init__(
        self,
        *,
        database: Database,
        ledger: LedgerReader,
        wallet_addresses: WalletAddresses,
        clock: Clock,
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._wallet_addresses = wallet_addresses
        self._clock = clock

    async def get(
        self, payment_id: UUID, *, tenant_id: UUID | None, client: str | None = None
    ) -> PaymentView:
        """One payment; raises NotFound, also when it is another tenant's or client's.

        None means any tenant, and any client.
        """
        payment = await repository.get(self._database, payment_id)
        if (
            payment is None
            or tenant_id not in {None, payment.tenant_id}
            or client not in {None, payment.client}
        ):
            raise unknown_payment(payment_id)
        return (await self._views([payment]))[0]

    async def by_ids(self, ids: Sequence[UUID]) -> dict[UUID, PaymentView]:
        """Payments by id."""
        views = await self._views(await repository.by_ids(self._database, ids))
        return {view.payment.id: view for view in views}

    async def page(
        self, query: PageQuery, *, tenant_id: UUID | None, **filters: Any
    ) -> tuple[Page[OutgoingPayment], list[PaymentView]]:
        """A page of payments, newest first; filters as in the repository."""
        async with self._database.read() as session:
            page = await repository.page(session, query, tenant_id=tenant_id, **filters)
        return page, await self._views(page.items)

    async def spent(self, granted: Granted) -> SpentAmounts | None:
        """What a grant has spent in its current interval; None when it was never used."""
        async with self._database.read() as session:
            return await spending.spent(
                session,
                grant_id=granted.grant_id,
                limits=granted.limits,
                now=self._clock.now(),
            )

    async def _views(self, payments: Sequence[OutgoingPayment]) -> list[PaymentView]:
        if not payments:
            return []
        payers = await self._wallet_addresses.by_ids({each.wallet_address_id for each in payments})
        flying = [each.id.int for each in payments if each.state is State.SENDING]
        accounts = await self._ledger.lookup_accounts(flying) if flying else {}
        return [
            PaymentView(
                payment=payment,
                wallet_address=(payer := payers[payment.wallet_address_id]),
                asset=await self._wallet_addresses.asset_of(payer),
                sent=(
                    accounts[payment.id.int].debits_posted
                    if payment.id.int in accounts
                    else payment.sent_amount
                ),
            )
            for payment in payments
        ]
