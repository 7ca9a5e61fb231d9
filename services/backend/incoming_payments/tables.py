"""Incoming payments. What was received stands in the ledger, not here, until the payment ends."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    String,
    Table,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from services.backend.schema.columns import Units, metadata

incoming_payments = Table(
    "incoming_payments",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("tenant_id", Uuid, ForeignKey("tenants.id"), nullable=False),
    Column("wallet_address_id", Uuid, ForeignKey("wallet_addresses.id"), nullable=False),
    Column("client", String),
    Column("initiated_by", String, nullable=False),
    Column("state", String, nullable=False),
    Column("incoming_amount", Units),
    # The final total, written once when the payment ends; NULL while the ledger still counts.
    Column("received_amount", Units),
    Column("metadata", JSONB),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("approved_at", DateTime(timezone=True)),
    Column("cancelled_at", DateTime(timezone=True)),
    Column("cancellation_reason", String),
    CheckConstraint("state IN ('PENDING', 'COMPLETED', 'EXPIRED')", name="state_known"),
)
Index(
    "ix_incoming_payments_wallet_address_id_id",
    incoming_payments.c.wallet_address_id,
    incoming_payments.c.id,
)
Index("ix_incoming_payments_tenant_id_id", incoming_payments.c.tenant_id, incoming_payments.c.id)
# The worker's question: which open payments are past their expiry.
Index(
    "ix_incoming_payments_open_expiry",
    incoming_payments.c.expires_at,
    postgresql_where=text("state = 'PENDING'"),
)
