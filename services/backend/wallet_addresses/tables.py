"""Wallet addresses and the keys bound to them."""

from sqlalchemy import Boolean, Column, DateTime, ForeignKey, Index, String, Table, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from services.backend.schema.columns import metadata

wallet_addresses = Table(
    "wallet_addresses",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("tenant_id", Uuid, ForeignKey("tenants.id"), nullable=False),
    Column("asset_id", Uuid, ForeignKey("assets.id"), nullable=False),
    Column("address", String, nullable=False, unique=True),
    Column("public_name", String),
    Column("additional_properties", JSONB, nullable=False, server_default=text("'[]'")),
    Column("deactivated_at", DateTime(timezone=True)),
    Column("created_at", DateTime(timezone=True), nullable=False),
)
Index("ix_wallet_addresses_tenant_id_id", wallet_addresses.c.tenant_id, wallet_addresses.c.id)

wallet_address_keys = Table(
    "wallet_address_keys",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("wallet_address_id", Uuid, ForeignKey("wallet_addresses.id"), nullable=False),
    Column("kid", String, nullable=False),
    Column("x", String, nullable=False),
    Column("revoked", Boolean, nullable=False, server_default=text("false")),
    Column("created_at", DateTime(timezone=True), nullable=False),
)
Index(
    "uq_wallet_address_keys_live_kid",
    wallet_address_keys.c.wallet_address_id,
    wallet_address_keys.c.kid,
    unique=True,
    postgresql_where=text("NOT revoked"),
)
