"""Packets whose outcome is unknown, and how far the ledger was searched for them."""

from alembic import op

revision = "0040_unknown_packets"
down_revision = "0070_idempotency_expiry"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
CREATE TABLE unknown_packets (
    id UUID NOT NULL,
    packet_id UUID NOT NULL,
    tenant_id UUID NOT NULL,
    peer_id UUID NOT NULL,
    outgoing_payment_id UUID,
    incoming_peer_id UUID,
    asset_id UUID NOT NULL,
    amount NUMERIC(20, 0) NOT NULL,
    reserved_at TIMESTAMP WITH TIME ZONE NOT NULL,
    entered_at TIMESTAMP WITH TIME ZONE NOT NULL,
    resolution VARCHAR,
    resolved_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_unknown_packets PRIMARY KEY (id),
    CONSTRAINT uq_unknown_packets_packet_id UNIQUE (packet_id),
    CONSTRAINT ck_unknown_packets_resolution_known CHECK (resolution IN ('PEER', 'SOURCE')),
    CONSTRAINT ck_unknown_packets_one_payer CHECK ((outgoing_payment_id IS NULL) <> (incoming_peer_id IS NULL)),
    CONSTRAINT fk_unknown_packets_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenants (id),
    CONSTRAINT fk_unknown_packets_peer_id FOREIGN KEY(peer_id) REFERENCES peers (id),
    CONSTRAINT fk_unknown_packets_outgoing_payment_id FOREIGN KEY(outgoing_payment_id) REFERENCES outgoing_payments (id),
    CONSTRAINT fk_unknown_packets_incoming_peer_id FOREIGN KEY(incoming_peer_id) REFERENCES peers (id),
    CONSTRAINT fk_unknown_packets_asset_id FOREIGN KEY(asset_id) REFERENCES assets (id)
)
""",
    "CREATE INDEX ix_unknown_packets_tenant_id_id ON unknown_packets (tenant_id, id)",
    "CREATE INDEX ix_unknown_packets_open ON unknown_packets (id) WHERE resolution IS NULL",
    """
CREATE INDEX ix_unknown_packets_outgoing_payment_id ON unknown_packets (outgoing_payment_id)
    WHERE outgoing_payment_id IS NOT NULL
""",
    """
CREATE TABLE unknown_packets_searched (
    id SMALLINT NOT NULL,
    ledger_timestamp BIGINT NOT NULL,
    CONSTRAINT pk_unknown_packets_searched PRIMARY KEY (id)
)
""",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE unknown_packets_searched")
    op.execute("DROP TABLE unknown_packets")
