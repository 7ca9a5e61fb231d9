"""What events add to a process."""

from servicekit.commands import Commands
from servicekit.parts import Part, waking

from services.backend.events.build import WEBHOOK_CHANNEL, Events
from services.backend.events.servicer import EventServicer, WebhookTargets
from services.backend.tenants.scope import Scopes


def part(events: Events, *, targets: WebhookTargets, commands: Commands, scopes: Scopes) -> Part:
    """Their RPCs and deliveries."""
    worker = events.worker

    def wake(notice: str) -> None:
        if worker is not None:
            worker.heard(notice)
        events.feed.wake()

    return Part(
        servicers=[
            EventServicer(
                feed=events.feed,
                queries=events.queries,
                replay=events.replay,
                targets=targets,
                commands=commands,
                scopes=scopes,
            )
        ],
        workers={} if worker is None else {"webhooks": worker.run},
        channels=waking(WEBHOOK_CHANNEL, wake),
        housekeeping=[events.outbox.housekeeping],
        measures=[events.backlog] if worker is None else [events.backlog, worker.attempts],
    )
