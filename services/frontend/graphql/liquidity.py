"""Money that enters and leaves the node: deposits and withdrawals."""
# ruff: noqa: A002 - arguments have the names that the schema gives them

from enum import Enum
from typing import Final

import strawberry
from rafiki.admin.v1 import event_service_pb2, wallet_address_service_pb2
from rafiki.admin.v1 import liquidity_service_pb2 as pb
from servicekit.errors import InvalidArgument

from services.frontend.graphql.common import (
    LiquidityMutationResponse,
    deprecated_mutation,
    mutation,
)
from services.frontend.graphql.context import Info
from services.frontend.graphql.scalars import UInt64
from services.frontend.graphql.wallet_addresses import WalletAddress, wallet_address_node

UINT32_MAX: Final = 2**32 - 1
_DONE: Final = LiquidityMutationResponse(success=True)


@strawberry.enum
class LiquidityError(Enum):
    """What the original's clients may know by name; errors carry `extensions.code` instead."""

    AlreadyPosted = "AlreadyPosted"
    AlreadyVoided = "AlreadyVoided"
    AmountZero = "AmountZero"
    InsufficientBalance = "InsufficientBalance"
    InvalidId = "InvalidId"
    TransferExists = "TransferExists"
    UnknownAsset = "UnknownAsset"
    UnknownIncomingPayment = "UnknownIncomingPayment"
    UnknownOutgoingPayment = "UnknownOutgoingPayment"
    UnknownPayment = "UnknownPayment"
    UnknownWalletAddress = "UnknownWalletAddress"
    UnknownPeer = "UnknownPeer"
    UnknownTransfer = "UnknownTransfer"


@strawberry.input
class DepositPeerLiquidityInput:
    """A deposit."""

    peer_id: str
    amount: UInt64
    id: str
    idempotency_key: str


@strawberry.input
class DepositAssetLiquidityInput:
    """A deposit."""

    asset_id: str
    amount: UInt64
    id: str
    idempotency_key: str


@strawberry.input
class CreatePeerLiquidityWithdrawalInput:
    """A withdrawal, in two phases when it has a timeout."""

    peer_id: str
    amount: UInt64
    id: str
    idempotency_key: str
    timeout_seconds: UInt64


@strawberry.input
class CreateAssetLiquidityWithdrawalInput:
    """A withdrawal, in two phases when it has a timeout."""

    asset_id: str
    amount: UInt64
    id: str
    idempotency_key: str
    timeout_seconds: UInt64


@strawberry.input
class PostLiquidityWithdrawalInput:
    """Which withdrawal."""

    withdrawal_id: str
    idempotency_key: str


@strawberry.input
class VoidLiquidityWithdrawalInput:
    """Which withdrawal."""

    withdrawal_id: str
    idempotency_key: str


@strawberry.input
class DepositOutgoingPaymentLiquidityInput:
    """The payment to fund."""

    outgoing_payment_id: str
    idempotency_key: str
    data_to_transmit: str | None = None


@strawberry.input
class CreateIncomingPaymentWithdrawalInput:
    """The payment to empty, in two phases when it has a timeout."""

    incoming_payment_id: str
    idempotency_key: str
    timeout_seconds: UInt64


@strawberry.input
class CreateOutgoingPaymentWithdrawalInput:
    """The payment to empty, in two phases when it has a timeout."""

    outgoing_payment_id: str
    idempotency_key: str
    timeout_seconds: UInt64


@strawberry.input
class CreateWalletAddressWithdrawalInput:
    """The wallet address to empty, in two phases when it has a timeout."""

    wallet_address_id: str
    id: str
    idempotency_key: str
    timeout_seconds: UInt64


@strawberry.input
class DepositEventLiquidityInput:
    """The event that asks for a deposit."""

    event_id: str
    idempotency_key: str


@strawberry.input
class WithdrawEventLiquidityInput:
    """The event that asks for a withdrawal."""

    event_id: str
    idempotency_key: str


@strawberry.type(description="A withdrawal of what a wallet address received.")
class WalletAddressWithdrawal:
    """A withdrawal of what a wallet address received."""

    id: strawberry.ID
    amount: UInt64
    wallet_address: WalletAddress


@strawberry.type
class WalletAddressWithdrawalMutationResponse:
    """The withdrawal."""

    withdrawal: WalletAddressWithdrawal | None


@strawberry.type
class DepositMutation:
    """Money that enters."""

    @mutation
    async def deposit_asset_liquidity(
        self, info: Info, input: DepositAssetLiquidityInput
    ) -> LiquidityMutationResponse | None:
        """Add to the node's liquidity in an asset."""
        await info.context.clients.liquidity.DepositAssetLiquidity(
            pb.DepositAssetLiquidityRequest(
                tenant_id=info.context.scope(),
                id=input.id,
                asset_id=input.asset_id,
                amount=input.amount,
                idempotency_key=input.idempotency_key,
            )
        )
        return _DONE

    @mutation
    async def deposit_peer_liquidity(
        self, info: Info, input: DepositPeerLiquidityInput
    ) -> LiquidityMutationResponse | None:
        """Add to a peer's liquidity."""
        await info.context.clients.liquidity.DepositPeerLiquidity(
            pb.DepositPeerLiquidityRequest(
                tenant_id=info.context.scope(),
                id=input.id,
                peer_id=input.peer_id,
                amount=input.amount,
                idempotency_key=input.idempotency_key,
            )
        )
        return _DONE

    @mutation
    async def deposit_outgoing_payment_liquidity(
        self, info: Info, input: DepositOutgoingPaymentLiquidityInput
    ) -> LiquidityMutationResponse | None:
        """Fund an outgoing payment with its debit amount; it is sent from then on."""
        data = input.data_to_transmit
        await info.context.clients.liquidity.DepositOutgoingPaymentLiquidity(
            pb.DepositOutgoingPaymentLiquidityRequest(
                tenant_id=info.context.scope(),
                outgoing_payment_id=input.outgoing_payment_id,
                data_to_transmit=None if data is None else data.encode(),
                idempotency_key=input.idempotency_key,
            )
        )
        return _DONE

    @deprecated_mutation("Use `depositOutgoingPaymentLiquidity`")
    async def deposit_event_liquidity(
        self, info: Info, input: DepositEventLiquidityInput
    ) -> LiquidityMutationResponse | None:
        """Fund the outgoing payment of an event."""
        event_type, payment_id = await _event(info, input.event_id)
        if event_type != "outgoing_payment.created":
            raise _invalid_event("this event asks for no deposit")
        await info.context.clients.liquidity.DepositOutgoingPaymentLiquidity(
            pb.DepositOutgoingPaymentLiquidityRequest(
                tenant_id=info.context.scope(),
                outgoing_payment_id=payment_id,
                idempotency_key=input.idempotency_key,
            )
        )
        return _DONE


@strawberry.type
class WithdrawalMutation:
    """Money that leaves."""

    @mutation
    async def create_asset_liquidity_withdrawal(
        self, info: Info, input: CreateAssetLiquidityWithdrawalInput
    ) -> LiquidityMutationResponse | None:
        """Take from the node's liquidity in an asset."""
        await info.context.clients.liquidity.WithdrawAssetLiquidity(
            pb.WithdrawAssetLiquidityRequest(
                tenant_id=info.context.scope(),
                id=input.id,
                asset_id=input.asset_id,
                amount=input.amount,
                timeout_seconds=_timeout(input.timeout_seconds),
                idempotency_key=input.idempotency_key,
            )
        )
        return _DONE

    @mutation
    async def create_peer_liquidity_withdrawal(
        self, info: Info, input: CreatePeerLiquidityWithdrawalInput
    ) -> LiquidityMutationResponse | None:
        """Take from a peer's liquidity."""
        await info.context.clients.liquidity.WithdrawPeerLiquidity(
            pb.WithdrawPeerLiquidityRequest(
                tenant_id=info.context.scope(),
                id=input.id,
                peer_id=input.peer_id,
                amount=input.amount,
                timeout_seconds=_timeout(input.timeout_seconds),
                idempotency_key=input.idempotency_key,
            )
        )
        return _DONE

    @mutation
    async def create_incoming_payment_withdrawal(
        self, info: Info, input: CreateIncomingPaymentWithdrawalInput
    ) -> LiquidityMutationResponse | None:
        """Take what a completed or expired incoming payment received."""
        await info.context.clients.liquidity.WithdrawIncomingPayment(
            pb.WithdrawIncomingPaymentRequest(
                tenant_id=info.context.scope(),
                incoming_payment_id=input.incoming_payment_id,
                timeout_seconds=_timeout(input.timeout_seconds),
                idempotency_key=input.idempotency_key,
            )
        )
        return _DONE

    @mutation
    async def create_outgoing_payment_withdrawal(
        self, info: Info, input: CreateOutgoingPaymentWithdrawalInput
    ) -> LiquidityMutationResponse | None:
        """Take what a completed or failed outgoing payment left over."""
        await info.context.clients.liquidity.WithdrawOutgoingPayment(
            pb.WithdrawOutgoingPaymentRequest(
                tenant_id=info.context.scope(),
                outgoing_payment_id=input.outgoing_payment_id,
                timeout_seconds=_timeout(input.timeout_seconds),
                idempotency_key=input.idempotency_key,
            )
        )
        return _DONE

    @mutation
    async def create_wallet_address_withdrawal(
        self, info: Info, input: CreateWalletAddressWithdrawalInput
    ) -> WalletAddressWithdrawalMutationResponse | None:
        """Take what a wallet address received without a payment."""
        clients, scope = info.context.clients, info.context.scope()
        address = await clients.wallet_addresses.GetWalletAddress(
            wallet_address_service_pb2.GetWalletAddressRequest(
                tenant_id=scope, id=input.wallet_address_id
            )
        )
        withdrawal = await clients.liquidity.WithdrawWalletAddress(
            pb.WithdrawWalletAddressRequest(
                tenant_id=scope,
                id=input.id,
                wallet_address_id=input.wallet_address_id,
                timeout_seconds=_timeout(input.timeout_seconds),
                idempotency_key=input.idempotency_key,
            )
        )
        return WalletAddressWithdrawalMutationResponse(
            withdrawal=WalletAddressWithdrawal(
                id=strawberry.ID(withdrawal.id),
                amount=UInt64(withdrawal.amount),
                wallet_address=wallet_address_node(address),
            )
        )

    @mutation
    async def post_liquidity_withdrawal(
        self, info: Info, input: PostLiquidityWithdrawalInput
    ) -> LiquidityMutationResponse | None:
        """Finish a withdrawal in two phases."""
        await info.context.clients.liquidity.PostWithdrawal(
            pb.PostWithdrawalRequest(
                tenant_id=info.context.scope(),
                withdrawal_id=input.withdrawal_id,
                idempotency_key=input.idempotency_key,
            )
        )
        return _DONE

    @mutation
    async def void_liquidity_withdrawal(
        self, info: Info, input: VoidLiquidityWithdrawalInput
    ) -> LiquidityMutationResponse | None:
        """Give a withdrawal in two phases up."""
        await info.context.clients.liquidity.VoidWithdrawal(
            pb.VoidWithdrawalRequest(
                tenant_id=info.context.scope(),
                withdrawal_id=input.withdrawal_id,
                idempotency_key=input.idempotency_key,
            )
        )
        return _DONE

    @deprecated_mutation(
        "Use `createOutgoingPaymentWithdrawal, createIncomingPaymentWithdrawal, or"
        " createWalletAddressWithdrawal`"
    )
    async def withdraw_event_liquidity(
        self, info: Info, input: WithdrawEventLiquidityInput
    ) -> LiquidityMutationResponse | None:
        """Take what the payment or wallet address of an event has."""
        event_type, payment_id = await _event(info, input.event_id)
        liquidity, scope = info.context.clients.liquidity, info.context.scope()
        if event_type in ("incoming_payment.completed", "incoming_payment.expired"):
            await liquidity.WithdrawIncomingPayment(
                pb.WithdrawIncomingPaymentRequest(
                    tenant_id=scope,
                    incoming_payment_id=payment_id,
                    idempotency_key=input.idempotency_key,
                )
            )
        elif event_type in ("outgoing_payment.completed", "outgoing_payment.failed"):
            await liquidity.WithdrawOutgoingPayment(
                pb.WithdrawOutgoingPaymentRequest(
                    tenant_id=scope,
                    outgoing_payment_id=payment_id,
                    idempotency_key=input.idempotency_key,
                )
            )
        else:
            raise _invalid_event("this event asks for no withdrawal of a payment")
        return _DONE


async def _event(info: Info, event_id: str) -> tuple[str, str]:
    """The type of an event and the id of the payment that it is about."""
    event = await info.context.clients.events.GetWebhookEvent(
        event_service_pb2.GetWebhookEventRequest(tenant_id=info.context.scope(), id=event_id)
    )
    payment_id = event.data["id"] if "id" in event.data else None  # noqa: SIM401 - a Struct has no get
    if not isinstance(payment_id, str):
        raise _invalid_event("this event names no payment")
    return event.type, payment_id


def _invalid_event(message: str) -> InvalidArgument:
    return InvalidArgument("INVALID_FIELD", message, field="eventId")


def _timeout(seconds: UInt64) -> int:
    """The contract's seconds; raises InvalidArgument beyond what a ledger can keep."""
    if seconds > UINT32_MAX:
        raise InvalidArgument(
            "INVALID_FIELD", f"timeoutSeconds is at most {UINT32_MAX}", field="timeoutSeconds"
        )
    return int(seconds)
