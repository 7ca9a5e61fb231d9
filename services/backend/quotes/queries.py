"""What can be asked about quotes."""

from collections import OrderedDict
from typing import Final
from uuid import UUID

from servicekit.database import Database

from services.backend.quotes import repository
from services.backend.quotes.errors import unknown_quote
from services.backend.quotes.model import Quote

REMEMBERED_MAX: Final = 10_000


class QuoteQueries:
    """Reads quotes. They never change, so that those just given or read are kept in memory."""

    def __init__(self, *, database: Database) -> None:
        self._database = database
        self._known: OrderedDict[UUID, Quote] = OrderedDict()

    async def get(
        self, quote_id: UUID, *, tenant_id: UUID | None, client: str | None = None
    ) -> Quote:
        """One quote; raises NotFound, also when it is another tenant's or client's.

        None means any tenant, and any client.
        """
        quote = self._known.get(quote_id) or await self._read(quote_id)
        if (
            quote is None
            or tenant_id not in {None, quote.tenant_id}
            or client not in {None, quote.client}
        ):
            raise unknown_quote(quote_id)
        return quote

    def remember(self, quote: Quote) -> None:
        """It is in the database."""
        self._known[quote.id] = quote
        if len(self._known) > REMEMBERED_MAX:
            self._known.popitem(last=False)

    async def _read(self, quote_id: UUID) -> Quote | None:
        async with self._database.read() as session:
            quote = await repository.get(session, quote_id)
        if quote is not None:
            self.remember(quote)
        return quote
