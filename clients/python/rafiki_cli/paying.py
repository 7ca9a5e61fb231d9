"""`rafiki pay`: makes a payment, and watches it to its end."""

import uuid
from typing import Annotated, Any, Final

import typer
from rafiki.admin.v1 import payment_service_pb2 as pb
from rafiki.admin.v1 import wallet_address_service_pb2 as wallet_pb
from rafiki.common.v1.money_pb2 import Amount
from rafiki_client import Node, follow, newest

from rafiki_cli.events import subject
from rafiki_cli.output import Columns, amount, show_one, state, units
from rafiki_cli.running import ExitCode, Format, Session, run

ENDED: Final = (
    pb.OUTGOING_PAYMENT_STATE_COMPLETED,
    pb.OUTGOING_PAYMENT_STATE_FAILED,
    pb.OUTGOING_PAYMENT_STATE_CANCELLED,
)
OUTGOING: Final[Columns] = {
    "id": lambda payment: payment.id,
    "state": lambda payment: state(pb.OutgoingPaymentState, payment.state),
    "error": lambda payment: payment.error,
    "sent": lambda payment: amount(payment.sent_amount),
    "debit": lambda payment: amount(payment.debit_amount),
    "deliver": lambda payment: amount(payment.receive_amount),
    "receiver": lambda payment: payment.receiver,
}


def pay(
    context: typer.Context,
    sender: Annotated[str, typer.Argument(help="URL of a wallet address of this node.")],
    receiver: Annotated[
        str, typer.Argument(help="URL of a wallet address, or of an incoming payment, anywhere.")
    ],
    sent: Annotated[
        str | None,
        typer.Argument(
            metavar="[AMOUNT]",
            help="What to debit, in the sender's asset, such as 12.05; what an incoming payment"
            " asks for when absent.",
        ),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(help="Idempotency key: the same command again pays once. A new one."),
    ] = None,
    wait: Annotated[bool, typer.Option(help="Watch the payment until it has ended.")] = True,
) -> None:
    """Pay, and watch the payment until it has ended; exit code 5 when it did not complete."""
    once = key or str(uuid.uuid4())

    async def work(node: Node, session: Session) -> None:
        typer.echo(f"again with --key {once}, nothing is paid twice", err=True)
        wallet = await node.wallet_addresses.GetWalletAddressByUrl(
            wallet_pb.GetWalletAddressByUrlRequest(tenant_id=session.tenant, url=sender)
        )
        incoming, is_ours = await _incoming(node, session, receiver, once)
        cursor = await newest(node.events, tenant_id=session.tenant)
        payment = await _create(node, session, wallet, incoming.id, sent=sent, once=once)
        if wait:
            payment = await _watch(node, session, payment.id, cursor)
            if is_ours:
                # Nothing more is to come, so that the receiver's bank may book what came.
                request = pb.CompleteReceiverRequest(
                    tenant_id=session.tenant, url=incoming.id, idempotency_key=f"{once}-complete"
                )
                await node.payments.CompleteReceiver(request)
        show_one(session, payment, OUTGOING)
        if wait and payment.state != pb.OUTGOING_PAYMENT_STATE_COMPLETED:
            raise typer.Exit(ExitCode.WENT_WRONG)

    run(context, work)


async def _incoming(node: Node, session: Session, receiver: str, once: str) -> tuple[Any, bool]:
    """The incoming payment to pay, and whether it was made for this payment."""
    if "/incoming-payments/" in receiver:
        given = pb.GetReceiverRequest(tenant_id=session.tenant, url=receiver)
        return await node.payments.GetReceiver(given), False
    made = pb.CreateReceiverRequest(
        tenant_id=session.tenant, wallet_address_url=receiver, idempotency_key=f"{once}-receiver"
    )
    return await node.payments.CreateReceiver(made), True


async def _create(
    node: Node, session: Session, wallet: Any, incoming: str, *, sent: str | None, once: str
) -> Any:
    debit = None
    if sent is not None:
        code, scale = wallet.asset.code, wallet.asset.scale
        debit = Amount(value=units(sent, scale), asset_code=code, asset_scale=scale)
    quote = await node.payments.CreateQuote(
        pb.CreateQuoteRequest(
            tenant_id=session.tenant,
            wallet_address_id=wallet.id,
            receiver=incoming,
            debit_amount=debit,
            idempotency_key=f"{once}-quote",
        )
    )
    return await node.payments.CreateOutgoingPayment(
        pb.CreateOutgoingPaymentRequest(
            tenant_id=session.tenant,
            wallet_address_id=wallet.id,
            quote_id=quote.id,
            idempotency_key=f"{once}-payment",
        )
    )


async def _watch(node: Node, session: Session, payment_id: str, cursor: str) -> Any:
    """The payment once it has ended; its events are printed meanwhile."""
    request = pb.GetOutgoingPaymentRequest(tenant_id=session.tenant, id=payment_id)
    payment = await node.payments.GetOutgoingPayment(request)
    if payment.state in ENDED:
        return payment
    async for batch in follow(node.events, cursor=cursor, tenant_id=session.tenant):
        for event in batch.events:
            if subject(event) == payment_id and session.output is Format.TABLE:
                typer.echo(event.type)
        payment = await node.payments.GetOutgoingPayment(request)
        if payment.state in ENDED:
            return payment
    raise AssertionError("the feed has no end")
