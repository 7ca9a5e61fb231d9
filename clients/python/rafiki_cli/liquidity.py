"""Money in and out of the node: deposits and withdrawals."""

import uuid
from collections.abc import Awaitable
from typing import Annotated, Any, Final

import typer
from rafiki.admin.v1 import asset_service_pb2 as asset_pb
from rafiki.admin.v1 import liquidity_service_pb2 as pb
from rafiki.admin.v1 import peer_service_pb2 as peer_pb
from rafiki_client import Node

from rafiki_cli.output import Columns, show_json, show_one, units
from rafiki_cli.running import Format, Session, run

deposit = typer.Typer(no_args_is_help=True, help="Bring money in.")
withdraw = typer.Typer(no_args_is_help=True, help="Take money out.")

Id = Annotated[str, typer.Argument(help="UUID.")]
AmountText = Annotated[str, typer.Argument(help="In the asset, such as 12.05.")]
TransferId = Annotated[
    str | None,
    typer.Option("--id", help="UUID of the transfer, which makes a repeat harmless; a new one."),
]
Timeout = Annotated[
    int,
    typer.Option(min=0, help="Seconds to `post` or `void` it in; 0 withdraws at once."),
]
_TRANSFER: Final[Columns] = {
    "id": lambda transfer: transfer.id,
    "account": lambda transfer: transfer.account_id,
    "units": lambda transfer: transfer.amount,
    "pending": lambda transfer: f"{transfer.timeout_seconds} s" if transfer.timeout_seconds else "",
}


@deposit.command("asset")
def deposit_asset(
    context: typer.Context, asset_id: Id, amount: AmountText, transfer_id: TransferId = None
) -> None:
    """Add to the node's liquidity in an asset."""

    async def work(node: Node, session: Session) -> None:
        transfer = transfer_id or str(uuid.uuid4())
        request = pb.DepositAssetLiquidityRequest(
            tenant_id=session.tenant,
            id=transfer,
            asset_id=asset_id,
            amount=await _asset_units(node, session, asset_id, amount),
            idempotency_key=transfer,
        )
        await _show(session, node.liquidity.DepositAssetLiquidity(request))

    run(context, work)


@deposit.command("peer")
def deposit_peer(
    context: typer.Context, peer_id: Id, amount: AmountText, transfer_id: TransferId = None
) -> None:
    """Add to a peer's liquidity."""

    async def work(node: Node, session: Session) -> None:
        transfer = transfer_id or str(uuid.uuid4())
        request = pb.DepositPeerLiquidityRequest(
            tenant_id=session.tenant,
            id=transfer,
            peer_id=peer_id,
            amount=await _peer_units(node, session, peer_id, amount),
            idempotency_key=transfer,
        )
        await _show(session, node.liquidity.DepositPeerLiquidity(request))

    run(context, work)


@deposit.command("payment")
def deposit_payment(context: typer.Context, payment_id: Id) -> None:
    """Fund an outgoing payment with its whole debit amount; it is sent from then on."""

    async def work(node: Node, session: Session) -> None:
        request = pb.DepositOutgoingPaymentLiquidityRequest(
            tenant_id=session.tenant, outgoing_payment_id=payment_id
        )
        await node.liquidity.DepositOutgoingPaymentLiquidity(request)
        _say(session, payment_id, "funded")

    run(context, work)


@withdraw.command("asset")
def withdraw_asset(
    context: typer.Context,
    asset_id: Id,
    amount: AmountText,
    timeout: Timeout = 0,
    transfer_id: TransferId = None,
) -> None:
    """Take from the node's liquidity in an asset."""

    async def work(node: Node, session: Session) -> None:
        transfer = transfer_id or str(uuid.uuid4())
        request = pb.WithdrawAssetLiquidityRequest(
            tenant_id=session.tenant,
            id=transfer,
            asset_id=asset_id,
            amount=await _asset_units(node, session, asset_id, amount),
            timeout_seconds=timeout,
            idempotency_key=transfer,
        )
        await _show(session, node.liquidity.WithdrawAssetLiquidity(request))

    run(context, work)


@withdraw.command("peer")
def withdraw_peer(
    context: typer.Context,
    peer_id: Id,
    amount: AmountText,
    timeout: Timeout = 0,
    transfer_id: TransferId = None,
) -> None:
    """Take from a peer's liquidity."""

    async def work(node: Node, session: Session) -> None:
        transfer = transfer_id or str(uuid.uuid4())
        request = pb.WithdrawPeerLiquidityRequest(
            tenant_id=session.tenant,
            id=transfer,
            peer_id=peer_id,
            amount=await _peer_units(node, session, peer_id, amount),
            timeout_seconds=timeout,
            idempotency_key=transfer,
        )
        await _show(session, node.liquidity.WithdrawPeerLiquidity(request))

    run(context, work)


@withdraw.command("incoming-payment")
def withdraw_incoming(context: typer.Context, payment_id: Id, timeout: Timeout = 0) -> None:
    """Take what a completed or expired incoming payment received."""

    async def work(node: Node, session: Session) -> None:
        request = pb.WithdrawIncomingPaymentRequest(
            tenant_id=session.tenant, incoming_payment_id=payment_id, timeout_seconds=timeout
        )
        await _show(session, node.liquidity.WithdrawIncomingPayment(request))

    run(context, work)


@withdraw.command("outgoing-payment")
def withdraw_outgoing(context: typer.Context, payment_id: Id, timeout: Timeout = 0) -> None:
    """Take what a completed or failed outgoing payment left over."""

    async def work(node: Node, session: Session) -> None:
        request = pb.WithdrawOutgoingPaymentRequest(
            tenant_id=session.tenant, outgoing_payment_id=payment_id, timeout_seconds=timeout
        )
        await _show(session, node.liquidity.WithdrawOutgoingPayment(request))

    run(context, work)


@withdraw.command("wallet-address")
def withdraw_wallet_address(
    context: typer.Context, wallet_address_id: Id, timeout: Timeout = 0
) -> None:
    """Take what a wallet address received without a payment."""

    async def work(node: Node, session: Session) -> None:
        request = pb.WithdrawWalletAddressRequest(
            tenant_id=session.tenant,
            id=str(uuid.uuid4()),
            wallet_address_id=wallet_address_id,
            timeout_seconds=timeout,
        )
        await _show(session, node.liquidity.WithdrawWalletAddress(request))

    run(context, work)


@withdraw.command("post")
def post(context: typer.Context, withdrawal_id: Id) -> None:
    """Finish a withdrawal in two phases."""

    async def work(node: Node, session: Session) -> None:
        await node.liquidity.PostWithdrawal(
            pb.PostWithdrawalRequest(tenant_id=session.tenant, withdrawal_id=withdrawal_id)
        )
        _say(session, withdrawal_id, "posted")

    run(context, work)


@withdraw.command("void")
def void(context: typer.Context, withdrawal_id: Id) -> None:
    """Give a withdrawal in two phases up."""

    async def work(node: Node, session: Session) -> None:
        await node.liquidity.VoidWithdrawal(
            pb.VoidWithdrawalRequest(tenant_id=session.tenant, withdrawal_id=withdrawal_id)
        )
        _say(session, withdrawal_id, "voided")

    run(context, work)


async def _asset_units(node: Node, session: Session, asset_id: str, text: str) -> int:
    request = asset_pb.GetAssetRequest(tenant_id=session.tenant, id=asset_id)
    return units(text, (await node.assets.GetAsset(request)).scale)


async def _peer_units(node: Node, session: Session, peer_id: str, text: str) -> int:
    request = peer_pb.GetPeerRequest(tenant_id=session.tenant, id=peer_id)
    return units(text, (await node.peers.GetPeer(request)).asset.scale)


async def _show(session: Session, call: Awaitable[Any]) -> None:
    show_one(session, await call, _TRANSFER)


def _say(session: Session, identifier: str, what: str) -> None:
    if session.output is Format.JSON:
        show_json({"id": identifier, "state": what})
    else:
        typer.echo(f"{identifier} {what}")
