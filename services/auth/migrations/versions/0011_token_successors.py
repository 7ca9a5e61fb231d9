"""Which token replaced a rotated one, so that a rotation whose answer was lost can be repeated."""

from alembic import op

revision = "0011_token_successors"
down_revision = "0010_tenant_wallet_addresses"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE access_tokens ADD COLUMN replaced_by uuid")


def downgrade() -> None:
    op.execute("ALTER TABLE access_tokens DROP COLUMN replaced_by")
