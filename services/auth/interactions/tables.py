"""Table of interactions."""

from sqlalchemy import CheckConstraint, Column, DateTime, ForeignKey, Table, Text, Uuid

from services.auth.schema.metadata import metadata

interactions = Table(
    "interactions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("grant_id", Uuid, ForeignKey("grants.id"), nullable=False, unique=True),
    Column("nonce", Text, nullable=False),
    Column("ref", Text, nullable=False, unique=True),
    Column("state", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("decided_at", DateTime(timezone=True)),
    CheckConstraint("state IN ('PENDING', 'APPROVED', 'DENIED')", name="known_state"),
    CheckConstraint("(state = 'PENDING') = (decided_at IS NULL)", name="decided_when_final"),
)
