"""LiquidityService over gRPC."""

from collections.abc import Awaitable, Callable
from typing import Final
from uuid import UUID

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message
from rafiki.admin.v1 import liquidity_service_pb2 as pb
from rafiki.admin.v1.liquidity_service_pb2_grpc import LiquidityServiceServicer
from servicekit.database import WriteSession
from servicekit.errors import InvalidArgument

from services.backend.assets.errors import unknown_asset
from services.backend.callers.context import Context
from services.backend.calls import Calls, Write
from services.backend.incoming_payments.errors import unknown_payment
from services.backend.ledger.rules.chart import TransferCode
from services.backend.liquidity.errors import unknown_account
from services.backend.liquidity.history import AccountHistory
from services.backend.liquidity.model import AccountingTransfer, LiquidityTransfer, TransferState
from services.backend.liquidity.repository import Holder
from services.backend.liquidity.service import LiquidityService
from services.backend.outgoing_payments.service import DATA_BYTES_MAX, OutgoingPaymentService
from services.backend.peers.errors import unknown_peer
from services.backend.protos import optional, timestamp
from services.backend.tenants.scope import Scope, Scopes, parse_id, parse_uuid
from services.backend.wallet_addresses.errors import unknown_wallet_address

_TYPES: Final = {
    int(TransferCode.DEPOSIT): pb.ACCOUNTING_TRANSFER_TYPE_DEPOSIT,
    int(TransferCode.WITHDRAWAL): pb.ACCOUNTING_TRANSFER_TYPE_WITHDRAWAL,
}
_STATES: Final = {
    TransferState.PENDING: pb.ACCOUNTING_TRANSFER_STATE_PENDING,
    TransferState.POSTED: pb.ACCOUNTING_TRANSFER_STATE_POSTED,
    TransferState.VOIDED: pb.ACCOUNTING_TRANSFER_STATE_VOIDED,
}


class LiquidityServicer(LiquidityServiceServicer):
    """Translates; the decisions are in LiquidityService and AccountHistory."""

    def __init__(
        self,
        *,
        liquidity: LiquidityService,
        history: AccountHistory,
        outgoing_payments: OutgoingPaymentService,
        calls: Calls,
        scopes: Scopes,
    ) -> None:
        self._liquidity = liquidity
        self._history = history
        self._outgoing_payments = outgoing_payments
        self._calls = calls
        self._scopes = scopes

    async def DepositAssetLiquidity(
        self, request: pb.DepositAssetLiquidityRequest, context: Context
    ) -> pb.LiquidityTransfer:
        del context
        account_id = parse_id(request.asset_id, unknown_asset(request.asset_id))
        return await self._deposit(request, Holder.ASSET, account_id)

    async def DepositPeerLiquidity(
        self, request: pb.DepositPeerLiquidityRequest, context: Context
    ) -> pb.LiquidityTransfer:
        del context
        account_id = parse_id(request.peer_id, unknown_peer(request.peer_id))
        return await self._deposit(request, Holder.PEER, account_id)

    async def DepositOutgoingPaymentLiquidity(
        self, request: pb.DepositOutgoingPaymentLiquidityRequest, context: Context
    ) -> Empty:
        del context
        scope = self._scope(request)
        payment_id = _payment(request.outgoing_payment_id)
        data: bytes | None = optional(request, "data_to_transmit")
        if data is not None and len(data) > DATA_BYTES_MAX:
            raise InvalidArgument(
                "INVALID_FIELD",
                f"data_to_transmit has at most {DATA_BYTES_MAX} bytes",
                field="data_to_transmit",
            )
        return await self._once(
            request,
            scope,
            lambda: self._outgoing_payments.fund(payment_id, tenant_id=scope.filter, data=data),
        )

    async def WithdrawAssetLiquidity(
        self, request: pb.WithdrawAssetLiquidityRequest, context: Context
    ) -> pb.LiquidityTransfer:
        del context
        account_id = parse_id(request.asset_id, unknown_asset(request.asset_id))
        return await self._withdraw(request, Holder.ASSET, account_id, request.amount)

    async def WithdrawPeerLiquidity(
        self, request: pb.WithdrawPeerLiquidityRequest, context: Context
    ) -> pb.LiquidityTransfer:
        del context
        account_id = parse_id(request.peer_id, unknown_peer(request.peer_id))
        return await self._withdraw(request, Holder.PEER, account_id, request.amount)

    async def WithdrawWalletAddress(
        self, request: pb.WithdrawWalletAddressRequest, context: Context
    ) -> pb.LiquidityTransfer:
        del context
        text = request.wallet_address_id
        account_id = parse_id(text, unknown_wallet_address(text))
        return await self._withdraw(request, Holder.WALLET_ADDRESS, account_id, None)

    async def WithdrawIncomingPayment(
        self, request: pb.WithdrawIncomingPaymentRequest, context: Context
    ) -> pb.LiquidityTransfer:
        del context
        payment_id = _payment(request.incoming_payment_id)
        timeout_s = request.timeout_seconds
        return await self._move(
            request,
            lambda scope: self._liquidity.withdraw_incoming_payment(
                scope, payment_id, timeout_s=timeout_s
            ),
        )

    async def WithdrawOutgoingPayment(
        self, request: pb.WithdrawOutgoingPaymentRequest, context: Context
    ) -> pb.LiquidityTransfer:
        del context
        payment_id = _payment(request.outgoing_payment_id)
        timeout_s = request.timeout_seconds
        return await self._move(
            request,
            lambda scope: self._liquidity.withdraw_outgoing_payment(
                scope, payment_id, timeout_s=timeout_s
            ),
        )

    async def PostWithdrawal(self, request: pb.PostWithdrawalRequest, context: Context) -> Empty:
        del context
        scope, withdrawal_id = self._scope(request), _withdrawal(request)
        return await self._once(
            request, scope, lambda: self._liquidity.post_withdrawal(scope, withdrawal_id)
        )

    async def VoidWithdrawal(self, request: pb.VoidWithdrawalRequest, context: Context) -> Empty:
        del context
        scope, withdrawal_id = self._scope(request), _withdrawal(request)
        return await self._once(
            request, scope, lambda: self._liquidity.void_withdrawal(scope, withdrawal_id)
        )

    async def ListAccountingTransfers(
        self, request: pb.ListAccountingTransfersRequest, context: Context
    ) -> pb.ListAccountingTransfersResponse:
        del context
        account_id = parse_id(request.account_id, unknown_account(request.account_id))
        found = await self._history.newest(self._scope(request), account_id, limit=request.limit)
        return pb.ListAccountingTransfersResponse(transfers=[_transfer(each) for each in found])

    async def _deposit(
        self,
        request: pb.DepositAssetLiquidityRequest | pb.DepositPeerLiquidityRequest,
        holder: Holder,
        account_id: UUID,
    ) -> pb.LiquidityTransfer:
        chosen_id, amount = parse_uuid(request.id, "id"), request.amount
        return await self._move(
            request,
            lambda scope: self._liquidity.deposit(
                scope, holder, account_id, chosen_id=chosen_id, amount=amount
            ),
        )

    async def _withdraw(
        self,
        request: pb.WithdrawAssetLiquidityRequest
        | pb.WithdrawPeerLiquidityRequest
        | pb.WithdrawWalletAddressRequest,
        holder: Holder,
        account_id: UUID,
        amount: int | None,
    ) -> pb.LiquidityTransfer:
        chosen_id, timeout_s = parse_uuid(request.id, "id"), request.timeout_seconds
        return await self._move(
            request,
            lambda scope: self._liquidity.withdraw(
                scope, holder, account_id, chosen_id=chosen_id, amount=amount, timeout_s=timeout_s
            ),
        )

    async def _move(
        self, request: Message, plan: Callable[[Scope], Awaitable[LiquidityTransfer]]
    ) -> pb.LiquidityTransfer:
        scope = self._scope(request)

        async def prepare() -> Write[pb.LiquidityTransfer]:
            planned = await plan(scope)

            async def write(session: WriteSession) -> pb.LiquidityTransfer:
                return _message(await self._liquidity.record(session, planned))

            return write

        return await self._calls.prepared(
            request,
            pb.LiquidityTransfer,
            scope=scope.owner,
            key=_key(request),
            prepare=prepare,
            finish=lambda reply: self._liquidity.move_recorded(UUID(reply.transfer_id)),
        )

    async def _once(
        self, request: Message, scope: Scope, work: Callable[[], Awaitable[object]]
    ) -> Empty:
        async def nothing_to_write(session: WriteSession) -> Empty:
            del session
            return Empty()

        async def finish(reply: Empty) -> None:
            del reply
            await work()

        return await self._calls.mutate(
            request,
            Empty,
            scope=scope.owner,
            key=_key(request),
            write=nothing_to_write,
            finish=finish,
        )

    def _scope(self, request: Message) -> Scope:
        return self._scopes.of(optional(request, "tenant_id"))


def _key(request: Message) -> str:
    key: str = request.idempotency_key  # type: ignore[attr-defined] # all mutating requests have it
    return key


def _payment(text: str) -> UUID:
    return parse_id(text, unknown_payment(text))


def _withdrawal(request: pb.PostWithdrawalRequest | pb.VoidWithdrawalRequest) -> UUID:
    return parse_uuid(request.withdrawal_id, "withdrawal_id")


def _message(transfer: LiquidityTransfer) -> pb.LiquidityTransfer:
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
