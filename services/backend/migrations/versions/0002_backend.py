"""Tenants, assets, peers, wallet addresses, payments, quotes, grants and webhooks."""

from alembic import op

revision = "0002_backend"
down_revision = "0001_ledger"
branch_labels = None
depends_on = None

_STATEMENTS = """
CREATE SEQUENCE asset_ledger_numbers AS INTEGER;
CREATE SEQUENCE webhook_event_feed_positions AS BIGINT;
CREATE TABLE auth_tenant_changes (
    id UUID NOT NULL,
    position BIGINT GENERATED ALWAYS AS IDENTITY,
    lane TEXT NOT NULL,
    ordering_key TEXT NOT NULL,
    payload JSONB NOT NULL,
    state SMALLINT DEFAULT '0' NOT NULL,
    attempts INTEGER DEFAULT '0' NOT NULL,
    attempts_max INTEGER NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE NOT NULL,
    lease UUID,
    last_error TEXT,
    last_status INTEGER,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    finished_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_auth_tenant_changes PRIMARY KEY (id)
);
CREATE INDEX ix_auth_tenant_changes_due ON auth_tenant_changes (lane, due_at, position) WHERE state = 0;
CREATE INDEX ix_auth_tenant_changes_finished ON auth_tenant_changes (finished_at) WHERE state <> 0;
CREATE INDEX ix_auth_tenant_changes_order ON auth_tenant_changes (lane, ordering_key, position) WHERE state = 0;
CREATE TABLE grant_spending (
    grant_id VARCHAR NOT NULL,
    interval_start TIMESTAMP WITH TIME ZONE NOT NULL,
    debit_asset_code VARCHAR(255) NOT NULL,
    debit_asset_scale SMALLINT NOT NULL,
    receive_asset_code VARCHAR(255) NOT NULL,
    receive_asset_scale SMALLINT NOT NULL,
    debit_spent NUMERIC(20, 0) NOT NULL,
    receive_spent NUMERIC(20, 0) NOT NULL,
    CONSTRAINT pk_grant_spending PRIMARY KEY (grant_id, interval_start)
);
CREATE TABLE idempotency_keys (
    scope TEXT NOT NULL,
    key TEXT NOT NULL,
    request_hash BYTEA NOT NULL,
    reply BYTEA,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_idempotency_keys PRIMARY KEY (scope, key)
);
CREATE TABLE remote_grants (
    auth_server VARCHAR NOT NULL,
    access_type VARCHAR NOT NULL,
    actions VARCHAR NOT NULL,
    access_token VARCHAR NOT NULL,
    manage_url VARCHAR NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_remote_grants PRIMARY KEY (auth_server, access_type, actions)
);
CREATE TABLE tenants (
    id UUID NOT NULL,
    is_operator BOOLEAN DEFAULT false NOT NULL,
    api_secret VARCHAR NOT NULL,
    email VARCHAR,
    public_name VARCHAR,
    idp_consent_url VARCHAR,
    idp_secret VARCHAR,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_tenants PRIMARY KEY (id)
);
CREATE TABLE webhook_deliveries (
    id UUID NOT NULL,
    position BIGINT GENERATED ALWAYS AS IDENTITY,
    lane TEXT NOT NULL,
    ordering_key TEXT NOT NULL,
    payload JSONB NOT NULL,
    state SMALLINT DEFAULT '0' NOT NULL,
    attempts INTEGER DEFAULT '0' NOT NULL,
    attempts_max INTEGER NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE NOT NULL,
    lease UUID,
    last_error TEXT,
    last_status INTEGER,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    finished_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_webhook_deliveries PRIMARY KEY (id)
);
CREATE INDEX ix_webhook_deliveries_due ON webhook_deliveries (lane, due_at, position) WHERE state = 0;
CREATE INDEX ix_webhook_deliveries_event ON webhook_deliveries ((payload ->> 'id'));
CREATE INDEX ix_webhook_deliveries_finished ON webhook_deliveries (finished_at) WHERE state <> 0;
CREATE INDEX ix_webhook_deliveries_order ON webhook_deliveries (lane, ordering_key, position) WHERE state = 0;
CREATE TABLE assets (
    id UUID NOT NULL,
    tenant_id UUID NOT NULL,
    code VARCHAR(255) NOT NULL,
    scale SMALLINT NOT NULL,
    ledger INTEGER NOT NULL,
    withdrawal_threshold NUMERIC(20, 0),
    liquidity_threshold NUMERIC(20, 0),
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_assets PRIMARY KEY (id),
    CONSTRAINT ck_assets_scale_range CHECK (scale BETWEEN 0 AND 255),
    CONSTRAINT fk_assets_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenants (id),
    CONSTRAINT uq_assets_ledger UNIQUE (ledger)
);
CREATE UNIQUE INDEX uq_assets_tenant_code_scale ON assets (tenant_id, code, scale) WHERE deleted_at IS NULL;
CREATE TABLE tenant_settings (
    tenant_id UUID NOT NULL,
    key VARCHAR NOT NULL,
    value VARCHAR NOT NULL,
    CONSTRAINT pk_tenant_settings PRIMARY KEY (tenant_id, key),
    CONSTRAINT fk_tenant_settings_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenants (id)
);
CREATE UNIQUE INDEX uq_tenant_settings_of_one_tenant ON tenant_settings (key, value) WHERE key IN ('WALLET_ADDRESS_URL', 'ILP_ADDRESS');
CREATE TABLE webhook_events (
    id UUID NOT NULL,
    position BIGINT GENERATED ALWAYS AS IDENTITY,
    tenant_id UUID NOT NULL,
    type VARCHAR NOT NULL,
    data JSONB NOT NULL,
    resource_id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    feed_position BIGINT,
    CONSTRAINT pk_webhook_events PRIMARY KEY (id),
    CONSTRAINT fk_webhook_events_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenants (id)
);
CREATE INDEX ix_webhook_events_resource_id ON webhook_events (resource_id);
CREATE INDEX ix_webhook_events_tenant_id_feed_position ON webhook_events (tenant_id, feed_position) WHERE feed_position IS NOT NULL;
CREATE INDEX ix_webhook_events_tenant_id_id ON webhook_events (tenant_id, id);
CREATE INDEX ix_webhook_events_unplaced ON webhook_events (position) WHERE feed_position IS NULL;
CREATE UNIQUE INDEX uq_webhook_events_feed_position ON webhook_events (feed_position) WHERE feed_position IS NOT NULL;
CREATE TABLE fees (
    id UUID NOT NULL,
    asset_id UUID NOT NULL,
    type VARCHAR NOT NULL,
    fixed NUMERIC(20, 0) NOT NULL,
    basis_points INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_fees PRIMARY KEY (id),
    CONSTRAINT ck_fees_basis_points_range CHECK (basis_points BETWEEN 0 AND 10000),
    CONSTRAINT ck_fees_type_known CHECK (type IN ('SENDING', 'RECEIVING')),
    CONSTRAINT fk_fees_asset_id FOREIGN KEY(asset_id) REFERENCES assets (id)
);
CREATE INDEX ix_fees_asset_id_type_id ON fees (asset_id, type, id);
CREATE TABLE peers (
    id UUID NOT NULL,
    tenant_id UUID NOT NULL,
    asset_id UUID NOT NULL,
    static_ilp_address VARCHAR(1023) NOT NULL,
    name VARCHAR,
    outgoing_endpoint VARCHAR NOT NULL,
    outgoing_token VARCHAR NOT NULL,
    max_packet_amount NUMERIC(20, 0),
    liquidity_threshold NUMERIC(20, 0),
    routes VARCHAR[] DEFAULT '{}' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_peers PRIMARY KEY (id),
    CONSTRAINT fk_peers_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenants (id),
    CONSTRAINT fk_peers_asset_id FOREIGN KEY(asset_id) REFERENCES assets (id)
);
CREATE UNIQUE INDEX uq_peers_tenant_asset_address ON peers (tenant_id, asset_id, static_ilp_address) WHERE deleted_at IS NULL;
CREATE TABLE wallet_addresses (
    id UUID NOT NULL,
    tenant_id UUID NOT NULL,
    asset_id UUID NOT NULL,
    address VARCHAR NOT NULL,
    public_name VARCHAR,
    additional_properties JSONB DEFAULT '[]' NOT NULL,
    deactivated_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_wallet_addresses PRIMARY KEY (id),
    CONSTRAINT fk_wallet_addresses_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenants (id),
    CONSTRAINT fk_wallet_addresses_asset_id FOREIGN KEY(asset_id) REFERENCES assets (id),
    CONSTRAINT uq_wallet_addresses_address UNIQUE (address)
);
CREATE INDEX ix_wallet_addresses_tenant_id_id ON wallet_addresses (tenant_id, id);
CREATE TABLE incoming_payments (
    id UUID NOT NULL,
    tenant_id UUID NOT NULL,
    wallet_address_id UUID NOT NULL,
    client VARCHAR,
    initiated_by VARCHAR NOT NULL,
    state VARCHAR NOT NULL,
    incoming_amount NUMERIC(20, 0),
    received_amount NUMERIC(20, 0),
    metadata JSONB,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    approved_at TIMESTAMP WITH TIME ZONE,
    cancelled_at TIMESTAMP WITH TIME ZONE,
    cancellation_reason VARCHAR,
    CONSTRAINT pk_incoming_payments PRIMARY KEY (id),
    CONSTRAINT ck_incoming_payments_state_known CHECK (state IN ('PENDING', 'COMPLETED', 'EXPIRED')),
    CONSTRAINT fk_incoming_payments_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenants (id),
    CONSTRAINT fk_incoming_payments_wallet_address_id FOREIGN KEY(wallet_address_id) REFERENCES wallet_addresses (id)
);
CREATE INDEX ix_incoming_payments_open_expiry ON incoming_payments (expires_at) WHERE state = 'PENDING';
CREATE INDEX ix_incoming_payments_tenant_id_id ON incoming_payments (tenant_id, id);
CREATE INDEX ix_incoming_payments_wallet_address_id_id ON incoming_payments (wallet_address_id, id);
CREATE TABLE peer_tokens (
    token_sha256 BYTEA NOT NULL,
    peer_id UUID NOT NULL,
    CONSTRAINT pk_peer_tokens PRIMARY KEY (token_sha256),
    CONSTRAINT fk_peer_tokens_peer_id FOREIGN KEY(peer_id) REFERENCES peers (id)
);
CREATE INDEX ix_peer_tokens_peer_id ON peer_tokens (peer_id);
CREATE TABLE quotes (
    id UUID NOT NULL,
    tenant_id UUID NOT NULL,
    wallet_address_id UUID NOT NULL,
    client VARCHAR,
    receiver VARCHAR NOT NULL,
    method VARCHAR NOT NULL,
    debit_amount NUMERIC(20, 0) NOT NULL,
    receive_amount NUMERIC(20, 0) NOT NULL,
    receive_asset_code VARCHAR(255) NOT NULL,
    receive_asset_scale SMALLINT NOT NULL,
    source_amount NUMERIC(20, 0) NOT NULL,
    fee_amount NUMERIC(20, 0) NOT NULL,
    fee_id UUID,
    min_rate_numerator NUMERIC(80, 0) NOT NULL,
    min_rate_denominator NUMERIC(80, 0) NOT NULL,
    max_packet_amount NUMERIC(20, 0),
    received_before NUMERIC(20, 0) NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_quotes PRIMARY KEY (id),
    CONSTRAINT fk_quotes_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenants (id),
    CONSTRAINT fk_quotes_wallet_address_id FOREIGN KEY(wallet_address_id) REFERENCES wallet_addresses (id),
    CONSTRAINT fk_quotes_fee_id FOREIGN KEY(fee_id) REFERENCES fees (id)
);
CREATE INDEX ix_quotes_wallet_address_id_id ON quotes (wallet_address_id, id);
CREATE TABLE wallet_address_keys (
    id UUID NOT NULL,
    wallet_address_id UUID NOT NULL,
    kid VARCHAR NOT NULL,
    x VARCHAR NOT NULL,
    revoked BOOLEAN DEFAULT false NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_wallet_address_keys PRIMARY KEY (id),
    CONSTRAINT fk_wallet_address_keys_wallet_address_id FOREIGN KEY(wallet_address_id) REFERENCES wallet_addresses (id)
);
CREATE UNIQUE INDEX uq_wallet_address_keys_live_kid ON wallet_address_keys (wallet_address_id, kid) WHERE NOT revoked;
CREATE TABLE outgoing_payments (
    id UUID NOT NULL,
    tenant_id UUID NOT NULL,
    wallet_address_id UUID NOT NULL,
    client VARCHAR,
    grant_id VARCHAR,
    grant_interval_start TIMESTAMP WITH TIME ZONE,
    state VARCHAR NOT NULL,
    error VARCHAR,
    metadata JSONB,
    data_to_transmit BYTEA,
    sent_amount NUMERIC(20, 0) DEFAULT 0 NOT NULL,
    delivered_amount NUMERIC(20, 0) DEFAULT 0 NOT NULL,
    attempts INTEGER DEFAULT 0 NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE,
    lease_until TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_outgoing_payments PRIMARY KEY (id),
    CONSTRAINT ck_outgoing_payments_state_known CHECK (state IN ('FUNDING', 'SENDING', 'COMPLETED', 'FAILED', 'CANCELLED')),
    CONSTRAINT fk_outgoing_payments_id FOREIGN KEY(id) REFERENCES quotes (id),
    CONSTRAINT fk_outgoing_payments_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenants (id),
    CONSTRAINT fk_outgoing_payments_wallet_address_id FOREIGN KEY(wallet_address_id) REFERENCES wallet_addresses (id)
);
CREATE INDEX ix_outgoing_payments_due ON outgoing_payments (due_at) WHERE state = 'SENDING';
CREATE INDEX ix_outgoing_payments_tenant_id_id ON outgoing_payments (tenant_id, id);
CREATE INDEX ix_outgoing_payments_wallet_address_id_id ON outgoing_payments (wallet_address_id, id)
"""

_TABLES = (
    "outgoing_payments",
    "wallet_address_keys",
    "quotes",
    "peer_tokens",
    "incoming_payments",
    "wallet_addresses",
    "peers",
    "fees",
    "webhook_events",
    "tenant_settings",
    "assets",
    "webhook_deliveries",
    "tenants",
    "remote_grants",
    "idempotency_keys",
    "grant_spending",
    "auth_tenant_changes",
)


def upgrade() -> None:
    for statement in _STATEMENTS.split(";\n"):
        op.execute(statement)


def downgrade() -> None:
    for table in _TABLES:
        op.execute(f"DROP TABLE {table}")
    op.execute("DROP SEQUENCE asset_ledger_numbers")
    op.execute("DROP SEQUENCE webhook_event_feed_positions")
