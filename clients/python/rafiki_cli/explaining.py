"""Why: of a route, a quote or a payment, and what happened to a payment."""

from dataclasses import dataclass
from datetime import UTC, datetime
from operator import itemgetter
from typing import Annotated, Any, Final

import typer
from google.protobuf.timestamp_pb2 import Timestamp
from rafiki.admin.v1 import event_service_pb2 as event_pb
from rafiki.admin.v1 import payment_service_pb2 as pb
from rafiki.common.v1.money_pb2 import Amount, Asset
from rafiki.ledger.v1 import ledger_pb2 as ledger_types
from rafiki.ledger.v1 import ledger_service_pb2 as ledger_pb
from rafiki.routing.v1 import routing_service_pb2 as routing_pb
from rafiki_client import Node, pages

from rafiki_cli.events import deliveries, is_parked, subject
from rafiki_cli.output import amount, moment, money, show_all, show_lines, state, units
from rafiki_cli.running import ExitCode, Session, found, run

explain = typer.Typer(no_args_is_help=True, help="Why: of a route, a quote or a payment.")

Id = Annotated[str, typer.Argument(help="UUID.")]
_CODES: Final = {1: "transfer", 2: "deposit", 3: "withdrawal", 4: "allowance", 5: "packet"}
_KINDS: Final = {
    ledger_types.TRANSFER_KIND_PENDING: " reserved",
    ledger_types.TRANSFER_KIND_POST: " posted",
    ledger_types.TRANSFER_KIND_VOID: " given back",
}
_TRANSFERS_MAX: Final = 1000


@explain.command("route")
def explain_route(
    context: typer.Context,
    destination: Annotated[str, typer.Argument(help="ILP address.")],
    sent: Annotated[
        str | None, typer.Option("--amount", help="In the sender's asset, such as 12.05.")
    ] = None,
    asset: Annotated[str, typer.Option(help="The sender's asset: CODE/SCALE.")] = "USD/2",
) -> None:
    """Where packets for an ILP address go; exit code 5 when they would be refused."""
    code, _, scale = asset.partition("/")
    if not scale.isdecimal():
        raise typer.BadParameter(f"{asset} is not like USD/2", param_hint="asset")

    async def work(node: Node, session: Session) -> None:
        limit = None
        if sent is not None:
            value = units(sent, int(scale))
            limit = Amount(value=value, asset_code=code, asset_scale=int(scale))
        answer = await node.routing.ExplainRoute(
            routing_pb.ExplainRouteRequest(
                tenant_id=session.tenant, destination=destination, amount=limit
            )
        )
        verdict = "Packets would be sent." if answer.deliverable else "Packets would be refused."
        show_lines(session, answer, [*answer.steps, verdict])
        if not answer.deliverable:
            raise typer.Exit(ExitCode.WENT_WRONG)

    run(context, work)


@explain.command("quote")
def explain_quote(context: typer.Context, quote_id: Id) -> None:
    """What a quote promises, against the rate of now."""

    async def work(node: Node, session: Session) -> None:
        quote = await node.payments.GetQuote(
            pb.GetQuoteRequest(tenant_id=session.tenant, id=quote_id)
        )
        rate = await _rate(node, session, quote.debit_amount, quote.receive_amount)
        show_lines(session, {"quote": quote, "rate_now": rate}, _quote_lines(quote, rate))

    run(context, work)


@explain.command("payment")
def explain_payment(context: typer.Context, payment_id: Id) -> None:
    """Where an outgoing payment stands, why, and what it waits for."""

    async def work(node: Node, session: Session) -> None:
        request = pb.GetOutgoingPaymentRequest(tenant_id=session.tenant, id=payment_id)
        payment = await node.payments.GetOutgoingPayment(request)
        events = await _events(node, session, payment)
        receiver = await found(
            node.payments.GetReceiver(
                pb.GetReceiverRequest(tenant_id=session.tenant, url=payment.receiver)
            )
        )
        data = {"payment": payment, "receiver": receiver, "events": events}
        show_lines(session, data, _payment_lines(payment, receiver, events))

    run(context, work)


@dataclass(frozen=True, order=True)
class Step:
    """Something that happened to a payment."""

    at: datetime
    what: str
    detail: str


def trace(context: typer.Context, payment_id: Id) -> None:
    """All that happened to a payment, outgoing or incoming: events, webhooks and the ledger."""

    async def work(node: Node, session: Session) -> None:
        payment = await _payment(node, session, payment_id)
        steps = [Step(_time(payment.created_at), "created", payment_id)]
        steps += [
            Step(_time(event.created_at), event.type, deliveries(event))
            for event in await _events(node, session, payment)
        ]
        answer = await node.ledger.ListAccountTransfers(
            ledger_pb.ListAccountTransfersRequest(account_id=payment_id, limit=_TRANSFERS_MAX)
        )
        steps += [_transfer(transfer, payment_id) for transfer in answer.transfers]
        rows = [
            {"at": _text(step.at), "what": step.what, "detail": step.detail}
            for step in sorted(steps)
        ]
        show_all(session, rows, {title: itemgetter(title) for title in ("at", "what", "detail")})

    run(context, work)


async def _payment(node: Node, session: Session, payment_id: str) -> Any:
    outgoing = await found(
        node.payments.GetOutgoingPayment(
            pb.GetOutgoingPaymentRequest(tenant_id=session.tenant, id=payment_id)
        )
    )
    if outgoing is not None:
        return outgoing
    return await node.payments.GetIncomingPayment(
        pb.GetIncomingPaymentRequest(tenant_id=session.tenant, id=payment_id)
    )


async def _events(node: Node, session: Session, payment: Any) -> list[event_pb.WebhookEvent]:
    """The events of a payment, oldest first: none is older than it."""
    of_it: list[event_pb.WebhookEvent] = []
    request = event_pb.ListWebhookEventsRequest(tenant_id=session.tenant)
    async for event in pages(node.events.ListWebhookEvents, request):
        if _time(event.created_at) < _time(payment.created_at):
            break
        if subject(event) == payment.id:
            of_it.append(event)
    return of_it[::-1]


async def _rate(node: Node, session: Session, sold: Amount, bought: Amount) -> Any:
    return await found(
        node.routing.GetRate(
            routing_pb.GetRateRequest(
                tenant_id=session.tenant,
                base=Asset(code=sold.asset_code, scale=sold.asset_scale),
                counter=Asset(code=bought.asset_code, scale=bought.asset_scale),
            )
        )
    )


def _quote_lines(quote: Any, rate: Any) -> list[str]:
    debit, deliver = quote.debit_amount, quote.receive_amount
    lines = [
        f"{amount(debit)} are debited, fees included.",
        f"{amount(deliver)} are delivered to {quote.receiver}.",
        f"It can be used until {moment(quote.expires_at)}.",
    ]
    if rate is not None:
        ratio = rate.rate
        without_fees = debit.value * ratio.numerator // ratio.denominator
        lines.append(
            f"At the rate of {moment(rate.fetched_at)}, without fees and rounding, the same debit"
            f" is worth {money(without_fees, deliver.asset_code, deliver.asset_scale)}."
        )
    return lines


def _payment_lines(payment: Any, receiver: Any, events: list[Any]) -> list[str]:
    name = state(pb.OutgoingPaymentState, payment.state)
    sent, debit = amount(payment.sent_amount), amount(payment.debit_amount)
    lines = [f"{name}: {sent} sent of {debit}, for {amount(payment.receive_amount)} delivered."]
    if payment.state == pb.OUTGOING_PAYMENT_STATE_FUNDING:
        lines.append(
            "It waits for its bank to fund it: the webhook outgoing_payment.created asks for that,"
            f" `rafiki deposit payment {payment.id}` does it by hand."
        )
    if payment.state == pb.OUTGOING_PAYMENT_STATE_SENDING:
        lines.append(f"It was begun {payment.state_attempts + 1} times, and is tried further.")
    if payment.HasField("error"):
        lines.append(f"It failed with: {payment.error}")
    lines += [
        f"Its webhook {event.type} was given up: {deliveries(event)}. After mending the"
        f" receiver: rafiki events replay {event.id}"
        for event in events
        if is_parked(event)
    ]
    if receiver is None:
        lines.append(f"Its receiver {payment.receiver} is not there any more.")
        return lines
    asked = (
        f" of {amount(receiver.incoming_amount)}" if receiver.HasField("incoming_amount") else ""
    )
    is_open = "takes no more money" if receiver.completed else "takes more money"
    lines.append(
        f"Its receiver has {amount(receiver.received_amount)}{asked} and {is_open}"
        f" ({payment.receiver})."
    )
    return lines


def _transfer(transfer: Any, payment_id: str) -> Step:
    gained = transfer.credit_account_id == payment_id
    other = transfer.debit_account_id if gained else transfer.credit_account_id
    sign, way = ("+", "from") if gained else ("-", "to")
    what = f"ledger: {_CODES.get(transfer.code, transfer.code)}{_KINDS.get(transfer.kind, '')}"
    return Step(_time(transfer.applied_at), what, f"{sign}{transfer.amount} {way} {other}")


def _text(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S.%f}"[:-3] + "Z"


def _time(stamp: Timestamp) -> datetime:
    return stamp.ToDatetime(tzinfo=UTC)
