"""Events and their webhooks, put together."""

from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

from servicekit.clock import Clock
from servicekit.database import Database
from servicekit.ids import IdSource
from servicekit.metrics import StoreReading
from servicekit.outbox import Outbox
from servicekit.outbox_worker import OutboxLimits, OutboxWorker

from services.backend.clients.http import Sessions
from services.backend.events.commands.replay_event import ReplayEvent
from services.backend.events.feed import EventFeed
from services.backend.events.queries import EventQueries
from services.backend.events.tables import webhook_deliveries
from services.backend.events.worker import WebhookSender, WebhookTargets, retry_delay
from services.backend.events.writer import EventWriter, WebhookLimits

WEBHOOK_CHANNEL: Final = "rafiki_webhook"


class TenantWebhooks(WebhookTargets, WebhookLimits, Protocol):
    """Where a tenant's webhooks go, and what it allows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """Everything that can be done with events."""

    writer: EventWriter
    feed: EventFeed
    queries: EventQueries
    replay: ReplayEvent
    outbox: Outbox
    worker: OutboxWorker | None
    """None in a process that delivers none."""
    backlog: StoreReading
    """What is still to be delivered, by all processes."""


def build(
    *,
    database: Database,
    sessions: Sessions,
    tenants: TenantWebhooks,
    secret: str | None,
    signature_version: int,
    in_flight_max: int,
    clock: Clock,
    ids: IdSource,
) -> Events:
    """Wire them."""
    outbox = Outbox(table=webhook_deliveries, channel=WEBHOOK_CHANNEL, clock=clock, ids=ids)
    sender = WebhookSender(
        sessions=sessions,
        targets=tenants,
        clock=clock,
        secret=secret,
        signature_version=signature_version,
    )
    worker = OutboxWorker(
        database=database,
        outbox=outbox,
        deliver=sender.deliver,
        retry_delay=retry_delay,
        clock=clock,
        ids=ids,
        limits=OutboxLimits(
            concurrent_max=in_flight_max, lane_concurrent_max=max(1, in_flight_max // 2)
        ),
    )
    return Events(
        writer=EventWriter(outbox=outbox, limits=tenants, clock=clock, ids=ids),
        feed=EventFeed(database=database, clock=clock),
        queries=EventQueries(database=database),
        replay=ReplayEvent(outbox=outbox, limits=tenants),
        outbox=outbox,
        worker=worker if in_flight_max else None,
        backlog=StoreReading(
            (
                ("rafiki_webhooks_open", "webhooks of this node that are not delivered yet"),
                ("rafiki_webhook_lag_seconds", "since the first of them was due"),
            ),
            partial(outbox.backlog, database),
        ),
    )
