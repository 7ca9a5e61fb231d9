"""Quotes: the price of a payment, and the exact rate that its packets are held to."""

from sqlalchemy import (
    Column,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    Uuid,
)

from services.backend.schema.columns import BigUnits, Units, metadata

quotes = Table(
    "quotes",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("tenant_id", Uuid, ForeignKey("tenants.id"), nullable=False),
    Column("wallet_address_id", Uuid, ForeignKey("wallet_addresses.id"), nullable=False),
    Column("client", String),
    Column("receiver", String, nullable=False),
    # LOCAL: the receiver has its account on this node and no packets are sent. ILP: packets.
    Column("method", String, nullable=False),
    Column("debit_amount", Units, nullable=False),
    Column("receive_amount", Units, nullable=False),
    Column("receive_asset_code", String(255), nullable=False),
    Column("receive_asset_scale", SmallInteger, nullable=False),
    # What may be put into packets: the debit amount less the fee.
    Column("source_amount", Units, nullable=False),
    Column("fee_amount", Units, nullable=False),
    Column("fee_id", Uuid, ForeignKey("fees.id")),
    # Each packet delivers at least amount x rate, rounded up.
    Column("min_rate_numerator", BigUnits, nullable=False),
    Column("min_rate_denominator", BigUnits, nullable=False),
    Column("max_packet_amount", Units),
    # A payment that was cut off learns from it how much of the receiver's money is its own.
    Column("received_before", Units, nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    # What was read of another bank's receiver: see receivers/sealed.py.
    Column("sealed_receiver", LargeBinary),
)
# The largest packets that paths through a peer carried, as payments over them were told.
path_limits = Table(
    "path_limits",
    metadata,
    Column("peer_id", Uuid, ForeignKey("peers.id"), primary_key=True),
    Column("asset_id", Uuid, ForeignKey("assets.id"), primary_key=True),
    # In the payer's asset, which is the one of `asset_id`.
    Column("amount", Units, nullable=False),
    Column("learned_at", DateTime(timezone=True), nullable=False),
)
Index("ix_quotes_wallet_address_id_id", quotes.c.wallet_address_id, quotes.c.id)
