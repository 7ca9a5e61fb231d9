"""Assets and their fees."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    Sequence,
    SmallInteger,
    String,
    Table,
    Uuid,
    text,
)

from services.backend.schema.columns import Units, metadata

ledger_numbers = Sequence("asset_ledger_numbers", metadata=metadata, data_type=Integer)

assets = Table(
    "assets",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("tenant_id", Uuid, ForeignKey("tenants.id"), nullable=False),
    Column("code", String(255), nullable=False),
    Column("scale", SmallInteger, nullable=False),
    Column("ledger", Integer, nullable=False, unique=True),
    Column("withdrawal_threshold", Units),
    Column("liquidity_threshold", Units),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("deleted_at", DateTime(timezone=True)),
    CheckConstraint("scale BETWEEN 0 AND 255", name="scale_range"),
)
Index(
    "uq_assets_tenant_code_scale",
    assets.c.tenant_id,
    assets.c.code,
    assets.c.scale,
    unique=True,
    postgresql_where=text("deleted_at IS NULL"),
)

fees = Table(
    "fees",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("asset_id", Uuid, ForeignKey("assets.id"), nullable=False),
    Column("type", String, nullable=False),
    Column("fixed", Units, nullable=False),
    Column("basis_points", Integer, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("basis_points BETWEEN 0 AND 10000", name="basis_points_range"),
    CheckConstraint("type IN ('SENDING', 'RECEIVING')", name="type_known"),
)
Index("ix_fees_asset_id_type_id", fees.c.asset_id, fees.c.type, fees.c.id)
