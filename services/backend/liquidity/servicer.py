"""LiquidityService over gRPC."""

from typing import Any, Final, TypeVar
from uuid import UUID

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message
from rafiki.admin.v1 import liquidity_service_pb2 as pb
from rafiki.admin.v1.liquidity_service_pb2_grpc import LiquidityServiceServicer
from servicekit.commands import Command, Commands, Replies, nothing_to_recover
from servicekit.idempotency import once_of
from servicekit.messages import optional, timestamp

from services.backend.callers.context import Context
from services.backend.ledger.rules.chart import TransferCode
from services.backend.liquidity.build import Liquidity
from services.backend.liquidity.commands.deposit import NewDeposit
from services.backend.liquidity.commands.end_withdrawal import WithdrawalToEnd
from services.backend.liquidity.commands.withdraw import NewWithdrawal
from services.backend.liquidity.commands.withdraw_from_payment import PaymentWithdrawal
from services.backend.liquidity.errors import unknown_account
from services.backend.liquidity.holders import unknown_holder
from services.backend.liquidity.model import (
    AccountingTransfer,
    Holder,
    TransferState,
)
from services.backend.liquidity.moving import Recorded
from services.backend.outgoing_payments.commands.fund_payment import FundPayment, PaymentToFund
from services.backend.tenants.scope import Scope, Scopes, parse_id, parse_uuid

Given = TypeVar("Given")
Done = TypeVar("Done")
Answer = TypeVar("Answer", bound=Message)

_HOLDERS: Final = {
    "asset_id": Holder.ASSET,
    "peer_id": Holder.PEER,
    "wallet_address_id": Holder.WALLET_ADDRESS,
    "incoming_payment_id": Holder.INCOMING_PAYMENT,
    "outgoing_payment_id": Holder.OUTGOING_PAYMENT,
}
"""What a field of a request names, and so whose account is credited or debited."""
_TYPES: Final = {
    int(TransferCode.DEPOSIT): pb.ACCOUNTING_TRANSFER_TYPE_DEPOSIT,
    int(TransferCode.WITHDRAWAL): pb.ACCOUNTING_TRANSFER_TYPE_WITHDRAWAL,
}
_STATES: Final = {
    TransferState.PENDING: pb.ACCOUNTING_TRANSFER_STATE_PENDING,
    TransferState.POSTED: pb.ACCOUNTING_TRANSFER_STATE_POSTED,
    TransferState.VOIDED: pb.ACCOUNTING_TRANSFER_STATE_VOIDED,
}
_Withdrawal = (
    pb.WithdrawAssetLiquidityRequest
    | pb.WithdrawPeerLiquidityRequest
    | pb.WithdrawWalletAddressRequest
)


class LiquidityServicer(LiquidityServiceServicer):
    """Translates; the decisions are in the commands and AccountHistory."""

    def __init__(
        self,
        *,
        liquidity: Liquidity,
        fund_payment: FundPayment,
        commands: Commands,
        scopes: Scopes,
    ) -> None:
        self._liquidity = liquidity
        self._fund_payment = fund_payment
        self._commands = commands
        self._scopes = scopes

    async def DepositAssetLiquidity(
        self, request: pb.DepositAssetLiquidityRequest, context: Context
    ) -> pb.LiquidityTransfer:
        del context
        return await self._deposit(request)

    async def DepositPeerLiquidity(
        self, request: pb.DepositPeerLiquidityRequest, context: Context
    ) -> pb.LiquidityTransfer:
        del context
        return await self._deposit(request)

    async def DepositOutgoingPaymentLiquidity(
        self, request: pb.DepositOutgoingPaymentLiquidityRequest, context: Context
    ) -> Empty:
        del context
        scope, (_, payment_id) = self._scope(request), _account(request)
        given = PaymentToFund(
            payment_id=payment_id,
            tenant_id=scope.filter,
            data=optional(request, "data_to_transmit"),
        )
        return await self._run(self._fund_payment, given, request, _NOTHING)

    async def WithdrawAssetLiquidity(
        self, request: pb.WithdrawAssetLiquidityRequest, context: Context
    ) -> pb.LiquidityTransfer:
        del context
        return await self._withdraw(request, request.amount)

    async def WithdrawPeerLiquidity(
        self, request: pb.WithdrawPeerLiquidityRequest, context: Context
    ) -> pb.LiquidityTransfer:
        del context
        return await self._withdraw(request, request.amount)

    async def WithdrawWalletAddress(
        self, request: pb.WithdrawWalletAddressRequest, context: Context
    ) -> pb.LiquidityTransfer:
        del context
        return await self._withdraw(request, None)

    async def WithdrawIncomingPayment(
        self, request: pb.WithdrawIncomingPaymentRequest, context: Context
    ) -> pb.LiquidityTransfer:
        del context
        return await self._withdraw_from_payment(request)

    async def WithdrawOutgoingPayment(
        self, request: pb.WithdrawOutgoingPaymentRequest, context: Context
    ) -> pb.LiquidityTransfer:
        del context
        return await self._withdraw_from_payment(request)

    async def PostWithdrawal(self, request: pb.PostWithdrawalRequest, context: Context) -> Empty:
        del context
        return await self._end(request, post=True)

    async def VoidWithdrawal(self, request: pb.VoidWithdrawalRequest, context: Context) -> Empty:
        del context
        return await self._end(request, post=False)

    async def ListAccountingTransfers(
        self, request: pb.ListAccountingTransfersRequest, context: Context
    ) -> pb.ListAccountingTransfersResponse:
        del context
        account_id = parse_id(request.account_id, unknown_account(request.account_id))
        found = await self._liquidity.history.newest(
            self._scope(request), account_id, limit=request.limit
        )
        return pb.ListAccountingTransfersResponse(transfers=[_transfer(each) for each in found])

    async def _deposit(
        self, request: pb.DepositAssetLiquidityRequest | pb.DepositPeerLiquidityRequest
    ) -> pb.LiquidityTransfer:
        holder, account_id = _account(request)
        given = NewDeposit(
            scope=self._scope(request),
            holder=holder,
            account_id=account_id,
            chosen_id=parse_uuid(request.id, "id"),
            amount=request.amount,
        )
        return await self._run(self._liquidity.deposit, given, request, _TRANSFERS)

    async def _withdraw(self, request: _Withdrawal, amount: int | None) -> pb.LiquidityTransfer:
        holder, account_id = _account(request)
        given = NewWithdrawal(
            scope=self._scope(request),
            holder=holder,
            account_id=account_id,
            chosen_id=parse_uuid(request.id, "id"),
            amount=amount,
            timeout_s=request.timeout_seconds,
        )
        return await self._run(self._liquidity.withdraw, given, request, _TRANSFERS)

    async def _withdraw_from_payment(
        self, request: pb.WithdrawIncomingPaymentRequest | pb.WithdrawOutgoingPaymentRequest
    ) -> pb.LiquidityTransfer:
        holder, payment_id = _account(request)
        given = PaymentWithdrawal(
            scope=self._scope(request),
            holder=holder,
            payment_id=payment_id,
            event_id=parse_uuid(request.event_id, "event_id")
            if request.HasField("event_id")
            else None,
            timeout_s=request.timeout_seconds,
        )
        return await self._run(self._liquidity.withdraw_from_payment, given, request, _TRANSFERS)

    async def _end(
        self, request: pb.PostWithdrawalRequest | pb.VoidWithdrawalRequest, *, post: bool
    ) -> Empty:
        given = WithdrawalToEnd(
            scope=self._scope(request),
            withdrawal_id=parse_uuid(request.withdrawal_id, "withdrawal_id"),
            post=post,
        )
        return await self._run(self._liquidity.end_withdrawal, given, request, _NOTHING)

    async def _run(
        self,
        command: Command[Given, Any, Done],
        given: Given,
        request: Message,
        replies: Replies[Done, Answer],
    ) -> Answer:
        key: str = request.idempotency_key  # type: ignore[attr-defined] # all mutating requests have it
        once = once_of(request, scope=self._scope(request).owner, key=key)
        return await self._commands.run_once(command, given, once=once, replies=replies)

    def _scope(self, request: Message) -> Scope:
        return self._scopes.of(optional(request, "tenant_id"))


def _account(request: Message) -> tuple[Holder, UUID]:
    """Whose account a request is about."""
    (field,) = (each for each in _HOLDERS if each in request.DESCRIPTOR.fields_by_name)
    holder, text = _HOLDERS[field], getattr(request, field)
    return holder, parse_id(text, unknown_holder(holder, text))


def _message(recorded: Recorded) -> pb.LiquidityTransfer:
    transfer = recorded.transfer
    assert transfer is not None, "it was recorded just now"
    return pb.LiquidityTransfer(
        id=str(transfer.id),
        tenant_id=str(transfer.tenant_id),
        account_id=str(transfer.account_id),
        amount=transfer.amount,
        timeout_seconds=transfer.timeout_s,
        transfer_id=str(transfer.transfer_id),
        created_at=timestamp(transfer.created_at),
    )


def _transfer(transfer: AccountingTransfer) -> pb.AccountingTransfer:
    expires_at = transfer.expires_at
    return pb.AccountingTransfer(
        id=str(transfer.id),
        debit_account_id=str(transfer.debit_account_id),
        credit_account_id=str(transfer.credit_account_id),
        amount=transfer.amount,
        type=_TYPES.get(transfer.code, pb.ACCOUNTING_TRANSFER_TYPE_TRANSFER),
        ledger=transfer.ledger,
        state=_STATES[transfer.state],
        created_at=timestamp(transfer.created_at),
        expires_at=None if expires_at is None else timestamp(expires_at),
    )


def _recorded(message: pb.LiquidityTransfer) -> Recorded:
    return Recorded(transfer_id=UUID(message.transfer_id), transfer=None)


def _nothing(done: object) -> Empty:
    del done
    return Empty()


_TRANSFERS: Final = Replies(message=pb.LiquidityTransfer, encode=_message, recover=_recorded)
_NOTHING: Final = Replies(message=Empty, encode=_nothing, recover=nothing_to_recover)
