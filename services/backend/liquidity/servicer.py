"""LiquidityService over gRPC."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message
from rafiki.admin.v1 import liquidity_service_pb2 as pb
from rafiki.admin.v1.liquidity_service_pb2_grpc import LiquidityServiceServicer
from servicekit.database import WriteSession
from servicekit.errors import InvalidArgument

from services.backend.assets.errors import unknown_asset
from services.backend.calls import Calls
from services.backend.incoming_payments.errors import unknown_payment
from services.backend.liquidity.service import LiquidityService
from services.backend.open_payments_calls import Context
from services.backend.outgoing_payments.service import DATA_BYTES_MAX, OutgoingPaymentService
from services.backend.peers.errors import unknown_peer
from services.backend.protos import optional
from services.backend.scope import Scope, Scopes, parse_id, parse_uuid
from services.backend.wallet_addresses.errors import unknown_wallet_address

Work = Callable[[], Awaitable[object]]


class LiquidityServicer(LiquidityServiceServicer):
    """Translates; the decisions are in LiquidityService.

    The ledger's own ids make repeats harmless; the idempotency key catches one key with two inputs.
    """

    def __init__(
        self,
        *,
        liquidity: LiquidityService,
        outgoing_payments: OutgoingPaymentService,
        calls: Calls,
        scopes: Scopes,
    ) -> None:
        self._liquidity = liquidity
        self._outgoing_payments = outgoing_payments
        self._calls = calls
        self._scopes = scopes

    async def DepositAssetLiquidity(
        self, request: pb.DepositAssetLiquidityRequest, context: Context
    ) -> Empty:
        del context
        scope = self._scope(request)
        asset_id = parse_id(request.asset_id, unknown_asset(request.asset_id))
        transfer_id = parse_uuid(request.id, "id")
        return await self._once(
            request,
            scope,
            lambda: self._liquidity.deposit_asset(
                scope, asset_id, transfer_id=transfer_id, amount=request.amount
            ),
        )

    async def DepositPeerLiquidity(
        self, request: pb.DepositPeerLiquidityRequest, context: Context
    ) -> Empty:
        del context
        scope = self._scope(request)
        peer_id = parse_id(request.peer_id, unknown_peer(request.peer_id))
        transfer_id = parse_uuid(request.id, "id")
        return await self._once(
            request,
            scope,
            lambda: self._liquidity.deposit_peer(
                scope, peer_id, transfer_id=transfer_id, amount=request.amount
            ),
        )

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
    ) -> Empty:
        del context
        scope = self._scope(request)
        asset_id = parse_id(request.asset_id, unknown_asset(request.asset_id))
        transfer_id = parse_uuid(request.id, "id")
        return await self._once(
            request,
            scope,
            lambda: self._liquidity.withdraw_asset(
                scope,
                asset_id,
                transfer_id=transfer_id,
                amount=request.amount,
                timeout_s=request.timeout_seconds,
            ),
        )

    async def WithdrawPeerLiquidity(
        self, request: pb.WithdrawPeerLiquidityRequest, context: Context
    ) -> Empty:
        del context
        scope = self._scope(request)
        peer_id = parse_id(request.peer_id, unknown_peer(request.peer_id))
        transfer_id = parse_uuid(request.id, "id")
        return await self._once(
            request,
            scope,
            lambda: self._liquidity.withdraw_peer(
                scope,
                peer_id,
                transfer_id=transfer_id,
                amount=request.amount,
                timeout_s=request.timeout_seconds,
            ),
        )

    async def WithdrawIncomingPayment(
        self, request: pb.WithdrawIncomingPaymentRequest, context: Context
    ) -> Empty:
        del context
        scope = self._scope(request)
        payment_id = _payment(request.incoming_payment_id)
        return await self._once(
            request,
            scope,
            lambda: self._liquidity.withdraw_incoming_payment(
                scope, payment_id, timeout_s=request.timeout_seconds
            ),
        )

    async def WithdrawOutgoingPayment(
        self, request: pb.WithdrawOutgoingPaymentRequest, context: Context
    ) -> Empty:
        del context
        scope = self._scope(request)
        payment_id = _payment(request.outgoing_payment_id)
        return await self._once(
            request,
            scope,
            lambda: self._liquidity.withdraw_outgoing_payment(
                scope, payment_id, timeout_s=request.timeout_seconds
            ),
        )

    async def WithdrawWalletAddress(
        self, request: pb.WithdrawWalletAddressRequest, context: Context
    ) -> Empty:
        del context
        scope = self._scope(request)
        wallet_address_id = parse_id(
            request.wallet_address_id, unknown_wallet_address(request.wallet_address_id)
        )
        transfer_id = parse_uuid(request.id, "id")
        return await self._once(
            request,
            scope,
            lambda: self._liquidity.withdraw_wallet_address(
                scope,
                wallet_address_id,
                transfer_id=transfer_id,
                timeout_s=request.timeout_seconds,
            ),
        )

    async def PostWithdrawal(self, request: pb.PostWithdrawalRequest, context: Context) -> Empty:
        del context
        withdrawal_id = parse_uuid(request.withdrawal_id, "withdrawal_id")
        return await self._once(
            request,
            self._scope(request),
            lambda: self._liquidity.post_withdrawal(withdrawal_id),
        )

    async def VoidWithdrawal(self, request: pb.VoidWithdrawalRequest, context: Context) -> Empty:
        del context
        withdrawal_id = parse_uuid(request.withdrawal_id, "withdrawal_id")
        return await self._once(
            request,
            self._scope(request),
            lambda: self._liquidity.void_withdrawal(withdrawal_id),
        )

    async def _once(self, request: Message, scope: Scope, work: Work) -> Empty:
        async def nothing_to_write(session: WriteSession) -> Empty:
            del session
            return Empty()

        async def finish(reply: Empty) -> None:
            del reply
            await work()

        key: str = request.idempotency_key  # type: ignore[attr-defined] # all of these requests have it
        return await self._calls.mutate(
            request, Empty, scope=scope.owner, key=key, write=nothing_to_write, finish=finish
        )

    def _scope(self, request: Message) -> Scope:
        return self._scopes.of(optional(request, "tenant_id"))


def _payment(text: str) -> UUID:
    return parse_id(text, unknown_payment(text))
