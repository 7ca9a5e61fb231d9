"""Use cases of outgoing payments, up to the moment when a worker takes them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from servicekit.clock import Clock
from servicekit.database import Database, WriteSession
from servicekit.paging import Page, PageQuery

from services.backend.assets.model import Asset
from services.backend.directory.wallet_addresses import WalletAddresses
from services.backend.events.service import EventWriter
from services.backend.ledger.interface import LedgerReader
from services.backend.outgoing_payments import repository, spending
from services.backend.outgoing_payments.attempt import Failure
from services.backend.outgoing_payments.books import OutgoingBooks
from services.backend.outgoing_payments.errors import unknown_payment, wrong_state
from services.backend.outgoing_payments.model import Granted, OutgoingPayment, SpentAmounts, State
from services.backend.wallet_addresses.model import WalletAddress

DUE_CHANNEL: Final = "rafiki_outgoing_payment_due"
DATA_BYTES_MAX: Final = 16_384
CANCELLED_DUE_DELAY: Final = timedelta(seconds=10)
"""How long whoever cancels has for the ledger's part before a worker does it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentView:
    """A payment with all that its wire form needs."""

    payment: OutgoingPayment
    wallet_address: WalletAddress
    asset: Asset
    sent: int
    """What was sent so far, in the wallet address's asset."""


class OutgoingPaymentService:
    """Creates, funds, cancels and reads outgoing payments."""

    def __init__(
        self,
        *,
        database: Database,
        ledger: LedgerReader,
        books: OutgoingBooks,
        events: EventWriter,
        wallet_addresses: WalletAddresses,
        clock: Clock,
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._books = books
        self._events = events
        self._wallet_addresses = wallet_addresses
        self._clock = clock

    async def packet_resolved(self, session: WriteSession, payment_id: UUID) -> None:
        """A packet of a payment is pending no more, or its money came back.

        A payment that is being sent goes on or ends at once; one that has ended tells what is left
        of it now.
        """
        await repository.make_due(session, [payment_id], self._clock.now())
        await session.notify(DUE_CHANNEL, "")

    async def fund(
        self, payment_id: UUID, *, tenant_id: UUID | None, data: bytes | None
    ) -> PaymentView:
        """Deposit the whole debit amount and let the payment be sent; a repeat is a no-op.

        The deposit comes first, under an id that follows from the payment's: whatever happens in
        between, a repeat finds it. If the payment was cancelled meanwhile, it is taken back. If its
        quote ran out before, the payment fails, and the deposit waits to be withdrawn.
        """
        view = await self.get(payment_id, tenant_id=tenant_id)
        payment, asset = view.payment, view.asset
        if payment.state is State.FUNDING:
            await self._books.deposit(payment_id, asset, payment.quote.debit_amount)
            await self._funded(payment, asset, data)
            view = await self.get(payment_id, tenant_id=tenant_id)
        if view.payment.state is State.CANCELLED:
            await self._books.refuse_deposit(payment_id, asset, payment.quote.debit_amount)
            raise wrong_state(view.payment.state)
        return view

    async def _funded(self, payment: OutgoingPayment, asset: Asset, data: bytes | None) -> None:
        now = self._clock.now()
        values: dict[str, Any] = {"updated_at": now, "data_to_transmit": data}
        late = payment.quote.expires_at <= now
        if late:
            values |= {"state": State.FAILED, "error": Failure.QUOTE_EXPIRED}
        else:
            values |= {"state": State.SENDING, "due_at": now}
        async with self._database.write() as session:
            if not await repository.change(session, payment.id, State.FUNDING, values):
                return
            if not late:
                await session.notify(DUE_CHANNEL, "")
                return
            await self._release(session, payment)
            ended, balance = replace(payment, **values), payment.quote.debit_amount
            await self._events.outgoing_payment(session, "failed", ended, asset, balance=balance)

    async def cancel(
        self, payment_id: UUID, *, tenant_id: UUID | None, reason: str | None
    ) -> PaymentView:
        """Give up a payment that is not funded; raises Conflict when it is.

        A deposit that is on its way meanwhile is taken back: here, or by a worker if this process
        dies in between.
        """
        view = await self.get(payment_id, tenant_id=tenant_id)
        now = self._clock.now()
        async with self._database.write() as session:
            metadata = dict(view.payment.metadata or {})
            if reason is not None:
                metadata["cancellationReason"] = reason
            values = {
                "state": State.CANCELLED,
                "updated_at": now,
                "metadata": metadata or None,
                "due_at": now + CANCELLED_DUE_DELAY,
            }
            if await repository.change(session, payment_id, State.FUNDING, values):
                await self._release(session, view.payment)
        view = await self.get(payment_id, tenant_id=tenant_id)
        if view.payment.state is not State.CANCELLED:
            raise wrong_state(view.payment.state)
        if view.payment.due_at is not None:
            await self._books.refuse_deposit(
                payment_id, view.asset, view.payment.quote.debit_amount
            )
            async with self._database.write() as session:
                await repository.change(session, payment_id, State.CANCELLED, {"due_at": None})
        return view

    async def get(
        self, payment_id: UUID, *, tenant_id: UUID | None, client: str | None = None
    ) -> PaymentView:
        """One payment; raises NotFound, also when it is another client's."""
        async with self._database.read() as session:
            payment = await repository.get(session, payment_id, tenant_id)
        if payment is None or client not in {None, payment.client}:
            raise unknown_payment(payment_id)
        return (await self._counted(await self._rows([payment])))[0]

    async def page(
        self,
        query: PageQuery,
        *,
        tenant_id: UUID | None,
        **filters: Any,
    ) -> tuple[Page[OutgoingPayment], list[PaymentView]]:
        """A page of payments, newest first; filters as in the repository."""
        async with self._database.read() as session:
            page = await repository.page(session, query, tenant_id=tenant_id, **filters)
        return page, await self._counted(await self._rows(page.items))

    async def by_ids(self, ids: Sequence[UUID]) -> dict[UUID, PaymentView]:
        """Payments by id."""
        async with self._database.read() as session:
            found = await repository.by_ids(session, ids)
        views = await self._counted(await self._rows(found))
        return {view.payment.id: view for view in views}

    async def spent(self, granted: Granted) -> SpentAmounts | None:
        """What a grant has spent in its current interval; None when it was never used."""
        async with self._database.read() as session:
            return await spending.spent(
                session,
                grant_id=granted.grant_id,
                limits=granted.limits,
                now=self._clock.now(),
            )

    async def _rows(
        self, payments: Sequence[OutgoingPayment]
    ) -> list[tuple[OutgoingPayment, WalletAddress, Asset]]:
        wallets = await self._wallet_addresses.by_ids(
            payment.wallet_address_id for payment in payments
        )
        rows = []
        for payment in payments:
            wallet = wallets[payment.wallet_address_id]
            rows.append((payment, wallet, await self._wallet_addresses.asset_of(wallet)))
        return rows

    async def _counted(
        self, rows: list[tuple[OutgoingPayment, WalletAddress, Asset]]
    ) -> list[PaymentView]:
        """With what was sent: from the ledger while packets fly, from the row once it ended."""
        flying = [payment.id.int for payment, _, _ in rows if payment.state is State.SENDING]
        accounts = await self._ledger.lookup_accounts(flying) if flying else {}
        views = []
        for payment, wallet, asset in rows:
            account = accounts.get(payment.id.int)
            views.append(
                PaymentView(
                    payment=payment,
                    wallet_address=wallet,
                    asset=asset,
                    sent=payment.sent_amount if account is None else account.debits_posted,
                )
            )
        return views

    async def _release(self, session: WriteSession, payment: OutgoingPayment) -> None:
        quote = payment.quote
        await spending.release(
            session, payment, debit=quote.debit_amount, receive=quote.receive_amount
        )
