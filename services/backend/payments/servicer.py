"""The Admin contract's PaymentService over gRPC."""

from typing import Any, Final, TypeVar
from uuid import UUID

from google.protobuf.message import Message
from grpc.aio import ServicerContext
from rafiki.admin.v1 import payment_service_pb2 as pb
from rafiki.admin.v1.payment_service_pb2_grpc import PaymentServiceServicer
from servicekit.commands import Command, Commands, Replies, nothing_to_recover
from servicekit.errors import InvalidArgument, NotFound
from servicekit.idempotency import Once, once_of
from servicekit.messages import (
    moment,
    optional,
    page_info,
    page_query,
    to_amount,
    to_json,
)

from services.backend.incoming_payments.build import IncomingPayments
from services.backend.incoming_payments.commands.approve_incoming_payment import PaymentToApprove
from services.backend.incoming_payments.commands.cancel_incoming_payment import PaymentToCancel
from services.backend.incoming_payments.commands.create_incoming_payment import NewIncomingPayment
from services.backend.incoming_payments.commands.update_incoming_payment import NewMetadata
from services.backend.incoming_payments.errors import unknown_payment
from services.backend.incoming_payments.model import InitiatedBy
from services.backend.incoming_payments.model import PaymentView as IncomingView
from services.backend.outgoing_payments.build import OutgoingPayments
from services.backend.outgoing_payments.commands import cancel_payment
from services.backend.outgoing_payments.commands.create_payment import (
    AcceptedQuote,
    CreatedPayment,
    NewPayment,
)
from services.backend.outgoing_payments.model import PaymentView as OutgoingView
from services.backend.payments import messages
from services.backend.payments.queries import PaymentQueries
from services.backend.quotes.build import Quotes
from services.backend.quotes.commands.create_quote import GivenQuote, NewQuote
from services.backend.quotes.errors import unknown_quote
from services.backend.receivers.build import Receivers
from services.backend.receivers.commands.complete_receiver import ReceiverToComplete
from services.backend.receivers.commands.create_receiver import NewReceiver
from services.backend.tenants.scope import Scope, Scopes, parse_id
from services.backend.wallet_addresses.errors import unknown_wallet_address
from services.backend.wallet_addresses.queries import WalletAddressQueries

Context = ServicerContext[object, object]
Given = TypeVar("Given")

_RECEIVERS: Final = Replies(
    message=pb.Receiver, encode=messages.receiver, recover=nothing_to_recover
)


def _given_quote(given: GivenQuote) -> pb.Quote:
    return messages.quote(given.quote, given.asset)


def _created_payment(created: CreatedPayment) -> pb.OutgoingPayment:
    return messages.outgoing_payment(created.view)


_QUOTES: Final = Replies(message=pb.Quote, encode=_given_quote, recover=nothing_to_recover)
_PAYMENTS: Final = Replies(
    message=pb.OutgoingPayment, encode=_created_payment, recover=nothing_to_recover
)
_OUTGOING: Final = Replies(
    message=pb.OutgoingPayment, encode=messages.outgoing_payment, recover=nothing_to_recover
)


class PaymentServicer(PaymentServiceServicer):
    """Translates; the decisions are in the commands and queries of each kind of payment."""

    def __init__(
        self,
        *,
        payments: PaymentQueries,
        incoming: IncomingPayments,
        outgoing: OutgoingPayments,
        quotes: Quotes,
        receivers: Receivers,
        wallet_addresses: WalletAddressQueries,
        urls: messages.IncomingPaymentUrls,
        commands: Commands,
        scopes: Scopes,
    ) -> None:
        self._payments = payments
        self._incoming = incoming
        self._outgoing = outgoing
        self._quotes = quotes
        self._receivers = receivers
        self._wallet_addresses = wallet_addresses
        self._urls = urls
        self._commands = commands
        self._scopes = scopes
        self._incoming_replies: Replies[IncomingView, pb.IncomingPayment] = Replies(
            message=pb.IncomingPayment, encode=self._message, recover=nothing_to_recover
        )

    async def CreateIncomingPayment(
        self, request: pb.CreateIncomingPaymentRequest, context: Context
    ) -> pb.IncomingPayment:
        del context
        new = NewIncomingPayment(
            wallet_address=_wallet_address_id(request.wallet_address_id),
            tenant_id=self._scope(request).filter,
            client=None,
            initiated_by=InitiatedBy.ADMIN,
            **_expected(request),
        )
        return await self._change_incoming(request, self._incoming.create, new)

    async def GetIncomingPayment(
        self, request: pb.GetIncomingPaymentRequest, context: Context
    ) -> pb.IncomingPayment:
        del context
        view = await self._incoming.queries.get(
            _payment_id(request.id), tenant_id=self._scope(request).filter
        )
        return self._message(view)

    async def ListIncomingPayments(
        self, request: pb.ListIncomingPaymentsRequest, context: Context
    ) -> pb.ListIncomingPaymentsResponse:
        del context
        page, views = await self._incoming.queries.page(
            page_query(request.page),
            tenant_id=self._scope(request).filter,
            wallet_address_id=_wallet_address_filter(request),
        )
        return pb.ListIncomingPaymentsResponse(
            payments=[self._message(view) for view in views], page_info=page_info(page)
        )

    async def ApproveIncomingPayment(
        self, request: pb.ApproveIncomingPaymentRequest, context: Context
    ) -> pb.IncomingPayment:
        del context
        given = PaymentToApprove(
            payment_id=_payment_id(request.id), tenant_id=self._scope(request).filter
        )
        return await self._change_incoming(request, self._incoming.approve, given)

    async def CancelIncomingPayment(
        self, request: pb.CancelIncomingPaymentRequest, context: Context
    ) -> pb.IncomingPayment:
        del context
        given = PaymentToCancel(
            payment_id=_payment_id(request.id),
            tenant_id=self._scope(request).filter,
            reason=optional(request, "reason"),
        )
        return await self._change_incoming(request, self._incoming.cancel, given)

    async def UpdateIncomingPayment(
        self, request: pb.UpdateIncomingPaymentRequest, context: Context
    ) -> pb.IncomingPayment:
        del context
        given = NewMetadata(
            payment_id=_payment_id(request.id),
            tenant_id=self._scope(request).filter,
            metadata=to_json(request.metadata),
        )
        return await self._change_incoming(request, self._incoming.update, given)

    async def CreateReceiver(
        self, request: pb.CreateReceiverRequest, context: Context
    ) -> pb.Receiver:
        del context
        scope = self._scope(request)
        new = NewReceiver(
            scope=scope, wallet_address_url=request.wallet_address_url, **_expected(request)
        )
        return await self._commands.run_once(
            self._receivers.create,
            new,
            once=self._once(request),
            replies=_RECEIVERS,
        )

    async def GetReceiver(self, request: pb.GetReceiverRequest, context: Context) -> pb.Receiver:
        del context
        scope = self._scope(request)
        try:
            return messages.receiver(
                (await self._receivers.queries.get(request.url)).seen_by(scope)
            )
        except InvalidArgument as error:
            # To whoever pays it, a receiver that is not there is a wrong input; here it is the
            # thing asked for.
            raise NotFound("UNKNOWN_PAYMENT", error.message, metadata={"id": request.url}) from None

    async def CompleteReceiver(
        self, request: pb.CompleteReceiverRequest, context: Context
    ) -> pb.Receiver:
        del context
        scope = self._scope(request)
        return await self._commands.run_once(
            self._receivers.complete,
            ReceiverToComplete(scope=scope, url=request.url),
            once=self._once(request),
            replies=_RECEIVERS,
        )

    async def CreateQuote(self, request: pb.CreateQuoteRequest, context: Context) -> pb.Quote:
        del context
        scope = self._scope(request)
        debit, receive = optional(request, "debit_amount"), optional(request, "receive_amount")
        new = NewQuote(
            tenant_id=scope.filter,
            wallet_id=_wallet_address_id(request.wallet_address_id),
            receiver=request.receiver,
            client=None,
            debit_amount=None if debit is None else to_amount(debit),
            receive_amount=None if receive is None else to_amount(receive),
        )
        return await self._commands.run_once(
            self._quotes.create, new, once=self._once(request), replies=_QUOTES
        )

    async def GetQuote(self, request: pb.GetQuoteRequest, context: Context) -> pb.Quote:
        del context
        scope = self._scope(request)
        quote_id = parse_id(request.id, unknown_quote(request.id))
        quote = await self._quotes.queries.get(quote_id, tenant_id=scope.filter)
        wallet = await self._wallet_addresses.get(scope, quote.wallet_address_id)
        return messages.quote(quote, wallet.asset)

    async def CreateOutgoingPayment(
        self, request: pb.CreateOutgoingPaymentRequest, context: Context
    ) -> pb.OutgoingPayment:
        del context
        accepted = AcceptedQuote(
            tenant_id=self._scope(request).filter,
            wallet_id=_wallet_address_id(request.wallet_address_id),
            quote_id=parse_id(request.quote_id, unknown_quote(request.quote_id)),
        )
        return await self._pay(request, accepted)

    async def CreateOutgoingPaymentFromIncomingPayment(
        self, request: pb.CreateOutgoingPaymentFromIncomingPaymentRequest, context: Context
    ) -> pb.OutgoingPayment:
        del context
        if not request.HasField("debit_amount"):
            raise InvalidArgument("INVALID_FIELD", "give debit_amount", field="debit_amount")
        new = NewQuote(
            tenant_id=self._scope(request).filter,
            wallet_id=_wallet_address_id(request.wallet_address_id),
            receiver=request.incoming_payment,
            client=None,
            debit_amount=to_amount(request.debit_amount),
            receive_amount=None,
        )
        return await self._pay(request, new)

    async def GetOutgoingPayment(
        self, request: pb.GetOutgoingPaymentRequest, context: Context
    ) -> pb.OutgoingPayment:
        del context
        payment_id = _payment_id(request.id)
        tenant_id = self._scope(request).filter
        return messages.outgoing_payment(
            await self._outgoing.queries.get(payment_id, tenant_id=tenant_id)
        )

    async def ListOutgoingPayments(
        self, request: pb.ListOutgoingPaymentsRequest, context: Context
    ) -> pb.ListOutgoingPaymentsResponse:
        del context
        page, views = await self._outgoing.queries.page(
            page_query(request.page),
            tenant_id=self._scope(request).filter,
            wallet_address_id=_wallet_address_filter(request),
            receiver=optional(request, "receiver"),
            states=messages.to_states(request.states),
        )
        return pb.ListOutgoingPaymentsResponse(
            payments=[messages.outgoing_payment(view) for view in views],
            page_info=page_info(page),
        )

    async def CancelOutgoingPayment(
        self, request: pb.CancelOutgoingPaymentRequest, context: Context
    ) -> pb.OutgoingPayment:
        del context
        given = cancel_payment.PaymentToCancel(
            payment_id=_payment_id(request.id),
            tenant_id=self._scope(request).filter,
            reason=optional(request, "reason"),
        )
        return await self._commands.run_once(
            self._outgoing.cancel, given, once=self._once(request), replies=_OUTGOING
        )

    async def ListPayments(
        self, request: pb.ListPaymentsRequest, context: Context
    ) -> pb.ListPaymentsResponse:
        del context
        page, views = await self._payments.page(
            page_query(request.page),
            tenant_id=self._scope(request).filter,
            wallet_address_id=_wallet_address_filter(request),
        )
        return pb.ListPaymentsResponse(
            payments=[self._either(view) for view in views], page_info=page_info(page)
        )

    async def _pay(
        self,
        request: pb.CreateOutgoingPaymentRequest
        | pb.CreateOutgoingPaymentFromIncomingPaymentRequest,
        price: AcceptedQuote | NewQuote,
    ) -> pb.OutgoingPayment:
        metadata = optional(request, "metadata")
        new = NewPayment(
            price=price,
            client=None,
            granted=None,
            metadata=None if metadata is None else to_json(metadata),
        )
        return await self._commands.run_once(
            self._outgoing.create, new, once=self._once(request), replies=_PAYMENTS
        )

    def _once(self, request: Message) -> Once:
        key: str = request.idempotency_key  # type: ignore[attr-defined] # all mutating requests have it
        return once_of(request, scope=self._scope(request).owner, key=key)

    async def _change_incoming(
        self, request: Message, command: Command[Given, Any, IncomingView], given: Given
    ) -> pb.IncomingPayment:
        return await self._commands.run_once(
            command, given, once=self._once(request), replies=self._incoming_replies
        )

    def _message(self, view: IncomingView) -> pb.IncomingPayment:
        return messages.incoming_payment(view, self._urls)

    def _either(self, view: IncomingView | OutgoingView) -> pb.Payment:
        if isinstance(view, IncomingView):
            return pb.Payment(incoming=self._message(view))
        return pb.Payment(outgoing=messages.outgoing_payment(view))

    def _scope(self, request: Message) -> Scope:
        return self._scopes.of(optional(request, "tenant_id"))


def _expected(
    request: pb.CreateIncomingPaymentRequest | pb.CreateReceiverRequest,
) -> dict[str, Any]:
    """What a new incoming payment expects, as the services name it."""
    wanted = optional(request, "incoming_amount")
    expires_at = optional(request, "expires_at")
    metadata = optional(request, "metadata")
    return {
        "incoming_amount": None if wanted is None else to_amount(wanted),
        "expires_at": None if expires_at is None else moment(expires_at),
        "metadata": None if metadata is None else to_json(metadata),
    }


def _payment_id(text: str) -> UUID:
    return parse_id(text, unknown_payment(text))


def _wallet_address_id(text: str) -> UUID:
    return parse_id(text, unknown_wallet_address(text))


def _wallet_address_filter(request: Message) -> UUID | None:
    text = optional(request, "wallet_address_id")
    return None if text is None else _wallet_address_id(text)
