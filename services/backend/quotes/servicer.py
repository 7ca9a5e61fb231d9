"""Open Payments' quotes over gRPC."""

from typing import Protocol
from uuid import UUID

from rafiki.openpayments.v1 import quote_service_pb2 as pb
from rafiki.openpayments.v1.quote_service_pb2_grpc import QuoteServiceServicer
from servicekit.database import Database, WriteSession
from servicekit.errors import InvalidArgument
from servicekit.rest import set_created

from services.backend.assets import repository as assets
from services.backend.assets.model import Asset
from services.backend.calls import Calls, Write
from services.backend.guard.context import (
    Context,
    Verdict,
    call_scope,
    idempotency_key,
    tenant,
    verdict,
)
from services.backend.incoming_payments.service import IncomingPaymentService
from services.backend.protos import amount, optional, timestamp, to_amount
from services.backend.quotes.errors import unknown_quote
from services.backend.quotes.model import Quote
from services.backend.quotes.service import QuoteService
from services.backend.tenants.scope import parse_id
from services.backend.wallet_addresses import repository as wallet_addresses
from services.backend.wallet_addresses.model import WalletAddress


class QuoteUrls(Protocol):
    """URLs in the replies."""

    def quote(self, tenant_id: UUID, quote_id: UUID) -> str:
        """URL of a quote."""
        ...


class QuoteServicer(QuoteServiceServicer):
    """Translates; the decisions are in QuoteService."""

    def __init__(
        self,
        *,
        quotes: QuoteService,
        wallets: IncomingPaymentService,
        database: Database,
        calls: Calls,
        urls: QuoteUrls,
    ) -> None:
        self._quotes = quotes
        self._wallets = wallets
        self._database = database
        self._calls = calls
        self._urls = urls

    async def CreateQuote(self, request: pb.CreateQuoteRequest, context: Context) -> pb.Quote:
        asker, tenant_id = verdict(context), tenant(request.tenant_id)
        if request.method != "ilp":
            raise InvalidArgument("INVALID_FIELD", 'method is "ilp"', field="method")

        async def prepare() -> Write[pb.Quote]:
            return await self._prepare_create(request, asker, tenant_id)

        reply = await self._calls.once(
            request,
            pb.Quote,
            scope=call_scope(tenant_id, asker),
            key=idempotency_key(context, request),
            prepare=prepare,
        )
        await set_created(context)
        return reply

    async def _prepare_create(
        self, request: pb.CreateQuoteRequest, asker: Verdict, tenant_id: UUID
    ) -> Write[pb.Quote]:
        wallet_address, asset = await self._wallets.find_wallet(
            tenant_id=tenant_id, url=request.wallet_address
        )
        debit, receive = optional(request, "debit_amount"), optional(request, "receive_amount")
        quote = await self._quotes.prepare(
            wallet_address=wallet_address,
            asset=asset,
            receiver_url=request.receiver,
            client=asker.client,
            debit_amount=None if debit is None else to_amount(debit),
            receive_amount=None if receive is None else to_amount(receive),
        )

        async def write(session: WriteSession) -> pb.Quote:
            await self._quotes.insert(session, quote)
            return self._message(quote, wallet_address, asset)

        return write

    async def GetQuote(self, request: pb.GetQuoteRequest, context: Context) -> pb.Quote:
        asker = verdict(context)
        quote = await self._quotes.get(
            parse_id(request.id, unknown_quote(request.id)),
            tenant_id=tenant(request.tenant_id),
            client=asker.client_filter,
        )
        async with self._database.read() as session:
            wallets = await wallet_addresses.by_ids(session, [quote.wallet_address_id])
            wallet = wallets[quote.wallet_address_id]
            asset = (await assets.by_ids(session, [wallet.asset_id]))[wallet.asset_id]
        return self._message(quote, wallet, asset)

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
