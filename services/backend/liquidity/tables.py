"""Deposits and withdrawals by the ids that tenants know them by."""

from sqlalchemy import CheckConstraint, Column, DateTime, Index, Integer, String, Table, Uuid
from sqlalchemy import ForeignKey as Key

from services.backend.schema.columns import Units, metadata

liquidity_transfers = Table(
    "liquidity_transfers",
    metadata,
    Column("transfer_id", Uuid, primary_key=True),
    Column("tenant_id", Uuid, Key("tenants.id"), nullable=False),
    Column("id", Uuid, nullable=False),
    Column("kind", String, nullable=False),
    Column("account_id", Uuid, nullable=False),
    Column("asset_id", Uuid, Key("assets.id"), nullable=False),
    Column("amount", Units, nullable=False),
    Column("timeout_s", Integer, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("kind IN ('DEPOSIT', 'WITHDRAWAL')", name="kind_known"),
)
Index("ix_liquidity_transfers_id", liquidity_transfers.c.id, liquidity_transfers.c.tenant_id)
