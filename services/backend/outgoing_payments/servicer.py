"""Open Payments' outgoing payments over gRPC."""

from typing import Any, Protocol
from uuid import UUID

from google.protobuf.json_format import ParseDict
from google.protobuf.struct_pb2 import NULL_VALUE, Value
from ilpkit.errors import ProtocolError
from ilpkit.money import Amount
from ilpkit.openpayments.access import Limits
from rafiki.openpayments.v1 import outgoing_payment_service_pb2 as pb
from rafiki.openpayments.v1.outgoing_payment_service_pb2_grpc import (
    OutgoingPaymentServiceServicer,
)
from servicekit.commands import Commands, Replies, nothing_to_recover
from servicekit.errors import InvalidArgument
from servicekit.messages import (
    amount,
    optional,
    page_info,
    struct,
    timestamp,
    to_amount,
    to_json,
)
from servicekit.paging import PageQuery
from servicekit.rest import set_created

from services.backend.callers.context import Context, Verdict, once_of_call, tenant, verdict
from services.backend.directory.wallet_addresses import WalletAddresses
from services.backend.outgoing_payments.commands.create_payment import (
    AcceptedQuote,
    CreatedPayment,
    CreatePayment,
    NewPayment,
)
from services.backend.outgoing_payments.errors import unknown_payment
from services.backend.outgoing_payments.model import Granted, PaymentView
from services.backend.outgoing_payments.queries import OutgoingPaymentQueries
from services.backend.quotes.commands.create_quote import NewQuote
from services.backend.quotes.errors import unknown_quote
from services.backend.tenants.scope import parse_id


class PaymentUrls(Protocol):
    """URLs in the replies."""

    def outgoing_payment(self, tenant_id: UUID, payment_id: UUID) -> str:
        """URL of a payment."""
        ...

    def quote(self, tenant_id: UUID, quote_id: UUID) -> str:
        """URL of a quote."""
        ...


class OutgoingPaymentServicer(OutgoingPaymentServiceServicer):
    """Translates; the decisions are in the commands and queries."""

    def __init__(
        self,
        *,
        queries: OutgoingPaymentQueries,
        create: CreatePayment,
        wallets: WalletAddresses,
        commands: Commands,
        urls: PaymentUrls,
    ) -> None:
        self._queries = queries
        self._create = create
        self._wallets = wallets
        self._commands = commands
        self._urls = urls
        self._replies = Replies(
            message=pb.OutgoingPaymentWithSpentAmounts,
            encode=self._created,
            recover=nothing_to_recover,
        )

    async def CreateOutgoingPayment(
        self, request: pb.CreateOutgoingPaymentRequest, context: Context
    ) -> pb.OutgoingPaymentWithSpentAmounts:
        caller, tenant_id = verdict(context), tenant(request.tenant_id)

        once = once_of_call(request, context, tenant_id=tenant_id, caller=caller)
        reply = await self._commands.run_once(
            self._create, _new_payment(request, caller, tenant_id), once=once, replies=self._replies
        )
        await set_created(context)
        return reply

    async def ListOutgoingPayments(
        self, request: pb.ListOutgoingPaymentsRequest, context: Context
    ) -> pb.ListOutgoingPaymentsResponse:
        caller, tenant_id = verdict(context), tenant(request.tenant_id)
        wallet_address, _ = await self._wallets.find_active(
            request.wallet_address, tenant_id=tenant_id
        )
        page, views = await self._queries.page(
            PageQuery.of(
                cursor=optional(request, "cursor"),
                first=optional(request, "first"),
                last=optional(request, "last"),
            ),
            tenant_id=tenant_id,
            wallet_address_id=wallet_address.id,
            client=caller.client_filter,
        )
        return pb.ListOutgoingPaymentsResponse(
            pagination=page_info(page),
            result=[pb.OutgoingPayment(**self._fields(view)) for view in views],
        )

    async def GetOutgoingPayment(
        self, request: pb.GetOutgoingPaymentRequest, context: Context
    ) -> pb.OutgoingPayment:
        caller = verdict(context)
        view = await self._queries.get(
            parse_id(request.id, unknown_payment(request.id)),
            tenant_id=tenant(request.tenant_id),
            client=caller.client_filter,
        )
        return pb.OutgoingPayment(**self._fields(view))

    async def GetGrantSpentAmounts(
        self, request: pb.GetGrantSpentAmountsRequest, context: Context
    ) -> pb.GrantSpentAmounts:
        caller = verdict(context)
        tenant(request.tenant_id)
        spent = None
        granted = _granted(caller)
        if granted is not None:
            spent = await self._queries.spent(granted)
        return pb.GrantSpentAmounts(
            spent_receive_amount=_value(None if spent is None else spent.receive),
            spent_debit_amount=_value(None if spent is None else spent.debit),
        )

    def _created(self, created: CreatedPayment) -> pb.OutgoingPaymentWithSpentAmounts:
        spent = created.spent
        message = pb.OutgoingPaymentWithSpentAmounts(**self._fields(created.view))
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


def _new_payment(
    request: pb.CreateOutgoingPaymentRequest, caller: Verdict, tenant_id: UUID
) -> NewPayment:
    metadata = optional(request, "metadata")
    return NewPayment(
        price=_price(request, caller, tenant_id),
        client=caller.client,
        granted=_granted(caller),
        metadata=None if metadata is None else to_json(metadata),
    )


def _price(
    request: pb.CreateOutgoingPaymentRequest, caller: Verdict, tenant_id: UUID
) -> AcceptedQuote | NewQuote:
    if request.HasField("quote_id"):
        quote_id = request.quote_id.rstrip("/").rpartition("/")[2]
        return AcceptedQuote(
            tenant_id=tenant_id,
            wallet_url=request.wallet_address,
            quote_id=parse_id(quote_id, unknown_quote(request.quote_id)),
        )
    if not (request.HasField("incoming_payment") and request.HasField("debit_amount")):
        raise InvalidArgument(
            "INVALID_FIELD",
            "give quoteId, or incomingPayment with debitAmount",
            field="quoteId",
        )
    return NewQuote(
        tenant_id=tenant_id,
        wallet_url=request.wallet_address,
        receiver=request.incoming_payment,
        client=caller.client,
        debit_amount=to_amount(request.debit_amount),
        receive_amount=None,
    )


def _granted(caller: Verdict) -> Granted | None:
    if caller.grant_id is None:
        return None
    if caller.limits is None:
        return Granted(grant_id=caller.grant_id, limits=None)
    try:
        limits = Limits.model_validate_json(caller.limits)
    except (ValueError, ProtocolError) as error:
        raise AssertionError("the guard hands over limits that it read itself") from error
    return Granted(grant_id=caller.grant_id, limits=limits)


def _value(spent: Amount | None) -> Value:
    if spent is None:
        return Value(null_value=NULL_VALUE)
    wire = {
        "value": str(spent.value),
        "assetCode": spent.asset.code,
        "assetScale": spent.asset.scale,
    }
    return ParseDict(wire, Value())
