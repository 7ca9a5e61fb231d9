"""Events of the node, as webhooks and as a feed."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from ilpkit.money import Asset


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """What an event is to tell; fields as in Event."""

    tenant_id: UUID
    type: str
    data: dict[str, Any]
    resource_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """An event that is being written."""

    id: UUID
    told: Happening


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened, told to its tenant."""

    id: UUID
    tenant_id: UUID
    type: str
    """Such as `outgoing_payment.created`."""
    data: dict[str, Any]
    resource_id: UUID
    """The payment or account that it is about; events of one are delivered in their order."""
    created_at: datetime
    feed_position: int | None
    """Its place in the feed; None until a reader of the feed came by."""


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    PENDING = "PENDING"
    DELIVERED = "DELIVERED"
    PARKED = "PARKED"
    """Its attempts are used up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventDelivery:
    """One delivery of an event."""

    id: UUID
    event_id: UUID
    state: DeliveryState
    attempts: int
    last_status: int | None
    last_error: str | None
    next_attempt_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventView:
    """An event with its deliveries."""

    event: Event
    deliveries: list[EventDelivery]


def amount_data(value: int, unit: Asset) -> dict[str, Any]:
    """An amount as events tell it."""
    return {"value": str(value), "assetCode": unit.code, "assetScale": unit.scale}
