"""Price a payment, and promise that price for a while."""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Protocol
from uuid import UUID

from ilpkit.money import Amount
from servicekit.commands import Command
from servicekit.database import WriteSession

from services.backend.assets.model import Asset
from services.backend.quotes import repository
from services.backend.quotes.model import Quote
from services.backend.quotes.pricing import Pricing
from services.backend.quotes.queries import QuoteQueries
from services.backend.wallet_addresses.model import WalletAddress


class Wallets(Protocol):
    """Where active wallet addresses are found."""

    async def find_active(
        self, which: UUID | str, *, tenant_id: UUID | None
    ) -> tuple[WalletAddress, Asset]:
        """The one with an id or URL, and its asset; raises NotFound, FailedPrecondition."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class NewQuote:
    """What to price; at most one of the amounts is given."""

    tenant_id: UUID | None
    """Whose wallet address it must be; None: any tenant's."""
    wallet_url: str | None = None
    wallet_id: UUID | None = None
    """The payer's wallet address, by its URL or its id."""
    receiver: str
    """URL of the incoming payment."""
    client: str | None
    debit_amount: Amount | None
    receive_amount: Amount | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenQuote:
    """A quote with all that its wire form needs."""

    quote: Quote
    wallet_address: WalletAddress
    asset: Asset
    """The payer's."""


class CreateQuote(Command[NewQuote, GivenQuote, GivenQuote]):
    """Raises NotFound for the wallet address, and what `Pricing.price` does."""

    reading_leaves_nothing: ClassVar = True

    def __init__(self, *, wallets: Wallets, pricing: Pricing, queries: QuoteQueries) -> None:
        self._wallets = wallets
        self._pricing = pricing
        self._queries = queries

    async def read(self, given: NewQuote) -> GivenQuote:
        """The price."""
        wallet_address, asset = await self._wallets.find_active(
            given.wallet_id or given.wallet_url or "", tenant_id=given.tenant_id
        )
        quote = await self._pricing.price(
            wallet_address=wallet_address,
            asset=asset,
            receiver_url=given.receiver,
            client=given.client,
            debit_amount=given.debit_amount,
            receive_amount=given.receive_amount,
        )
        return GivenQuote(quote=quote, wallet_address=wallet_address, asset=asset)

    async def write(self, session: WriteSession, given: NewQuote, facts: GivenQuote) -> GivenQuote:
        """The quote's row."""
        del given
        repository.add(session, facts.quote)
        session.after_commit(partial(self._queries.remember, facts.quote))
        return facts
