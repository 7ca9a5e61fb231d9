"""Open Payments' quotes over gRPC."""

from typing import Protocol
from uuid import UUID

from rafiki.openpayments.v1 import quote_service_pb2 as pb
from rafiki.openpayments.v1.quote_service_pb2_grpc import QuoteServiceServicer
from servicekit.commands import Commands, Replies, nothing_to_recover
from servicekit.errors import InvalidArgument
from servicekit.messages import amount, optional, timestamp, to_amount
from servicekit.rest import set_created

from services.backend.assets.model import Asset
from services.backend.callers.context import Context, once_of_call, tenant, verdict
from services.backend.directory.wallet_addresses import WalletAddresses
from services.backend.quotes.commands.create_quote import CreateQuote, GivenQuote, NewQuote
from services.backend.quotes.errors import unknown_quote
from services.backend.quotes.model import Quote
from services.backend.quotes.queries import QuoteQueries
from services.backend.tenants.scope import parse_id
from services.backend.wallet_addresses.model import WalletAddress


class QuoteUrls(Protocol):
    """URLs in the replies."""

    def quote(self, tenant_id: UUID, quote_id: UUID) -> str:
        """URL of a quote."""
        ...


class QuoteServicer(QuoteServiceServicer):
    """Translates; the decisions are in CreateQuote and QuoteQueries."""

    def __init__(
        self,
        *,
        queries: QuoteQueries,
        create: CreateQuote,
        wallet_addresses: WalletAddresses,
        commands: Commands,
        urls: QuoteUrls,
    ) -> None:
        self._queries = queries
        self._create = create
        self._wallet_addresses = wallet_addresses
        self._commands = commands
        self._urls = urls
        self._replies = Replies(message=pb.Quote, encode=self._given, recover=nothing_to_recover)

    async def CreateQuote(self, request: pb.CreateQuoteRequest, context: Context) -> pb.Quote:
        caller, tenant_id = verdict(context), tenant(request.tenant_id)
        if request.method != "ilp":
            raise InvalidArgument("INVALID_FIELD", 'method is "ilp"', field="method")

        debit, receive = optional(request, "debit_amount"), optional(request, "receive_amount")
        new = NewQuote(
            tenant_id=tenant_id,
            wallet_url=request.wallet_address,
            receiver=request.receiver,
            client=caller.client,
            debit_amount=None if debit is None else to_amount(debit),
            receive_amount=None if receive is None else to_amount(receive),
        )
        once = once_of_call(request, context, tenant_id=tenant_id, caller=caller)
        reply = await self._commands.run_once(self._create, new, once=once, replies=self._replies)
        await set_created(context)
        return reply

    async def GetQuote(self, request: pb.GetQuoteRequest, context: Context) -> pb.Quote:
        caller = verdict(context)
        quote = await self._queries.get(
            parse_id(request.id, unknown_quote(request.id)),
            tenant_id=tenant(request.tenant_id),
            client=caller.client_filter,
        )
        wallets = await self._wallet_addresses.by_ids([quote.wallet_address_id])
        wallet = wallets[quote.wallet_address_id]
        return self._message(quote, wallet, await self._wallet_addresses.asset_of(wallet))

    def _given(self, given: GivenQuote) -> pb.Quote:
        return self._message(given.quote, given.wallet_address, given.asset)

    def _message(self, quote: Quote, wallet_address: WalletAddress, asset: Asset) -> pb.Quote:
        return pb.Quote(
            id=self._urls.quote(quote.tenant_id, quote.id),
            wallet_address=wallet_address.address,
            receiver=quote.receiver,
            receive_amount=amount(quote.receive_amount.value, quote.receive_amount.asset),
            debit_amount=amount(quote.debit_amount, asset.unit),
            method="ilp",
            created_at=timestamp(quote.created_at),
            expires_at=timestamp(quote.expires_at),
        )
