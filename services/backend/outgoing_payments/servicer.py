"""Open Payments' outgoing payments over gRPC."""

from typing import Any, Protocol
from uuid import UUID

from google.protobuf.json_format import ParseDict
from google.protobuf.struct_pb2 import NULL_VALUE, Value
from ilpkit.money import Amount
from rafiki.openpayments.v1 import outgoing_payment_service_pb2 as pb
from rafiki.openpayments.v1.outgoing_payment_service_pb2_grpc import (
    OutgoingPaymentServiceServicer,
)
from servicekit.database import WriteSession
from servicekit.errors import InvalidArgument
from servicekit.paging import PageQuery
from servicekit.rest import set_created

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
from services.backend.outgoing_payments.errors import unknown_payment
from services.backend.outgoing_payments.model import SpentAmounts
from services.backend.outgoing_payments.service import (
    Granted,
    OutgoingPaymentService,
    PaymentView,
)
from services.backend.protos import (
    amount,
    optional,
    page_info,
    struct,
    timestamp,
    to_amount,
    to_json,
)
from services.backend.quotes.errors import unknown_quote
from services.backend.quotes.model import Quote
from services.backend.quotes.service import QuoteService
from services.backend.tenants.scope import parse_id
from services.backend.wallet_addresses.model import WalletAddress


class PaymentUrls(Protocol):
    """URLs in the replies."""

    def outgoing_payment(self, tenant_id: UUID, payment_id: UUID) -> str:
        """URL of a payment."""
        ...

    def quote(self, tenant_id: UUID, quote_id: UUID) -> str:
        """URL of a quote."""
        ...


class OutgoingPaymentServicer(OutgoingPaymentServiceServicer):
    """Translates; the decisions are in OutgoingPaymentService."""

    def __init__(
        self,
        *,
        payments: OutgoingPaymentService,
        quotes: QuoteService,
        wallets: IncomingPaymentService,
        calls: Calls,
        urls: PaymentUrls,
    ) -> None:
        self._payments = payments
        self._quotes = quotes
        self._wallets = wallets
        self._calls = calls
        self._urls = urls

    async def CreateOutgoingPayment(
        self, request: pb.CreateOutgoingPaymentRequest, context: Context
    ) -> pb.OutgoingPaymentWithSpentAmounts:
        asker, tenant_id = verdict(context), tenant(request.tenant_id)

        async def prepare() -> Write[pb.OutgoingPaymentWithSpentAmounts]:
            return await self._prepare_create(request, asker, tenant_id)

        reply = await self._calls.once(
            request,
            pb.OutgoingPaymentWithSpentAmounts,
            scope=call_scope(tenant_id, asker),
            key=idempotency_key(context, request),
            prepare=prepare,
        )
        await set_created(context)
        return reply

    async def _prepare_create(
        self, request: pb.CreateOutgoingPaymentRequest, asker: Verdict, tenant_id: UUID
    ) -> Write[pb.OutgoingPaymentWithSpentAmounts]:
        wallet_address, asset = await self._wallets.find_wallet(
            tenant_id=tenant_id, url=request.wallet_address
        )
        quote, is_new = await self._quote(request, asker, tenant_id, wallet_address, asset)
        metadata = optional(request, "metadata")
        granted = (
            None
            if asker.grant_id is None
            else Granted(grant_id=asker.grant_id, limits=asker.limits)
        )

        async def write(session: WriteSession) -> pb.OutgoingPaymentWithSpentAmounts:
            if is_new:
                await self._quotes.insert(session, quote)
            payment, spent = await self._payments.insert(
                session,
                quote=quote,
                wallet_address=wallet_address,
                asset=asset,
                client=asker.client,
                granted=granted,
                metadata=None if metadata is None else to_json(metadata),
            )
            view = PaymentView(payment=payment, wallet_address=wallet_address, asset=asset, sent=0)
            return self._created(view, spent)

        return write

    async def ListOutgoingPayments(
        self, request: pb.ListOutgoingPaymentsRequest, context: Context
    ) -> pb.ListOutgoingPaymentsResponse:
        asker, tenant_id = verdict(context), tenant(request.tenant_id)
        wallet_address, _ = await self._wallets.find_wallet(
            tenant_id=tenant_id, url=request.wallet_address
        )
        page, views = await self._payments.page(
            PageQuery.of(
                cursor=optional(request, "cursor"),
                first=optional(request, "first"),
                last=optional(request, "last"),
            ),
            tenant_id=tenant_id,
            wallet_address_id=wallet_address.id,
            client=asker.client_filter,
        )
        return pb.ListOutgoingPaymentsResponse(
            pagination=page_info(page),
            result=[pb.OutgoingPayment(**self._fields(view)) for view in views],
        )

    async def GetOutgoingPayment(
        self, request: pb.GetOutgoingPaymentRequest, context: Context
    ) -> pb.OutgoingPayment:
        asker = verdict(context)
        view = await self._payments.get(
            parse_id(request.id, unknown_payment(request.id)),
            tenant_id=tenant(request.tenant_id),
            client=asker.client_filter,
        )
        return pb.OutgoingPayment(**self._fields(view))

    async def GetGrantSpentAmounts(
        self, request: pb.GetGrantSpentAmountsRequest, context: Context
    ) -> pb.GrantSpentAmounts:
        asker = verdict(context)
        tenant(request.tenant_id)
        spent = None
        if asker.grant_id is not None:
            granted = Granted(grant_id=asker.grant_id, limits=asker.limits)
            spent = await self._payments.spent(granted)
        return pb.GrantSpentAmounts(
            spent_receive_amount=_value(None if spent is None else spent.receive),
            spent_debit_amount=_value(None if spent is None else spent.debit),
        )

    async def _quote(
        self,
        request: pb.CreateOutgoingPaymentRequest,
        asker: Verdict,
        tenant_id: UUID,
        wallet_address: WalletAddress,
        asset: Asset,
    ) -> tuple[Quote, bool]:
        """The quote that is accepted, and whether it was made for this call."""
        if request.HasField("quote_id"):
            quote_id = request.quote_id.rstrip("/").rpartition("/")[2]
            parsed = parse_id(quote_id, unknown_quote(request.quote_id))
            # Also a quote of another client: the grant for the payment is what counts.
            quote = await self._quotes.get(parsed, tenant_id=tenant_id)
            await self._payments.check_receiver(quote)
            return quote, False
        if not (request.HasField("incoming_payment") and request.HasField("debit_amount")):
            raise InvalidArgument(
                "INVALID_FIELD",
                "give quoteId, or incomingPayment with debitAmount",
                field="quoteId",
            )
        quote = await self._quotes.prepare(
            wallet_address=wallet_address,
            asset=asset,
            receiver_url=request.incoming_payment,
            client=asker.client,
            debit_amount=to_amount(request.debit_amount),
            receive_amount=None,
        )
        return quote, True

    def _created(
        self, view: PaymentView, spent: SpentAmounts | None
    ) -> pb.OutgoingPaymentWithSpentAmounts:
        message = pb.OutgoingPaymentWithSpentAmounts(**self._fields(view))
        if spent is not None:
            debit, receive = spent.debit, spent.receive
            message.grant_spent_debit_amount.CopyFrom(amount(debit.value, debit.asset))
            message.grant_spent_receive_amount.CopyFrom(amount(receive.value, receive.asset))
        return message

    def _fields(self, view: PaymentView) -> dict[str, Any]:
        payment, quote, unit = view.payment, view.payment.quote, view.asset.unit
        fields = {
            "id": self._urls.outgoing_payment(payment.tenant_id, payment.id),
            "wallet_address": view.wallet_address.address,
            "quote_id": self._urls.quote(payment.tenant_id, quote.id),
            "failed": payment.failed,
            "receiver": quote.receiver,
            "receive_amount": amount(quote.receive_amount.value, quote.receive_amount.asset),
            "debit_amount": amount(quote.debit_amount, unit),
            "sent_amount": amount(view.sent, unit),
            "created_at": timestamp(payment.created_at),
        }
        if payment.metadata is not None:
            fields["metadata"] = struct(payment.metadata)
        return fields


def _value(spent: Amount | None) -> Value:
    if spent is None:
        return Value(null_value=NULL_VALUE)
    wire = {
        "value": str(spent.value),
        "assetCode": spent.asset.code,
        "assetScale": spent.asset.scale,
    }
    return ParseDict(wire, Value())
