"""Use cases of outgoing payments, up to the moment when a worker takes them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol
from uuid import UUID

from ilpkit.errors import ProtocolError
from ilpkit.money import Amount
from ilpkit.openpayments.access import Limits
from ilpkit.openpayments.limits import ProposedPayment
from servicekit.clock import Clock
from servicekit.database import Database, ReadSession, WriteSession

from services.backend.assets import repository as assets
from services.backend.assets.model import Asset
from services.backend.ledger.accounting import deposit, withdrawal
from services.backend.ledger.chart import AccountCode, new_account
from services.backend.ledger.ids import derive_id
from services.backend.ledger.interface import LedgerAccounts, LedgerReader, LedgerWriter
from services.backend.ledger.outcome import carry_out
from services.backend.outgoing_payments import repository, spending
from services.backend.outgoing_payments.errors import unknown_payment, wrong_state
from services.backend.outgoing_payments.model import OutgoingPayment, SpentAmounts, State
from services.backend.paging import Page, PageQuery
from services.backend.quotes.errors import invalid_quote
from services.backend.quotes.model import Quote
from services.backend.wallet_addresses import repository as wallet_addresses
from services.backend.wallet_addresses.model import WalletAddress
from services.backend.webhooks.service import EventWriter

DUE_CHANNEL: Final = "rafiki_outgoing_payment_due"
DATA_BYTES_MAX: Final = 16_384


class PaymentLedger(LedgerReader, LedgerAccounts, LedgerWriter, Protocol):
    """All roles."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentView:
    """A payment with all that its wire form needs."""

    payment: OutgoingPayment
    wallet_address: WalletAddress
    asset: Asset
    sent: int
    """What was sent so far, in the wallet address's asset."""
    reserved: int = 0
    """What packets in flight hold, and what those of a process that died still hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """The grant that a client creates a payment under."""

    grant_id: str
    limits: str | None
    """JSON, as the guard handed it over."""


class OutgoingPaymentService:
    """Creates, funds, cancels and reads outgoing payments."""

    def __init__(
        self, *, database: Database, ledger: PaymentLedger, events: EventWriter, clock: Clock
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._events = events
        self._clock = clock

    async def insert(
        self,
        session: WriteSession,
        *,
        quote: Quote,
        wallet_address: WalletAddress,
        asset: Asset,
        client: str | None,
        granted: Granted | None,
        metadata: dict[str, Any] | None,
    ) -> tuple[OutgoingPayment, SpentAmounts | None]:
        """Accept a quote; what the grant had spent before comes with it.

        Raises:
            InvalidArgument: the quote is expired, used, or of another wallet address.
            PermissionDenied: the grant's limits leave too little.
        """
        now = self._clock.now()
        if quote.wallet_address_id != wallet_address.id:
            raise invalid_quote("is of another wallet address")
        if quote.expires_at <= now:
            raise invalid_quote("has expired: ask for a new one")
        payment = OutgoingPayment(
            id=quote.id,
            tenant_id=quote.tenant_id,
            wallet_address_id=wallet_address.id,
            client=client,
            grant_id=None if granted is None else granted.grant_id,
            grant_interval_start=None,
            state=State.FUNDING,
            error=None,
            metadata=metadata,
            data_to_transmit=None,
            sent_amount=0,
            delivered_amount=0,
            attempts=0,
            due_at=None,
            lease_until=None,
            created_at=now,
            updated_at=now,
            quote=quote,
        )
        spent: SpentAmounts | None = None
        if granted is not None:
            start, spent = await spending.reserve(
                session,
                grant_id=granted.grant_id,
                limits=_limits(granted.limits),
                payment=ProposedPayment(
                    receiver=quote.receiver,
                    debit_amount=Amount(quote.debit_amount, asset.unit),
                    receive_amount=quote.receive_amount,
                ),
                now=now,
            )
            payment = replace(payment, grant_interval_start=start)
        await repository.add(session, payment)
        await self._events.outgoing_payment(session, "created", payment, asset, balance=0)
        return payment, spent

    async def fund(
        self, payment_id: UUID, *, tenant_id: UUID | None, data: bytes | None
    ) -> PaymentView:
        """Deposit the whole debit amount and let the payment be sent; a repeat is a no-op.

        The deposit comes first, under an id that follows from the payment's: whatever happens in
        between, a repeat finds it. If the payment was cancelled meanwhile, it is taken back.
        """
        view = await self.get(payment_id, tenant_id=tenant_id)
        if view.payment.state is State.CANCELLED:
            raise wrong_state(view.payment.state)
        if view.payment.state is not State.FUNDING:
            return view
        asset, amount = view.asset, view.payment.quote.debit_amount
        await self._ledger.create_accounts(
            [
                new_account(
                    AccountCode.OUTGOING_PAYMENT,
                    account_id=payment_id.int,
                    ledger=asset.ledger,
                    asset_id=asset.id.int,
                )
            ]
        )
        plan = deposit(
            transfer_id=derive_id("outgoing payment deposit", payment_id.int),
            account_id=payment_id.int,
            ledger=asset.ledger,
            amount=amount,
            cause_id=payment_id.int,
        )
        await carry_out(self._ledger, plan)
        now = self._clock.now()
        async with self._database.write() as session:
            values = {
                "state": State.SENDING,
                "due_at": now,
                "updated_at": now,
                "data_to_transmit": data,
            }
            funded = await repository.change(session, payment_id, State.FUNDING, values)
            if funded:
                await session.notify(DUE_CHANNEL, "")
        view = await self.get(payment_id, tenant_id=tenant_id)
        if view.payment.state is State.CANCELLED:
            await self._take_back(view)
            raise wrong_state(view.payment.state)
        return view

    async def cancel(
        self, payment_id: UUID, *, tenant_id: UUID | None, reason: str | None
    ) -> PaymentView:
        """Give up a payment that is not funded; raises Conflict when it is."""
        view = await self.get(payment_id, tenant_id=tenant_id)
        async with self._database.write() as session:
            metadata = dict(view.payment.metadata or {})
            if reason is not None:
                metadata["cancellationReason"] = reason
            values = {
                "state": State.CANCELLED,
                "updated_at": self._clock.now(),
                "metadata": metadata or None,
            }
            if await repository.change(session, payment_id, State.FUNDING, values):
                await self._release(session, view.payment)
        view = await self.get(payment_id, tenant_id=tenant_id)
        if view.payment.state is not State.CANCELLED:
            raise wrong_state(view.payment.state)
        return view

    async def get(
        self, payment_id: UUID, *, tenant_id: UUID | None, client: str | None = None
    ) -> PaymentView:
        """One payment; raises NotFound, also when it is another client's."""
        async with self._database.read() as session:
            payment = await repository.get(session, payment_id, tenant_id)
            if payment is None or client not in {None, payment.client}:
                raise unknown_payment(payment_id)
            wallet = (await wallet_addresses.by_ids(session, [payment.wallet_address_id]))[
                payment.wallet_address_id
            ]
            asset = (await assets.by_ids(session, [wallet.asset_id]))[wallet.asset_id]
        return (await self._counted([(payment, wallet, asset)]))[0]

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
            rows = await self._rows(session, page.items)
        return page, await self._counted(rows)

    async def by_ids(self, ids: Sequence[UUID]) -> dict[UUID, PaymentView]:
        """Payments by id."""
        async with self._database.read() as session:
            rows = await self._rows(session, await repository.by_ids(session, ids))
        return {view.payment.id: view for view in await self._counted(rows)}

    async def spent(self, granted: Granted) -> SpentAmounts | None:
        """What a grant has spent in its current interval; None when it was never used."""
        async with self._database.read() as session:
            return await spending.spent(
                session,
                grant_id=granted.grant_id,
                limits=_limits(granted.limits),
                now=self._clock.now(),
            )

    async def _rows(
        self, session: ReadSession, payments: Sequence[OutgoingPayment]
    ) -> list[tuple[OutgoingPayment, WalletAddress, Asset]]:
        wallets = await wallet_addresses.by_ids(
            session, [payment.wallet_address_id for payment in payments]
        )
        known = await assets.by_ids(session, [wallet.asset_id for wallet in wallets.values()])
        rows = []
        for payment in payments:
            wallet = wallets[payment.wallet_address_id]
            rows.append((payment, wallet, known[wallet.asset_id]))
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
                    reserved=0 if account is None else account.debits_pending,
                )
            )
        return views

    async def _take_back(self, view: PaymentView) -> None:
        plan = withdrawal(
            transfer_id=derive_id("outgoing payment deposit taken back", view.payment.id.int),
            account_id=view.payment.id.int,
            ledger=view.asset.ledger,
            amount=view.payment.quote.debit_amount,
            cause_id=view.payment.id.int,
        )
        await carry_out(self._ledger, plan)

    async def _release(self, session: WriteSession, payment: OutgoingPayment) -> None:
        if payment.grant_id is None or payment.grant_interval_start is None:
            return
        await spending.give_back(
            session,
            grant_id=payment.grant_id,
            interval_start=payment.grant_interval_start,
            debit=payment.quote.debit_amount,
            receive=payment.quote.receive_amount,
        )


def _limits(text: str | None) -> Limits | None:
    if text is None:
        return None
    try:
        return Limits.model_validate_json(text)
    except (ValueError, ProtocolError) as error:
        raise AssertionError("the guard hands over limits that it read itself") from error
