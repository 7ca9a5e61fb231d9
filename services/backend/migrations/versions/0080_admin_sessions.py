"""Sessions of the admin pages."""

from alembic import op

revision = "0080_admin_sessions"
down_revision = "0002_backend"
branch_labels = None
depends_on = None

_STATEMENTS = """
CREATE TABLE admin_sessions (
    token_sha256 BYTEA NOT NULL,
    tenant_id UUID NOT NULL,
    secret_sha256 BYTEA NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_admin_sessions PRIMARY KEY (token_sha256),
    CONSTRAINT fk_admin_sessions_tenant_id_tenants FOREIGN KEY (tenant_id) REFERENCES tenants (id)
);
CREATE INDEX ix_admin_sessions_expires ON admin_sessions (expires_at);
"""


def upgrade() -> None:
    for statement in _STATEMENTS.split(";\n"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE admin_sessions")
