"""Tenants and their settings."""

from servicekit.outbox_tables import outbox_table
from sqlalchemy import Boolean, Column, DateTime, ForeignKey, Index, String, Table, Uuid, text

from services.backend.schema.columns import metadata

tenants = Table(
    "tenants",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("is_operator", Boolean, nullable=False, server_default=text("false")),
    Column("api_secret", String, nullable=False),
    Column("email", String),
    Column("public_name", String),
    Column("idp_consent_url", String),
    Column("idp_secret", String),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("deleted_at", DateTime(timezone=True)),
)

tenant_settings = Table(
    "tenant_settings",
    metadata,
    Column("tenant_id", Uuid, ForeignKey("tenants.id"), primary_key=True),
    Column("key", String, primary_key=True),
    Column("value", String, nullable=False),
)
# Two tenants can't share what tells their accounts apart.
Index(
    "uq_tenant_settings_of_one_tenant",
    tenant_settings.c.key,
    tenant_settings.c.value,
    unique=True,
    postgresql_where=text("key IN ('WALLET_ADDRESS_URL', 'ILP_ADDRESS')"),
)

# Tenants that the authorization server has not heard of since they changed.
auth_tenant_changes = outbox_table(metadata, "auth_tenant_changes")
