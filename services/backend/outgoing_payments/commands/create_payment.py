"""Accept a quote: one that was given before, or one that is made along with the payment."""

from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, ClassVar, Protocol
from uuid import UUID

from ilpkit.money import Amount
from ilpkit.openpayments.limits import ProposedPayment
from servicekit.clock import Clock
from servicekit.commands import Command
from servicekit.database import WriteSession

from services.backend.assets.model import Asset
from services.backend.events.writer import EventWriter
from services.backend.outgoing_payments import repository, spending
from services.backend.outgoing_payments.handover import Handover
from services.backend.outgoing_payments.model import (
    Granted,
    OutgoingPayment,
    PaymentView,
    SpentAmounts,
    State,
)
from services.backend.outgoing_payments.told import told
from services.backend.quotes import repository as quotes
from services.backend.quotes.commands.create_quote import (
    CreateQuote,
    GivenQuote,
    NewQuote,
    Wallets,
)
from services.backend.quotes.errors import invalid_quote
from services.backend.quotes.model import Quote
from services.backend.quotes.queries import QuoteQueries
from services.backend.receivers.errors import invalid_receiver
from services.backend.receivers.model import Receiver


class Receivers(Protocol):
    """Incoming payments anywhere."""

    async def as_quoted(self, url: str, sealed: bytes | None, *, read_at: datetime) -> Receiver:
        """The receiver of a quote, now or seconds ago; raises InvalidArgument or Unavailable."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedQuote:
    """A quote that was given before, also to another client: the payment's grant is what counts."""

    tenant_id: UUID | None
    """Whose quote and wallet address it must be; None: any tenant's."""
    wallet_url: str | None = None
    wallet_id: UUID | None = None
    """The payer's wallet address, by its URL or its id."""
    quote_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPayment:
    """What to pay, for whom."""

    price: AcceptedQuote | NewQuote
    client: str | None
    granted: Granted | None
    """The grant that a client creates it under; None for administrators."""
    metadata: dict[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedPayment:
    """The payment, and what its grant had spent before."""

    view: PaymentView
    spent: SpentAmounts | None


class CreatePayment(Command[NewPayment, GivenQuote, CreatedPayment]):
    """Raises what CreateQuote does, and more.

    NotFound: there is no such quote or wallet address.
    InvalidArgument: the quote is expired, used, or of another wallet address; or what was quoted
        can't be paid any more (INVALID_RECEIVER).
    PermissionDenied: the grant's limits leave too little.
    Unavailable: the receiver's bank does not answer.

    A receiver that was read for the quote seconds ago is not asked for again: should it close
    meanwhile, it takes no money, and the payment fails.
    """

    reading_leaves_nothing: ClassVar = True

    def __init__(
        self,
        *,
        wallets: Wallets,
        quotes: QuoteQueries,
        create_quote: CreateQuote,
        receivers: Receivers,
        handover: Handover,
        events: EventWriter,
        clock: Clock,
    ) -> None:
        self._handover = handover
        self._wallets = wallets
        self._quotes = quotes
        self._create_quote = create_quote
        self._receivers = receivers
        self._events = events
        self._clock = clock

    async def read(self, given: NewPayment) -> GivenQuote:
        """The quote, and whether it can still be paid."""
        price = given.price
        if isinstance(price, NewQuote):
            return await self._create_quote.read(price)
        wallet_address, asset = await self._wallets.find_active(
            price.wallet_id or price.wallet_url or "", tenant_id=price.tenant_id
        )
        quote = await self._quotes.get(price.quote_id, tenant_id=price.tenant_id)
        receiver = await self._receivers.as_quoted(
            quote.receiver, quote.sealed_receiver, read_at=quote.created_at
        )
        if not receiver.is_payable(self._clock.now()):
            raise invalid_receiver(quote.receiver, "is completed or expired")
        return GivenQuote(quote=quote, wallet_address=wallet_address, asset=asset)

    async def write(
        self, session: WriteSession, given: NewPayment, facts: GivenQuote
    ) -> CreatedPayment:
        """The quote if it is new, what the grant spends, the payment, and its event."""
        now, quote, asset = self._clock.now(), facts.quote, facts.asset
        if quote.wallet_address_id != facts.wallet_address.id:
            raise invalid_quote("is of another wallet address")
        if quote.expires_at <= now:
            raise invalid_quote("has expired: ask for a new one")
        payment = OutgoingPayment(
            id=quote.id,
            tenant_id=quote.tenant_id,
            wallet_address_id=quote.wallet_address_id,
            client=given.client,
            grant_id=None,
            grant_interval_start=None,
            state=State.FUNDING,
            error=None,
            metadata=given.metadata,
            data_to_transmit=None,
            sent_amount=0,
            delivered_amount=0,
            attempts=0,
            claims=0,
            due_at=None,
            lease_until=None,
            created_at=now,
            updated_at=now,
            quote=quote,
        )
        if isinstance(given.price, NewQuote):
            quotes.add(session, quote)
        spent: SpentAmounts | None = None
        if given.granted is not None:
            start, spent = await spending.reserve(
                session,
                grant_id=given.granted.grant_id,
                limits=given.granted.limits,
                payment=_proposed(quote, asset),
                now=now,
            )
            payment = replace(payment, grant_id=given.granted.grant_id, grant_interval_start=start)
        repository.add(session, payment)
        await self._events.write(session, told("created", payment, asset, balance=0))
        view = PaymentView(
            payment=payment, wallet_address=facts.wallet_address, asset=asset, sent=0
        )
        session.after_commit(partial(self._handover.created, view))
        return CreatedPayment(view=view, spent=spent)


def _proposed(quote: Quote, asset: Asset) -> ProposedPayment:
    return ProposedPayment(
        receiver=quote.receiver,
        debit_amount=Amount(quote.debit_amount, asset.unit),
        receive_amount=quote.receive_amount,
    )
