"""Remember how far the books were compared, and what did not agree."""

from alembic import op

revision = "0140_reconciliation"
down_revision = "0130_low_liquidity"
branch_labels = None
depends_on = None

_STATEMENTS = """
CREATE TABLE reconciled_accounts (
    account_id UUID NOT NULL,
    ledger_timestamp BIGINT NOT NULL,
    debits NUMERIC(80, 0) NOT NULL,
    credits NUMERIC(80, 0) NOT NULL,
    CONSTRAINT pk_reconciled_accounts PRIMARY KEY (account_id)
);
CREATE TABLE reconciled_events (
    id SMALLINT NOT NULL,
    event_id UUID NOT NULL,
    CONSTRAINT pk_reconciled_events PRIMARY KEY (id)
);
CREATE TABLE book_differences (
    id UUID NOT NULL,
    kind VARCHAR NOT NULL,
    subject_id UUID NOT NULL,
    expected NUMERIC(80, 0) NOT NULL,
    found NUMERIC(80, 0) NOT NULL,
    transfer_id UUID,
    transfer_timestamp BIGINT,
    found_at TIMESTAMP WITH TIME ZONE NOT NULL,
    resolved_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_book_differences PRIMARY KEY (id),
    CONSTRAINT ck_book_differences_kind_known
        CHECK (kind IN ('ACCOUNT', 'SENT', 'RECEIVED', 'EVENT'))
);
CREATE UNIQUE INDEX uq_book_differences_open ON book_differences (kind, subject_id)
    WHERE resolved_at IS NULL
"""


def upgrade() -> None:
    for statement in _STATEMENTS.split(";\n"):
        op.execute(statement)


def downgrade() -> None:
    for table in ("book_differences", "reconciled_events", "reconciled_accounts"):
        op.execute(f"DROP TABLE {table}")
