"""Open Payments' incoming payments over gRPC."""

from base64 import urlsafe_b64encode
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from rafiki.openpayments.v1 import incoming_payment_service_pb2 as pb
from rafiki.openpayments.v1.incoming_payment_service_pb2_grpc import (
    IncomingPaymentServiceServicer,
    PublicIncomingPaymentServiceServicer,
)
from servicekit.clock import Clock
from servicekit.commands import Commands, Replies, nothing_to_recover
from servicekit.messages import (
    amount,
    moment,
    optional,
    page_info,
    struct,
    timestamp,
    to_amount,
    to_json,
)
from servicekit.paging import PageQuery
from servicekit.rest import set_created

from services.backend.callers.context import (
    Context,
    once_of_call,
    tenant,
    verdict,
)
from services.backend.incoming_payments.build import IncomingPayments
from services.backend.incoming_payments.commands.complete_incoming_payment import PaymentToComplete
from services.backend.incoming_payments.commands.create_incoming_payment import (
    ActiveWalletAddresses,
    NewIncomingPayment,
)
from services.backend.incoming_payments.errors import unknown_payment
from services.backend.incoming_payments.model import InitiatedBy, PaymentView
from services.backend.incoming_payments.queries import IncomingPaymentQueries
from services.backend.tenants.scope import parse_id


class StreamCredentials(Protocol):
    """Makes STREAM credentials for payments."""

    def for_payment(self, payment_id: UUID, tenant_id: UUID) -> tuple[str, bytes]:
        """ILP address and shared secret of a payment's receiver."""
        ...


class PaymentUrls(Protocol):
    """URLs in the replies."""

    def incoming_payment(self, tenant_id: UUID, payment_id: UUID) -> str:
        """URL of a payment."""
        ...

    def auth_server(self, tenant_id: UUID) -> str:
        """The GNAP grant endpoint."""
        ...


class IncomingPaymentServicer(IncomingPaymentServiceServicer):
    """Translates; the decisions are in the commands and queries."""

    def __init__(
        self,
        *,
        payments: IncomingPayments,
        wallet_addresses: ActiveWalletAddresses,
        commands: Commands,
        credentials: StreamCredentials,
        urls: PaymentUrls,
        clock: Clock,
    ) -> None:
        self._payments = payments
        self._wallet_addresses = wallet_addresses
        self._commands = commands
        self._credentials = credentials
        self._urls = urls
        self._clock = clock
        self._created: Replies[PaymentView, pb.IncomingPaymentWithMethods] = Replies(
            message=pb.IncomingPaymentWithMethods,
            encode=self._with_methods,
            recover=nothing_to_recover,
        )

    async def CreateIncomingPayment(
        self, request: pb.CreateIncomingPaymentRequest, context: Context
    ) -> pb.IncomingPaymentWithMethods:
        caller, tenant_id = verdict(context), tenant(request.tenant_id)
        wanted = optional(request, "incoming_amount")
        expires_at = optional(request, "expires_at")
        metadata = optional(request, "metadata")
        new = NewIncomingPayment(
            wallet_address=request.wallet_address,
            tenant_id=tenant_id,
            client=caller.client,
            initiated_by=InitiatedBy.OPEN_PAYMENTS,
            incoming_amount=None if wanted is None else to_amount(wanted),
            expires_at=None if expires_at is None else moment(expires_at),
            metadata=None if metadata is None else to_json(metadata),
        )
        reply = await self._commands.run_once(
            self._payments.create,
            new,
            once=once_of_call(request, context, tenant_id=tenant_id, caller=caller),
            replies=self._created,
        )
        await set_created(context)
        return reply

    async def ListIncomingPayments(
        self, request: pb.ListIncomingPaymentsRequest, context: Context
    ) -> pb.ListIncomingPaymentsResponse:
        caller, tenant_id = verdict(context), tenant(request.tenant_id)
        wallet_address, _ = await self._wallet_addresses.find_active(
            request.wallet_address, tenant_id=tenant_id
        )
        page, views = await self._payments.queries.page(
            PageQuery.of(
                cursor=optional(request, "cursor"),
                first=optional(request, "first"),
                last=optional(request, "last"),
            ),
            tenant_id=tenant_id,
            wallet_address_id=wallet_address.id,
            client=caller.client_filter,
        )
        return pb.ListIncomingPaymentsResponse(
            pagination=page_info(page), result=[self._plain(view) for view in views]
        )

    async def GetIncomingPayment(
        self, request: pb.GetIncomingPaymentRequest, context: Context
    ) -> pb.IncomingPaymentWithMethods:
        caller = verdict(context)
        view = await self._payments.queries.shown(
            parse_id(request.id, unknown_payment(request.id)),
            tenant_id=tenant(request.tenant_id),
            client=caller.client_filter,
        )
        return self._with_methods(view)

    async def CompleteIncomingPayment(
        self, request: pb.CompleteIncomingPaymentRequest, context: Context
    ) -> pb.IncomingPayment:
        caller = verdict(context)
        given = PaymentToComplete(
            payment_id=parse_id(request.id, unknown_payment(request.id)),
            tenant_id=tenant(request.tenant_id),
            client=caller.client_filter,
        )
        return self._plain(await self._commands.run(self._payments.complete, given))

    def _plain(self, view: PaymentView) -> pb.IncomingPayment:
        return pb.IncomingPayment(**self._fields(view))

    def _with_methods(self, view: PaymentView) -> pb.IncomingPaymentWithMethods:
        message = pb.IncomingPaymentWithMethods(**self._fields(view))
        payment = view.payment
        now: datetime = self._clock.now()
        if payment.accepts(now) and not view.completed:
            address, secret = self._credentials.for_payment(payment.id, payment.tenant_id)
            message.methods.add(
                type="ilp",
                ilp_address=address,
                shared_secret=urlsafe_b64encode(secret).rstrip(b"=").decode(),
            )
        return message

    def _fields(self, view: PaymentView) -> dict[str, Any]:
        payment, unit = view.payment, view.asset.unit
        fields = {
            "id": self._urls.incoming_payment(payment.tenant_id, payment.id),
            "wallet_address": view.wallet_address.address,
            "received_amount": amount(view.received, unit),
            "completed": view.completed,
            "created_at": timestamp(payment.created_at),
            "expires_at": timestamp(payment.expires_at),
        }
        if payment.incoming_amount is not None:
            fields["incoming_amount"] = amount(payment.incoming_amount, unit)
        if payment.metadata is not None:
            fields["metadata"] = struct(payment.metadata)
        return fields


class PublicIncomingPaymentServicer(PublicIncomingPaymentServiceServicer):
    """What anyone may see."""

    def __init__(self, *, payments: IncomingPaymentQueries, urls: PaymentUrls) -> None:
        self._payments = payments
        self._urls = urls

    async def GetPublicIncomingPayment(
        self, request: pb.GetPublicIncomingPaymentRequest, context: Context
    ) -> pb.PublicIncomingPayment:
        del context
        view = await self._payments.shown(
            parse_id(request.id, unknown_payment(request.id)), tenant_id=tenant(request.tenant_id)
        )
        return pb.PublicIncomingPayment(
            received_amount=amount(view.received, view.asset.unit),
            auth_server=self._urls.auth_server(view.payment.tenant_id),
        )
