"""Write down which processes must hear of a change before it is answered.

No process reads `directory_revision` any more; processes of the last release do, so it stays.
"""

from alembic import op

revision = "0110_trusting_processes"
down_revision = "0100_apply_batch"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE trusting_processes (
            name VARCHAR NOT NULL,
            ends_at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT pk_trusting_processes PRIMARY KEY (name)
        )
    """)


def downgrade() -> None:
    op.execute("DROP TABLE trusting_processes")
