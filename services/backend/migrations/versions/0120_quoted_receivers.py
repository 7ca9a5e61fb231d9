"""What a quote read of another bank's receiver, sealed."""

from alembic import op

revision = "0120_quoted_receivers"
down_revision = "0110_trusting_processes"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE quotes ADD COLUMN sealed_receiver BYTEA")


def downgrade() -> None:
    op.execute("ALTER TABLE quotes DROP COLUMN sealed_receiver")
