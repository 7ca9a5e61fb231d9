"""Table of tenants."""

from sqlalchemy import Column, DateTime, LargeBinary, Table, Text, Uuid

from services.auth.schema.metadata import metadata

tenants = Table(
    "tenants",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("idp_consent_url", Text),
    Column("idp_secret_hash", LargeBinary),
    Column("api_secret_hash", LargeBinary, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    Column("deleted_at", DateTime(timezone=True)),
    Column("wallet_address_url", Text),
)
