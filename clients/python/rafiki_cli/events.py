"""The feed of events, and webhooks that are to be delivered again."""

import json
from typing import Annotated, Any, Final

import typer
from rafiki.admin.v1 import event_service_pb2 as pb
from rafiki_client import Node, follow, newest, pages

from rafiki_cli.output import Columns, as_json, moment, show_all, show_one, state
from rafiki_cli.running import Format, Session, run

app = typer.Typer(no_args_is_help=True, help="What happened, and the webhooks that tell of it.")


def deliveries(event: pb.WebhookEvent) -> str:
    """Where its webhooks stand."""
    return "; ".join(
        f"{state(pb.DeliveryState, each.state)} after {each.attempts}"
        + (f": {each.last_error}" if each.last_error else "")
        for each in event.deliveries
    )


def subject(event: pb.WebhookEvent) -> str:
    """The id of what it is about."""
    value = event.data.fields.get("id")
    return value.string_value if value is not None else ""


_EVENT: Final[Columns] = {
    "at": lambda event: moment(event.created_at),
    "type": lambda event: event.type,
    "about": subject,
    "id": lambda event: event.id,
    "webhooks": deliveries,
}


@app.command("follow")
def follow_events(
    context: typer.Context,
    cursor: Annotated[
        str | None, typer.Option(help="Go on after this one; 0 is the oldest. Now when absent.")
    ] = None,
    kind: Annotated[
        list[str] | None, typer.Option("--type", help="Only events of this type; repeatable.")
    ] = None,
    count: Annotated[int | None, typer.Option(min=1, help="End after so many.")] = None,
) -> None:
    """Print events as they happen, a line each, until Ctrl-C or `--count`."""

    async def work(node: Node, session: Session) -> None:
        tenant = session.tenant
        start = cursor if cursor is not None else await newest(node.events, tenant_id=tenant)
        left = count
        async for batch in follow(node.events, cursor=start, tenant_id=tenant):
            for event in batch.events:
                if kind and event.type not in kind:
                    continue
                typer.echo(_line(event, session))
                if left is not None:
                    left -= 1
                    if left == 0:
                        return

    run(context, work)


@app.command("list")
def list_events(
    context: typer.Context,
    kind: Annotated[
        list[str] | None, typer.Option("--type", help="Only events of this type; repeatable.")
    ] = None,
    parked: Annotated[
        bool, typer.Option("--parked", help="Only those with a webhook that was given up.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="Most events.")] = 20,
) -> None:
    """The newest events with their webhooks."""

    async def work(node: Node, session: Session) -> None:
        request = pb.ListWebhookEventsRequest(tenant_id=session.tenant, types=kind)
        shown: list[Any] = []
        async for event in pages(node.events.ListWebhookEvents, request):
            if len(shown) == limit:
                break
            if not parked or is_parked(event):
                shown.append(event)
        show_all(session, shown, _EVENT)

    run(context, work)


@app.command("show")
def show_event(
    context: typer.Context, event_id: Annotated[str, typer.Argument(help="UUID.")]
) -> None:
    """One event with its data."""

    async def work(node: Node, session: Session) -> None:
        request = pb.GetWebhookEventRequest(tenant_id=session.tenant, id=event_id)
        data: Columns = {"data": lambda event: json.dumps(as_json(event.data), indent=2)}
        show_one(session, await node.events.GetWebhookEvent(request), {**_EVENT, **data})

    run(context, work)


@app.command("replay")
def replay_event(
    context: typer.Context, event_id: Annotated[str, typer.Argument(help="UUID.")]
) -> None:
    """Deliver an event again, also when its attempts are used up."""

    async def work(node: Node, session: Session) -> None:
        request = pb.ReplayWebhookEventRequest(tenant_id=session.tenant, id=event_id)
        show_one(session, await node.events.ReplayWebhookEvent(request), _EVENT)

    run(context, work)


def is_parked(event: pb.WebhookEvent) -> bool:
    """Whether a delivery of it was given up."""
    return any(each.state == pb.DELIVERY_STATE_PARKED for each in event.deliveries)


def _line(event: pb.WebhookEvent, session: Session) -> str:
    if session.output is Format.JSON:
        return json.dumps(as_json(event), ensure_ascii=False)
    return f"{moment(event.created_at)}  {event.type:32} {subject(event)}"
