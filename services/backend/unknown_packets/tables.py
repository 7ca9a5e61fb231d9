"""The list of packets whose outcome is unknown, and how far the ledger has been searched."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    SmallInteger,
    String,
    Table,
    Uuid,
    text,
)

from services.backend.schema.columns import Units, metadata

# The money is in the ledger, which also decides how an entry is resolved: a row is a view of it.
unknown_packets = Table(
    "unknown_packets",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("packet_id", Uuid, nullable=False, unique=True),
    Column("tenant_id", Uuid, ForeignKey("tenants.id"), nullable=False),
    Column("peer_id", Uuid, ForeignKey("peers.id"), nullable=False),
    Column("outgoing_payment_id", Uuid, ForeignKey("outgoing_payments.id")),
    Column("incoming_peer_id", Uuid, ForeignKey("peers.id")),
    Column("asset_id", Uuid, ForeignKey("assets.id"), nullable=False),
    Column("amount", Units, nullable=False),
    Column("reserved_at", DateTime(timezone=True), nullable=False),
    Column("entered_at", DateTime(timezone=True), nullable=False),
    Column("resolution", String),
    Column("resolved_at", DateTime(timezone=True)),
    CheckConstraint("resolution IN ('PEER', 'SOURCE')", name="resolution_known"),
    CheckConstraint(
        "(outgoing_payment_id IS NULL) <> (incoming_peer_id IS NULL)", name="one_payer"
    ),
)
Index("ix_unknown_packets_tenant_id_id", unknown_packets.c.tenant_id, unknown_packets.c.id)
Index(
    "ix_unknown_packets_open",
    unknown_packets.c.id,
    postgresql_where=text("resolution IS NULL"),
)
Index(
    "ix_unknown_packets_outgoing_payment_id",
    unknown_packets.c.outgoing_payment_id,
    postgresql_where=text("outgoing_payment_id IS NOT NULL"),
)

# One row: reservations of packets up to this timestamp of the ledger were looked at.
unknown_packets_searched = Table(
    "unknown_packets_searched",
    metadata,
    Column("id", SmallInteger, primary_key=True),
    Column("ledger_timestamp", BigInteger, nullable=False),
)
