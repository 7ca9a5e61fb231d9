"""Events that were written: found again, with their deliveries, and delivered again."""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from servicekit.database import Database, ReadSession, WriteSession
from servicekit.outbox import NewDelivery, Outbox
from servicekit.paging import Page, PageQuery

from services.backend.events import repository
from services.backend.events.errors import unknown_event
from services.backend.events.model import DeliveryState, Event, EventDelivery


class WebhookLimits(Protocol):
    """What a tenant allows."""

    def attempts_max(self, tenant_id: UUID) -> int:
        """Attempts after which a delivery is parked."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class EventView:
    """An event with its deliveries."""

    event: Event
    deliveries: list[EventDelivery]


class EventHistory:
    """Reads and replays events."""

    def __init__(self, *, database: Database, outbox: Outbox, limits: WebhookLimits) -> None:
        self._database = database
        self._outbox = outbox
        self._limits = limits

    async def page(
        self, query: PageQuery, *, tenant_id: UUID | None, types: list[str]
    ) -> tuple[Page[Event], list[EventView]]:
        """A page of events, newest first."""
        async with self._database.read() as session:
            page = await repository.page(session, query, tenant_id=tenant_id, types=types)
            found = await repository.deliveries(session, [event.id for event in page.items])
        views = [EventView(event=event, deliveries=found[event.id]) for event in page.items]
        return page, views

    async def get(self, event_id: UUID, *, tenant_id: UUID | None) -> EventView:
        """One event; raises NotFound."""
        async with self._database.read() as session:
            return await self._view(session, event_id, tenant_id)

    async def replay(
        self, session: WriteSession, event_id: UUID, *, tenant_id: UUID | None
    ) -> EventView:
        """Deliver an event again; raises NotFound.

        A parked delivery is opened again in its old place. One that was delivered gets another
        delivery, after those that wait now. One that waits already is left alone.
        """
        view = await self._view(session, event_id, tenant_id)
        parked = [d.id for d in view.deliveries if d.state is DeliveryState.PARKED]
        if parked:
            await self._outbox.replay(session, parked)
        elif all(d.state is DeliveryState.DELIVERED for d in view.deliveries):
            await self._outbox.add(session, [self._delivery(view.event)])
        return await self._view(session, event_id, tenant_id)

    def _delivery(self, event: Event) -> NewDelivery:
        return NewDelivery(
            lane=str(event.tenant_id),
            ordering_key=str(event.resource_id),
            payload={"id": str(event.id), "type": event.type, "data": event.data},
            attempts_max=self._limits.attempts_max(event.tenant_id),
        )

    @staticmethod
    async def _view(session: ReadSession, event_id: UUID, tenant_id: UUID | None) -> EventView:
        event = await repository.get(session, event_id, tenant_id)
        if event is None:
            raise unknown_event(event_id)
        found = await repository.deliveries(session, [event_id])
        return EventView(event=event, deliveries=found[event_id])
