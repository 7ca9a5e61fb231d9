"""Count claims of outgoing payments apart from failed attempts; let ended ones be due."""

from alembic import op

revision = "0050_outgoing_payment_claims"
down_revision = "0030_liquidity_transfers"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE outgoing_payments ADD COLUMN claims INTEGER DEFAULT 0 NOT NULL")
    # Until now an attempt was counted when it began.
    op.execute("UPDATE outgoing_payments SET claims = attempts")
    op.execute("UPDATE outgoing_payments SET attempts = 0 WHERE state <> 'SENDING'")
    op.execute("DROP INDEX ix_outgoing_payments_due")
    op.execute(
        "CREATE INDEX ix_outgoing_payments_due ON outgoing_payments (due_at)"
        " WHERE due_at IS NOT NULL"
    )


def downgrade() -> None:
    op.execute("DROP INDEX ix_outgoing_payments_due")
    op.execute(
        "CREATE INDEX ix_outgoing_payments_due ON outgoing_payments (due_at)"
        " WHERE state = 'SENDING'"
    )
    op.execute("UPDATE outgoing_payments SET attempts = claims")
    op.execute("ALTER TABLE outgoing_payments DROP COLUMN claims")
