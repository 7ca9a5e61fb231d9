"""Deliver an event again."""

from dataclasses import dataclass
from uuid import UUID

from servicekit.commands import Command
from servicekit.database import WriteSession
from servicekit.outbox import NewDelivery, Outbox

from services.backend.events.model import DeliveryState, Event, EventView
from services.backend.events.queries import view_of
from services.backend.events.writer import WebhookLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class EventToReplay:
    """Which one; None means any tenant."""

    event_id: UUID
    tenant_id: UUID | None


class ReplayEvent(Command[EventToReplay, None, EventView]):
    """Raises NotFound."""

    reading_leaves_nothing = True

    def __init__(self, *, outbox: Outbox, limits: WebhookLimits) -> None:
        self._outbox = outbox
        self._limits = limits

    async def write(self, session: WriteSession, given: EventToReplay, facts: None) -> EventView:
        """Its delivery.

        A parked delivery is opened again in its old place. One that was delivered gets another
        delivery, after those that wait now. One that waits already is left alone.
        """
        del facts
        view = await view_of(session, given.event_id, given.tenant_id)
        parked = [each.id for each in view.deliveries if each.state is DeliveryState.PARKED]
        if parked:
            await self._outbox.replay(session, parked)
        elif all(each.state is DeliveryState.DELIVERED for each in view.deliveries):
            await self._outbox.add(session, [self._delivery(view.event)])
        return await view_of(session, given.event_id, given.tenant_id)

    def _delivery(self, event: Event) -> NewDelivery:
        return NewDelivery(
            lane=str(event.tenant_id),
            ordering_key=str(event.resource_id),
            payload={"id": str(event.id), "type": event.type, "data": event.data},
            attempts_max=self._limits.attempts_max(event.tenant_id),
        )
