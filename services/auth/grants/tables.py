"""Table of grants.

Access items and subject never change after the request and are read whole, so they live in the
grant's row as JSON: introspection is one join, and a grant can't be half there. `identifiers`
repeats the items' wallet addresses for the administrator's filter.
"""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from services.auth.schema.metadata import metadata

grants = Table(
    "grants",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("tenant_id", Uuid, ForeignKey("tenants.id"), nullable=False),
    Column("client_wallet_address", Text),
    Column("client_jwk", JSONB(none_as_null=True)),
    Column("client_name", Text),
    Column("access", JSONB, nullable=False),
    Column("identifiers", ARRAY(Text), nullable=False),
    Column("subject_ids", JSONB, nullable=False),
    Column("state", Text, nullable=False),
    Column("finalization_reason", Text),
    Column("interactive", Boolean, nullable=False),
    Column("finish_uri", Text),
    Column("finish_nonce", Text),
    Column("continue_id", Uuid, nullable=False, unique=True),
    Column("continue_token_hash", LargeBinary, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("continued_at", DateTime(timezone=True)),
    CheckConstraint("num_nonnulls(client_wallet_address, client_jwk) = 1", name="one_client"),
    CheckConstraint("(finish_uri IS NULL) = (finish_nonce IS NULL)", name="whole_finish"),
    CheckConstraint(
        "state IN ('PROCESSING', 'PENDING', 'APPROVED', 'FINALIZED')", name="known_state"
    ),
    CheckConstraint(
        "finalization_reason IN ('ISSUED', 'REVOKED', 'REJECTED')", name="known_reason"
    ),
    CheckConstraint(
        "(state = 'FINALIZED') = (finalization_reason IS NOT NULL)", name="reason_when_final"
    ),
    Index(None, "tenant_id", "id"),
    Index("ix_grants_identifiers", "identifiers", postgresql_using="gin"),
)
