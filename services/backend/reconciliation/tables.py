"""How far books were compared, and what did not agree."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    SmallInteger,
    String,
    Table,
    Uuid,
    text,
)

from services.backend.schema.columns import BigUnits, metadata

# Accounts that money passes through: up to this transfer their totals are the sum of all.
reconciled_accounts = Table(
    "reconciled_accounts",
    metadata,
    Column("account_id", Uuid, primary_key=True),
    Column("ledger_timestamp", BigInteger, nullable=False),
    Column("debits", BigUnits, nullable=False),
    Column("credits", BigUnits, nullable=False),
)

# One row: the payments that events up to this one tell of were compared.
reconciled_events = Table(
    "reconciled_events",
    metadata,
    Column("id", SmallInteger, primary_key=True),
    Column("event_id", Uuid, nullable=False),
)

book_differences = Table(
    "book_differences",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("kind", String, nullable=False),
    Column("subject_id", Uuid, nullable=False),
    Column("expected", BigUnits, nullable=False),
    Column("found", BigUnits, nullable=False),
    Column("transfer_id", Uuid),
    Column("transfer_timestamp", BigInteger),
    Column("found_at", DateTime(timezone=True), nullable=False),
    Column("resolved_at", DateTime(timezone=True)),
    CheckConstraint("kind IN ('ACCOUNT', 'SENT', 'RECEIVED', 'EVENT')", name="kind_known"),
)
Index(
    "uq_book_differences_open",
    book_differences.c.kind,
    book_differences.c.subject_id,
    unique=True,
    postgresql_where=text("resolved_at IS NULL"),
)
