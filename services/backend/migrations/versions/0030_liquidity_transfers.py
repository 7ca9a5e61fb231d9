"""Deposits and withdrawals by the ids that tenants know them by."""

from alembic import op

revision = "0030_liquidity_transfers"
down_revision = "0080_admin_sessions"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
    CREATE TABLE liquidity_transfers (
        transfer_id UUID NOT NULL,
        tenant_id UUID NOT NULL,
        id UUID NOT NULL,
        kind VARCHAR NOT NULL,
        account_id UUID NOT NULL,
        asset_id UUID NOT NULL,
        amount NUMERIC(20, 0) NOT NULL,
        timeout_s INTEGER NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT pk_liquidity_transfers PRIMARY KEY (transfer_id),
        CONSTRAINT fk_liquidity_transfers_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenants (id),
        CONSTRAINT fk_liquidity_transfers_asset_id FOREIGN KEY(asset_id) REFERENCES assets (id),
        CONSTRAINT ck_liquidity_transfers_kind_known CHECK (kind IN ('DEPOSIT', 'WITHDRAWAL'))
    )
    """,
    "CREATE INDEX ix_liquidity_transfers_id ON liquidity_transfers (id, tenant_id)",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE liquidity_transfers")
