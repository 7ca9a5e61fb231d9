"""Where each tenant's wallet addresses lie: what its grants may name."""

from alembic import op

revision = "0010_tenant_wallet_addresses"
down_revision = "0001_auth"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE tenants ADD COLUMN wallet_address_url text")


def downgrade() -> None:
    op.execute("ALTER TABLE tenants DROP COLUMN wallet_address_url")
