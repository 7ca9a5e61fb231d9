"""Grants that other authorization servers gave this node, for incoming payments there."""

from sqlalchemy import Column, DateTime, String, Table

from services.backend.schema.columns import metadata

remote_grants = Table(
    "remote_grants",
    metadata,
    Column("auth_server", String, primary_key=True),
    Column("access_type", String, primary_key=True),
    # Sorted and joined by commas, so that equal sets are equal keys.
    Column("actions", String, primary_key=True),
    Column("access_token", String, nullable=False),
    Column("manage_url", String, nullable=False),
    Column("expires_at", DateTime(timezone=True)),
)
