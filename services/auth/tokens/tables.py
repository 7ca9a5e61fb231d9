"""Table of access tokens."""

from sqlalchemy import Column, DateTime, ForeignKey, Index, Integer, LargeBinary, Table, Uuid

from services.auth.schema.metadata import metadata

access_tokens = Table(
    "access_tokens",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("grant_id", Uuid, ForeignKey("grants.id"), nullable=False),
    Column("management_id", Uuid, nullable=False, unique=True),
    Column("value_hash", LargeBinary, nullable=False, unique=True),
    Column("expires_in_s", Integer, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("revoked_at", DateTime(timezone=True)),
    Column("replaced_by", Uuid),
    Index(None, "grant_id"),
    Index(None, "expires_at"),
)
