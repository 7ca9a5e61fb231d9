"""What can be asked about events that were written."""

from uuid import UUID

from servicekit.database import Database, ReadSession
from servicekit.paging import Page, PageQuery

from services.backend.events import repository
from services.backend.events.errors import unknown_event
from services.backend.events.model import Event, EventView


class EventQueries:
    """Reads events with their deliveries."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

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
            return await view_of(session, event_id, tenant_id)


async def view_of(session: ReadSession, event_id: UUID, tenant_id: UUID | None) -> EventView:
    """One event, in a session; raises NotFound."""
    event = await repository.get(session, event_id, tenant_id)
    if event is None:
        raise unknown_event(event_id)
    found = await repository.deliveries(session, [event_id])
    return EventView(event=event, deliveries=found[event_id])
