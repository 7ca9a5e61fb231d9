"""Outgoing payments, and what has been spent under each grant."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from services.backend.schema.columns import Units, metadata

outgoing_payments = Table(
    "outgoing_payments",
    metadata,
    # The quote's id: a quote is used once because an id is used once.
    Column("id", Uuid, ForeignKey("quotes.id"), primary_key=True),
    Column("tenant_id", Uuid, ForeignKey("tenants.id"), nullable=False),
    Column("wallet_address_id", Uuid, ForeignKey("wallet_addresses.id"), nullable=False),
    Column("client", String),
    Column("grant_id", String),
    # Start of the grant's interval that this payment was counted in.
    Column("grant_interval_start", DateTime(timezone=True)),
    Column("state", String, nullable=False),
    Column("error", String),
    Column("metadata", JSONB),
    Column("data_to_transmit", LargeBinary),
    # Written when an attempt ends; while packets fly, the ledger knows.
    Column("sent_amount", Units, nullable=False, server_default=text("0")),
    Column("delivered_amount", Units, nullable=False, server_default=text("0")),
    # How many attempts in this state failed.
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    # How often a worker took the payment: whoever took it last may write about it.
    Column("claims", Integer, nullable=False, server_default=text("0")),
    # When a worker may take the payment, and until when the one that took it may keep it. One that
    # ended is due when its ledger account has changed since, or may have.
    Column("due_at", DateTime(timezone=True)),
    Column("lease_until", DateTime(timezone=True)),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    CheckConstraint(
        "state IN ('FUNDING', 'SENDING', 'COMPLETED', 'FAILED', 'CANCELLED')", name="state_known"
    ),
)
Index(
    "ix_outgoing_payments_wallet_address_id_id",
    outgoing_payments.c.wallet_address_id,
    outgoing_payments.c.id,
)
Index("ix_outgoing_payments_tenant_id_id", outgoing_payments.c.tenant_id, outgoing_payments.c.id)
# The worker's question: which payments are due.
Index(
    "ix_outgoing_payments_due",
    outgoing_payments.c.due_at,
    postgresql_where=text("due_at IS NOT NULL"),
)

# One row a grant and interval: reserved when a payment is created, corrected when it ends.
grant_spending = Table(
    "grant_spending",
    metadata,
    Column("grant_id", String, primary_key=True),
    # The interval's start; the epoch for a grant without an interval.
    Column("interval_start", DateTime(timezone=True), primary_key=True),
    Column("debit_asset_code", String(255), nullable=False),
    Column("debit_asset_scale", SmallInteger, nullable=False),
    Column("receive_asset_code", String(255), nullable=False),
    Column("receive_asset_scale", SmallInteger, nullable=False),
    Column("debit_spent", Units, nullable=False),
    Column("receive_spent", Units, nullable=False),
)
