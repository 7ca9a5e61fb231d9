"""Tenants, grants, interactions, access tokens and idempotency keys."""

from alembic import op

revision = "0001_auth"
down_revision = None
branch_labels = None
depends_on = None

TENANTS = """
CREATE TABLE tenants (
    id uuid NOT NULL,
    idp_consent_url text,
    idp_secret_hash bytea,
    api_secret_hash bytea NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    deleted_at timestamptz,
    CONSTRAINT pk_tenants PRIMARY KEY (id)
)
"""

GRANTS = """
CREATE TABLE grants (
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    client_wallet_address text,
    client_jwk jsonb,
    client_name text,
    access jsonb NOT NULL,
    identifiers text[] NOT NULL,
    subject_ids jsonb NOT NULL,
    state text NOT NULL,
    finalization_reason text,
    interactive boolean NOT NULL,
    finish_uri text,
    finish_nonce text,
    continue_id uuid NOT NULL,
    continue_token_hash bytea NOT NULL,
    created_at timestamptz NOT NULL,
    continued_at timestamptz,
    CONSTRAINT pk_grants PRIMARY KEY (id),
    CONSTRAINT ck_grants_one_client
        CHECK (num_nonnulls(client_wallet_address, client_jwk) = 1),
    CONSTRAINT ck_grants_whole_finish CHECK ((finish_uri IS NULL) = (finish_nonce IS NULL)),
    CONSTRAINT ck_grants_known_state
        CHECK (state IN ('PROCESSING', 'PENDING', 'APPROVED', 'FINALIZED')),
    CONSTRAINT ck_grants_known_reason
        CHECK (finalization_reason IN ('ISSUED', 'REVOKED', 'REJECTED')),
    CONSTRAINT ck_grants_reason_when_final
        CHECK ((state = 'FINALIZED') = (finalization_reason IS NOT NULL)),
    CONSTRAINT fk_grants_tenant_id FOREIGN KEY (tenant_id) REFERENCES tenants (id),
    CONSTRAINT uq_grants_continue_id UNIQUE (continue_id)
)
"""

GRANT_INDEXES = (
    "CREATE INDEX ix_grants_identifiers ON grants USING gin (identifiers)",
    "CREATE INDEX ix_grants_tenant_id_id ON grants (tenant_id, id)",
)

INTERACTIONS = """
CREATE TABLE interactions (
    id uuid NOT NULL,
    grant_id uuid NOT NULL,
    nonce text NOT NULL,
    ref text NOT NULL,
    state text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    decided_at timestamptz,
    CONSTRAINT pk_interactions PRIMARY KEY (id),
    CONSTRAINT ck_interactions_known_state CHECK (state IN ('PENDING', 'APPROVED', 'DENIED')),
    CONSTRAINT ck_interactions_decided_when_final
        CHECK ((state = 'PENDING') = (decided_at IS NULL)),
    CONSTRAINT fk_interactions_grant_id FOREIGN KEY (grant_id) REFERENCES grants (id),
    CONSTRAINT uq_interactions_grant_id UNIQUE (grant_id),
    CONSTRAINT uq_interactions_ref UNIQUE (ref)
)
"""

ACCESS_TOKENS = """
CREATE TABLE access_tokens (
    id uuid NOT NULL,
    grant_id uuid NOT NULL,
    management_id uuid NOT NULL,
    value_hash bytea NOT NULL,
    expires_in_s integer NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    CONSTRAINT pk_access_tokens PRIMARY KEY (id),
    CONSTRAINT fk_access_tokens_grant_id FOREIGN KEY (grant_id) REFERENCES grants (id),
    CONSTRAINT uq_access_tokens_management_id UNIQUE (management_id),
    CONSTRAINT uq_access_tokens_value_hash UNIQUE (value_hash)
)
"""

ACCESS_TOKEN_INDEXES = (
    "CREATE INDEX ix_access_tokens_grant_id ON access_tokens (grant_id)",
    "CREATE INDEX ix_access_tokens_expires_at ON access_tokens (expires_at)",
)

IDEMPOTENCY_KEYS = """
CREATE TABLE idempotency_keys (
    scope text NOT NULL,
    key text NOT NULL,
    request_hash bytea NOT NULL,
    reply bytea,
    expires_at timestamptz NOT NULL,
    CONSTRAINT pk_idempotency_keys PRIMARY KEY (scope, key)
)
"""

IDEMPOTENCY_KEY_INDEX = (
    "CREATE INDEX ix_idempotency_keys_expires_at ON idempotency_keys (expires_at)"
)


def upgrade() -> None:
    statements = (
        TENANTS,
        GRANTS,
        *GRANT_INDEXES,
        INTERACTIONS,
        ACCESS_TOKENS,
        *ACCESS_TOKEN_INDEXES,
        IDEMPOTENCY_KEYS,
        IDEMPOTENCY_KEY_INDEX,
    )
    for statement in statements:
        op.execute(statement)


def downgrade() -> None:
    for table in ("idempotency_keys", "access_tokens", "interactions", "grants", "tenants"):
        op.execute(f"DROP TABLE {table}")
