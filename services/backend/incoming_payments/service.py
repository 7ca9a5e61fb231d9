"""Use cases of incoming payments."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from ilpkit.money import Amount
from servicekit.clock import Clock
from servicekit.database import Database, ReadSession, WriteSession
from servicekit.ids import IdSource
from servicekit.paging import Page, PageQuery

from services.backend.assets import repository as assets
from services.backend.assets.model import Asset
from services.backend.events.service import EventWriter
from services.backend.incoming_payments import repository
from services.backend.incoming_payments.books import IncomingBooks
from services.backend.incoming_payments.errors import (
    invalid_expiry,
    not_positive,
    unknown_payment,
    wrong_asset,
    wrong_state,
)
from services.backend.incoming_payments.model import (
    IncomingPayment,
    InitiatedBy,
    ReceivedPayment,
    State,
)
from services.backend.wallet_addresses import repository as wallet_addresses
from services.backend.wallet_addresses.errors import (
    inactive_wallet_address,
    unknown_wallet_address,
)
from services.backend.wallet_addresses.model import WalletAddress

PAYMENT_CHANNEL: Final = "rafiki_incoming_payment"
"""Tells every process that a payment accepts no more; the payload is its id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentView:
    """A payment with all that its wire form needs."""

    payment: IncomingPayment
    wallet_address: WalletAddress
    asset: Asset
    received: int

    @property
    def completed(self) -> bool:
        """Open Payments' `completed`."""
        return ReceivedPayment(payment=self.payment, received=self.received).completed


class IncomingPaymentService:
    """Creates, reads and ends incoming payments."""

    def __init__(
        self,
        *,
        database: Database,
        books: IncomingBooks,
        events: EventWriter,
        clock: Clock,
        ids: IdSource,
        expiry_max: timedelta,
    ) -> None:
        self._database = database
        self._books = books
        self._events = events
        self._clock = clock
        self._ids = ids
        self._expiry_max = expiry_max

    async def find_wallet(
        self, *, tenant_id: UUID | None, url: str | None = None, wallet_id: UUID | None = None
    ) -> tuple[WalletAddress, Asset]:
        """The active wallet address that is paid, with its asset; raises NotFound."""
        async with self._database.read() as session:
            if wallet_id is not None:
                found = await wallet_addresses.get(session, wallet_id, tenant_id)
            else:
                found = await wallet_addresses.find(session, url or "")
            if found is None or tenant_id not in {None, found.tenant_id}:
                raise unknown_wallet_address(wallet_id or url or "")
            asset = (await assets.by_ids(session, [found.asset_id]))[found.asset_id]
        if not found.is_active(self._clock.now()):
            raise inactive_wallet_address(found.address)
        return found, asset

    async def prepare(
        self,
        *,
        wallet_address: WalletAddress,
        asset: Asset,
        client: str | None,
        initiated_by: InitiatedBy,
        incoming_amount: Amount | None,
        expires_at: datetime | None,
        metadata: dict[str, Any] | None,
    ) -> IncomingPayment:
        """Check a new payment and open its ledger accounts; `insert` completes it.

        The accounts come first: accounts without a payment harm nobody, a payment without accounts
        could not be paid.
        """
        now = self._clock.now()
        latest = now + self._expiry_max
        if incoming_amount is not None and incoming_amount.asset != asset.unit:
            raise wrong_asset(asset.code, asset.scale)
        if incoming_amount is not None and incoming_amount.value == 0:
            raise not_positive()
        if expires_at is not None and not now < expires_at <= latest:
            raise invalid_expiry(latest.isoformat(timespec="seconds"))
        payment = IncomingPayment(
            id=self._ids.uuid(),
            tenant_id=wallet_address.tenant_id,
            wallet_address_id=wallet_address.id,
            client=client,
            initiated_by=initiated_by,
            state=State.PENDING,
            incoming_amount=None if incoming_amount is None else incoming_amount.value,
            received_amount=None,
            metadata=metadata,
            expires_at=expires_at or latest,
            created_at=now,
            approved_at=None,
            cancelled_at=None,
            cancellation_reason=None,
        )
        await self._books.open(payment.id, asset, payment.incoming_amount)
        return payment

    async def insert(self, session: WriteSession, payment: IncomingPayment, asset: Asset) -> None:
        """Write a prepared payment and its event."""
        await repository.add(session, payment)
        await self._events.incoming_payment(session, "created", payment, asset, received=0)

    async def get(
        self, payment_id: UUID, *, tenant_id: UUID | None, client: str | None = None
    ) -> PaymentView:
        """One payment; raises NotFound, also when it is another client's."""
        async with self._database.read() as session:
            payment = await repository.get(session, payment_id, tenant_id)
            if payment is None or client not in {None, payment.client}:
                raise unknown_payment(payment_id)
            views = await self._views(session, [payment])
        return (await self._counted(views))[0]

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
            views = await self._views(session, page.items)
        return page, await self._counted(views)

    async def complete(
        self, payment_id: UUID, *, tenant_id: UUID | None, client: str | None = None
    ) -> PaymentView:
        """Close a payment for good; raises Conflict when it has ended otherwise.

        One whose time is over has expired, also if nobody wrote that down yet.
        """
        view = await self.get(payment_id, tenant_id=tenant_id, client=client)
        payment = view.payment
        if payment.state is State.PENDING and payment.cancelled_at is None:
            overdue = payment.expires_at <= self._clock.now()
            state = State.EXPIRED if overdue else State.COMPLETED
            await self.end(payment_id, view.asset, state)
            view = await self.get(payment_id, tenant_id=tenant_id, client=client)
        if not view.completed:
            raise wrong_state(_shown_state(view.payment))
        return view

    async def ended(self, payment_id: UUID, *, tenant_id: UUID | None) -> PaymentView:
        """One payment; one that has all it expects is ended first, for its money to be taken."""
        view = await self.get(payment_id, tenant_id=tenant_id)
        if view.payment.state is State.PENDING and view.completed:
            await self.end(payment_id, view.asset, State.COMPLETED)
            view = await self.get(payment_id, tenant_id=tenant_id)
        return view

    async def end(self, payment_id: UUID, asset: Asset, state: State) -> None:
        """Accept no more, then write the final total with its event, once.

        A crash in between leaves an open row whose ledger side is closed: the worker's next round,
        or the next call, ends here again and finds the same total.
        """
        received = await self._books.close(payment_id, asset.ledger)
        async with self._database.write() as session:
            ended = await repository.finish(session, payment_id, state=state, received=received)
            if ended is None:
                return
            await session.notify(PAYMENT_CHANNEL, str(payment_id))
            if ended.state is State.COMPLETED or received > 0:
                kind = "completed" if ended.state is State.COMPLETED else "expired"
                await self._events.incoming_payment(session, kind, ended, asset, received=received)

    async def cancel(
        self, session: WriteSession, view: PaymentView, *, reason: str | None
    ) -> PaymentView:
        """Mark a payment as cancelled; raises Conflict when it has ended or was approved.

        `stop` completes it: the packets that are in flight now are still received.
        """
        payment_id, now = view.payment.id, self._clock.now()
        if view.completed:
            raise wrong_state(State.COMPLETED)
        if not await repository.cancel(session, payment_id, now=now, reason=reason):
            raise wrong_state(_shown_state((await _reread(session, view)).payment))
        await session.notify(PAYMENT_CHANNEL, str(payment_id))
        return await _reread(session, view)

    async def stop(self, payment_id: UUID) -> None:
        """Accept no more money for a cancelled payment; a repeat is a no-op.

        If all that it expected came in before that, it has completed and was not cancelled.
        """
        view = await self.get(payment_id, tenant_id=None)
        await self._books.close(payment_id, view.asset.ledger)
        await self.ended(payment_id, tenant_id=None)

    async def approve(self, session: WriteSession, view: PaymentView) -> PaymentView:
        """Approve a payment; raises Conflict when it has ended or was cancelled."""
        if not await repository.approve(session, view.payment.id, self._clock.now()):
            raise wrong_state(_shown_state((await _reread(session, view)).payment))
        return await _reread(session, view)

    async def set_metadata(
        self, session: WriteSession, view: PaymentView, metadata: dict[str, Any]
    ) -> PaymentView:
        """Replace the metadata of a payment, in any state."""
        await repository.set_metadata(session, view.payment.id, metadata)
        return await _reread(session, view)

    async def by_ids(self, ids: Sequence[UUID]) -> dict[UUID, PaymentView]:
        """Payments by id."""
        async with self._database.read() as session:
            views = await self._views(session, await repository.by_ids(session, ids))
        return {view.payment.id: view for view in await self._counted(views)}

    async def _views(
        self, session: ReadSession, payments: Sequence[IncomingPayment]
    ) -> list[PaymentView]:
        wallets = await wallet_addresses.by_ids(
            session, [payment.wallet_address_id for payment in payments]
        )
        known = await assets.by_ids(session, [wallet.asset_id for wallet in wallets.values()])
        views = []
        for payment in payments:
            wallet = wallets[payment.wallet_address_id]
            views.append(
                PaymentView(
                    payment=payment,
                    wallet_address=wallet,
                    asset=known[wallet.asset_id],
                    received=payment.received_amount or 0,
                )
            )
        return views

    async def _counted(self, views: list[PaymentView]) -> list[PaymentView]:
        """Fill in from the ledger what open payments received so far."""
        still_open = [v.payment.id for v in views if v.payment.received_amount is None]
        if not still_open:
            return views
        received = await self._books.received(still_open)
        return [
            PaymentView(
                payment=view.payment,
                wallet_address=view.wallet_address,
                asset=view.asset,
                received=received.get(view.payment.id, view.received),
            )
            for view in views
        ]


async def _reread(session: WriteSession, view: PaymentView) -> PaymentView:
    payment = await repository.get(session, view.payment.id)
    assert payment is not None, "payments are never deleted"
    return replace(view, payment=payment)


def _shown_state(payment: IncomingPayment) -> str:
    if payment.cancelled_at is not None:
        return "CANCELLED"
    return "APPROVED" if payment.approved_at is not None else payment.state
