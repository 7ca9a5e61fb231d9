"""Mark accounts whose low liquidity was told."""

from alembic import op

revision = "0130_low_liquidity"
down_revision = "0120_quoted_receivers"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE low_liquidity (
            account_id UUID NOT NULL,
            tenant_id UUID NOT NULL,
            told_at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT pk_low_liquidity PRIMARY KEY (account_id),
            CONSTRAINT fk_low_liquidity_tenant_id_tenants
                FOREIGN KEY (tenant_id) REFERENCES tenants (id)
        )
    """)


def downgrade() -> None:
    op.execute("DROP TABLE low_liquidity")
