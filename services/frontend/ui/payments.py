"""Pages about payments of both kinds: where is the money, and what can be done."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from rafiki.admin.v1 import liquidity_service_pb2
from rafiki.admin.v1 import payment_service_pb2 as pb
from rafiki.admin.v1 import wallet_address_service_pb2 as wallets
from rafiki.common.v1 import paging_pb2
from rafiki.ledger.v1 import ledger_pb2, ledger_service_pb2
from servicekit.errors import NotFound, ServiceError

from services.frontend.ui.forms import Form, is_url
from services.frontend.ui.sessions import Session
from services.frontend.ui.wallet_addresses import account_balance
from services.frontend.ui.web import Ui, page_request

TRANSFERS_SHOWN_MAX: Final = 50
# A reservation that was given back moved nothing.
_NO_STEPS: Final = frozenset({ledger_pb2.TRANSFER_KIND_VOID})


def payment_routes(ui: Ui) -> APIRouter:
    """The list and the details."""
    router = APIRouter(prefix="/payments")
    pages = _PaymentPages(ui)
    router.add_api_route("", pages.index, methods=["GET"])
    router.add_api_route("/incoming/{payment_id}", pages.incoming, methods=["GET"])
    router.add_api_route("/incoming/{payment_id}/{action}", pages.change_incoming, methods=["POST"])
    router.add_api_route("/outgoing/{payment_id}", pages.outgoing, methods=["GET"])
    router.add_api_route("/outgoing/{payment_id}/{action}", pages.change_outgoing, methods=["POST"])
    return router


class _PaymentPages:
    def __init__(self, ui: Ui) -> None:
        self._ui = ui
        self._payments = ui.clients.payments

    async def index(self, request: Request) -> Response:
        session = await self._ui.session(request)
        form = Form(dict(request.query_params))
        address_id = await self._address_id(session, form)
        reply: tuple[Sequence[pb.Payment], paging_pb2.PageInfo] = ((), paging_pb2.PageInfo())
        if form.ok:
            reply = await self._list(session, form, page_request(request), address_id)
        return self._ui.page(
            request,
            session,
            "payments.html",
            status=200 if form.ok else 422,
            form=form,
            payments=reply[0],
            page_info=reply[1],
        )

    async def incoming(self, request: Request, payment_id: str) -> Response:
        session = await self._ui.session(request)
        payment = await self._get_incoming(session, payment_id)
        return await self._incoming_page(request, session, payment, {})

    async def outgoing(self, request: Request, payment_id: str) -> Response:
        session = await self._ui.session(request)
        payment = await self._get_outgoing(session, payment_id)
        return await self._outgoing_page(request, session, payment, {})

    async def change_incoming(self, request: Request, payment_id: str, action: str) -> Response:
        session, form = await self._ui.posted(request)
        payment = await self._get_incoming(session, payment_id)
        calls: dict[str, tuple[Callable[[], Awaitable[Any]], str]] = {
            "withdraw": (lambda: self._withdraw_incoming(session, payment, form), "withdrawn"),
            "approve": (lambda: self._approve(session, payment, form), "approved"),
            "cancel": (lambda: self._cancel_incoming(session, payment, form), "cancelled"),
        }
        call, notice = _action(calls, action)
        _ = form.key
        if await form.attempt(call) is None:
            return await self._incoming_page(request, session, payment, {action: form})
        return self._ui.redirect(f"/payments/incoming/{payment.id}", notice=notice)

    async def change_outgoing(self, request: Request, payment_id: str, action: str) -> Response:
        session, form = await self._ui.posted(request)
        payment = await self._get_outgoing(session, payment_id)
        calls: dict[str, tuple[Callable[[], Awaitable[Any]], str]] = {
            "deposit": (lambda: self._fund(session, payment, form), "funded"),
            "withdraw": (lambda: self._withdraw_outgoing(session, payment, form), "withdrawn"),
            "cancel": (lambda: self._cancel_outgoing(session, payment, form), "cancelled"),
        }
        call, notice = _action(calls, action)
        _ = form.key
        if await form.attempt(call) is None:
            return await self._outgoing_page(request, session, payment, {action: form})
        return self._ui.redirect(f"/payments/outgoing/{payment.id}", notice=notice)

    async def _withdraw_incoming(
        self, session: Session, payment: pb.IncomingPayment, form: Form
    ) -> object:
        return await self._ui.clients.liquidity.WithdrawIncomingPayment(
            liquidity_service_pb2.WithdrawIncomingPaymentRequest(
                tenant_id=session.scope, incoming_payment_id=payment.id, idempotency_key=form.key
            )
        )

    async def _approve(self, session: Session, payment: pb.IncomingPayment, form: Form) -> object:
        return await self._payments.ApproveIncomingPayment(
            pb.ApproveIncomingPaymentRequest(
                tenant_id=session.scope, id=payment.id, idempotency_key=form.key
            )
        )

    async def _cancel_incoming(
        self, session: Session, payment: pb.IncomingPayment, form: Form
    ) -> object:
        return await self._payments.CancelIncomingPayment(
            pb.CancelIncomingPaymentRequest(
                tenant_id=session.scope,
                id=payment.id,
                reason=form.optional_text("reason"),
                idempotency_key=form.key,
            )
        )

    async def _fund(self, session: Session, payment: pb.OutgoingPayment, form: Form) -> object:
        return await self._ui.clients.liquidity.DepositOutgoingPaymentLiquidity(
            liquidity_service_pb2.DepositOutgoingPaymentLiquidityRequest(
                tenant_id=session.scope, outgoing_payment_id=payment.id, idempotency_key=form.key
            )
        )

    async def _withdraw_outgoing(
        self, session: Session, payment: pb.OutgoingPayment, form: Form
    ) -> object:
        return await self._ui.clients.liquidity.WithdrawOutgoingPayment(
            liquidity_service_pb2.WithdrawOutgoingPaymentRequest(
                tenant_id=session.scope, outgoing_payment_id=payment.id, idempotency_key=form.key
            )
        )

    async def _cancel_outgoing(
        self, session: Session, payment: pb.OutgoingPayment, form: Form
    ) -> object:
        return await self._payments.CancelOutgoingPayment(
            pb.CancelOutgoingPaymentRequest(
                tenant_id=session.scope,
                id=payment.id,
                reason=form.optional_text("reason"),
                idempotency_key=form.key,
            )
        )

    async def _address_id(self, session: Session, form: Form) -> str | None:
        """The wallet address that the list is about, given by its id or URL."""
        given = form.optional_text("wallet_address")
        if given is None or not is_url(given):
            return given
        try:
            address = await self._ui.clients.wallet_addresses.GetWalletAddressByUrl(
                wallets.GetWalletAddressByUrlRequest(tenant_id=session.scope, url=given)
            )
        except NotFound:
            form.errors["wallet_address"] = "There is no wallet address with this URL"
            return None
        return address.id

    async def _list(
        self,
        session: Session,
        form: Form,
        page: paging_pb2.PageRequest,
        address_id: str | None,
    ) -> tuple[Sequence[pb.Payment], paging_pb2.PageInfo]:
        """One kind has a list of its own; both are in the combined one."""
        kind = form.values.get("type", "")
        try:
            if kind == "incoming":
                incoming = await self._payments.ListIncomingPayments(
                    pb.ListIncomingPaymentsRequest(
                        tenant_id=session.scope, page=page, wallet_address_id=address_id
                    )
                )
                found = [pb.Payment(incoming=payment) for payment in incoming.payments]
                return found, incoming.page_info
            if kind == "outgoing":
                outgoing = await self._payments.ListOutgoingPayments(
                    pb.ListOutgoingPaymentsRequest(
                        tenant_id=session.scope, page=page, wallet_address_id=address_id
                    )
                )
                found = [pb.Payment(outgoing=payment) for payment in outgoing.payments]
                return found, outgoing.page_info
            both = await self._payments.ListPayments(
                pb.ListPaymentsRequest(
                    tenant_id=session.scope, page=page, wallet_address_id=address_id
                )
            )
        except ServiceError as error:
            if address_id is None:
                raise
            form.errors["wallet_address"] = error.message
            return (), paging_pb2.PageInfo()
        return both.payments, both.page_info

    async def _get_incoming(self, session: Session, payment_id: str) -> pb.IncomingPayment:
        return await self._payments.GetIncomingPayment(
            pb.GetIncomingPaymentRequest(tenant_id=session.scope, id=payment_id)
        )

    async def _get_outgoing(self, session: Session, payment_id: str) -> pb.OutgoingPayment:
        return await self._payments.GetOutgoingPayment(
            pb.GetOutgoingPaymentRequest(tenant_id=session.scope, id=payment_id)
        )

    async def _incoming_page(
        self,
        request: Request,
        session: Session,
        payment: pb.IncomingPayment,
        forms: dict[str, Form],
    ) -> Response:
        ended = payment.state in (
            pb.INCOMING_PAYMENT_STATE_COMPLETED,
            pb.INCOMING_PAYMENT_STATE_EXPIRED,
        )
        return self._ui.page(
            request,
            session,
            "incoming_payment.html",
            status=422 if forms else 200,
            payment=payment,
            ended=ended,
            liquidity=await account_balance(self._ui, payment.id),
            transfers=await self._transfers(payment.id),
            forms=forms,
        )

    async def _outgoing_page(
        self,
        request: Request,
        session: Session,
        payment: pb.OutgoingPayment,
        forms: dict[str, Form],
    ) -> Response:
        transfers = await self._transfers(payment.id)
        return self._ui.page(
            request,
            session,
            "outgoing_payment.html",
            status=422 if forms else 200,
            payment=payment,
            funding=payment.state == pb.OUTGOING_PAYMENT_STATE_FUNDING,
            ended=payment.state
            in (pb.OUTGOING_PAYMENT_STATE_COMPLETED, pb.OUTGOING_PAYMENT_STATE_FAILED),
            liquidity=await account_balance(self._ui, payment.id),
            transfers=transfers,
            steps=[transfer for transfer in reversed(transfers) if transfer.kind not in _NO_STEPS],
            forms=forms,
        )

    async def _transfers(self, account_id: str) -> list[ledger_pb2.Transfer]:
        reply = await self._ui.clients.ledger.ListAccountTransfers(
            ledger_service_pb2.ListAccountTransfersRequest(
                account_id=account_id, limit=TRANSFERS_SHOWN_MAX
            )
        )
        return outcomes(reply.transfers)


def outcomes(transfers: Sequence[ledger_pb2.Transfer]) -> list[ledger_pb2.Transfer]:
    """The transfers without those reservations whose outcome is among them."""
    resolved = {transfer.pending_id for transfer in transfers if transfer.HasField("pending_id")}
    return [transfer for transfer in transfers if transfer.id not in resolved]


def _action(
    calls: dict[str, tuple[Callable[[], Awaitable[Any]], str]], action: str
) -> tuple[Callable[[], Awaitable[Any]], str]:
    if action not in calls:
        raise NotFound("UNKNOWN_PAYMENT", "there is no such action")
    return calls[action]
