"""Events, and their deliveries."""

from servicekit.idempotency import idempotency_table
from servicekit.outbox_tables import outbox_table
from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Sequence,
    String,
    Table,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

from services.backend.schema.columns import metadata

webhook_events = Table(
    "webhook_events",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("position", BigInteger, Identity(always=True), nullable=False),
    Column("tenant_id", Uuid, ForeignKey("tenants.id"), nullable=False),
    Column("type", String, nullable=False),
    Column("data", JSONB, nullable=False),
    # The payment or account that it is about.
    Column("resource_id", Uuid, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    # The event's place in the feed, given by the first reader that comes by: see repository.
    Column("feed_position", BigInteger),
)
Index("ix_webhook_events_resource_id", webhook_events.c.resource_id)
Index("ix_webhook_events_tenant_id_id", webhook_events.c.tenant_id, webhook_events.c.id)
# The feed: what has its place, and what waits for one.
_PLACED = webhook_events.c.feed_position.is_not(None)
Index(
    "uq_webhook_events_feed_position",
    webhook_events.c.feed_position,
    unique=True,
    postgresql_where=_PLACED,
)
Index(
    "ix_webhook_events_tenant_id_feed_position",
    webhook_events.c.tenant_id,
    webhook_events.c.feed_position,
    postgresql_where=_PLACED,
)
Index(
    "ix_webhook_events_unplaced",
    webhook_events.c.position,
    postgresql_where=webhook_events.c.feed_position.is_(None),
)
feed_positions = Sequence("webhook_event_feed_positions", metadata=metadata, data_type=BigInteger)

webhook_deliveries = outbox_table(metadata, "webhook_deliveries")
Index("ix_webhook_deliveries_event", webhook_deliveries.c.payload["id"].astext)
idempotency_keys = idempotency_table(metadata)
