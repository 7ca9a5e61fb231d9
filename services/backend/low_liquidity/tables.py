"""Accounts whose low liquidity was told; the row goes when there is enough again."""

from sqlalchemy import Column, DateTime, ForeignKey, Table, Uuid

from services.backend.schema.columns import metadata

low_liquidity = Table(
    "low_liquidity",
    metadata,
    Column("account_id", Uuid, primary_key=True),
    Column("tenant_id", Uuid, ForeignKey("tenants.id"), nullable=False),
    Column("told_at", DateTime(timezone=True), nullable=False),
)
