"""Expired idempotency keys are found by an index when they are deleted."""

from alembic import op

revision = "0070_idempotency_expiry"
down_revision = "0060_path_limits"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE INDEX ix_idempotency_keys_expires_at ON idempotency_keys (expires_at)")


def downgrade() -> None:
    op.execute("DROP INDEX ix_idempotency_keys_expires_at")
