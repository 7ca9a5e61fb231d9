"""Sessions of the admin pages."""

from sqlalchemy import Column, DateTime, ForeignKey, Index, LargeBinary, Table, Uuid

from services.backend.schema.columns import metadata

admin_sessions = Table(
    "admin_sessions",
    metadata,
    Column("token_sha256", LargeBinary, primary_key=True),
    Column("tenant_id", Uuid, ForeignKey("tenants.id"), nullable=False),
    Column("secret_sha256", LargeBinary, nullable=False),
    Column("started_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
)
Index("ix_admin_sessions_expires", admin_sessions.c.expires_at)
