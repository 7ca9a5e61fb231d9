"""Events of the node, as webhooks and as a feed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened, told once to each recipient that accepts it."""

    id: UUID
    tenant_id: UUID
    type: str
    """Such as `outgoing_payment.created`."""
    data: dict[str, Any]
    ordering_key: str
    """Events with the same key are delivered in their order: the payment's id."""
    created_at: datetime
