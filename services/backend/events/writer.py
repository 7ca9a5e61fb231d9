"""Writes events in the transaction of what happened, with a delivery to each recipient."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from servicekit.clock import Clock
from servicekit.database import WriteSession
from servicekit.ids import IdSource
from servicekit.outbox import NewDelivery, Outbox

from services.backend.events import repository
from services.backend.events.model import Happening, NewEvent


class WebhookLimits(Protocol):
    """What a tenant allows."""

    def attempts_max(self, tenant_id: UUID) -> int:
        """Attempts after which a delivery is parked."""
        ...


class EventWriter:
    """Tells what happened; what that looks like is up to the feature in which it did."""

    def __init__(
        self, *, outbox: Outbox, limits: WebhookLimits, clock: Clock, ids: IdSource
    ) -> None:
        self._outbox = outbox
        self._limits = limits
        self._clock = clock
        self._ids = ids

    async def write(self, session: WriteSession, *happenings: Happening) -> None:
        """An event of each, in this order."""
        if not happenings:
            return
        events = [NewEvent(id=self._ids.uuid(), told=happening) for happening in happenings]
        repository.add(session, events, created_at=self._clock.now())
        await self._outbox.add(session, self._deliveries(events))

    def _deliveries(self, events: Sequence[NewEvent]) -> list[NewDelivery]:
        return [
            NewDelivery(
                lane=str(event.told.tenant_id),
                ordering_key=str(event.told.resource_id),
                payload={"id": str(event.id), "type": event.told.type, "data": event.told.data},
                attempts_max=self._limits.attempts_max(event.told.tenant_id),
            )
            for event in events
        ]
