"""Peers and the tokens that they present."""

from sqlalchemy import Column, DateTime, ForeignKey, Index, LargeBinary, String, Table, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY

from services.backend.schema.columns import Units, metadata

peers = Table(
    "peers",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("tenant_id", Uuid, ForeignKey("tenants.id"), nullable=False),
    Column("asset_id", Uuid, ForeignKey("assets.id"), nullable=False),
    Column("static_ilp_address", String(1023), nullable=False),
    Column("name", String),
    Column("outgoing_endpoint", String, nullable=False),
    Column("outgoing_token", String, nullable=False),
    Column("max_packet_amount", Units),
    Column("liquidity_threshold", Units),
    Column("routes", ARRAY(String), nullable=False, server_default=text("'{}'")),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("deleted_at", DateTime(timezone=True)),
)
Index(
    "uq_peers_tenant_asset_address",
    peers.c.tenant_id,
    peers.c.asset_id,
    peers.c.static_ilp_address,
    unique=True,
    postgresql_where=text("deleted_at IS NULL"),
)

# Only the SHA-256 of a token is kept: whoever reads the database can't send packets with it.
peer_tokens = Table(
    "peer_tokens",
    metadata,
    Column("token_sha256", LargeBinary(32), primary_key=True),
    Column("peer_id", Uuid, ForeignKey("peers.id"), nullable=False, index=True),
)
