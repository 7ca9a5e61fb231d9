"""How often tenants, assets and peers have changed."""

from alembic import op

revision = "0020_directory_revision"
down_revision = "0040_unknown_packets"
branch_labels = None
depends_on = None

_STATEMENTS = """
CREATE TABLE directory_revision (
    id SMALLINT NOT NULL,
    revision BIGINT NOT NULL,
    CONSTRAINT pk_directory_revision PRIMARY KEY (id)
);
INSERT INTO directory_revision (id, revision) VALUES (1, 0);
"""


def upgrade() -> None:
    for statement in _STATEMENTS.split(";\n"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE directory_revision")
