"""What payments learned of the largest packets that pass a peer."""

from alembic import op

revision = "0060_path_limits"
down_revision = "0050_outgoing_payment_claims"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE path_limits (
            peer_id UUID NOT NULL,
            asset_id UUID NOT NULL,
            amount NUMERIC(20, 0) NOT NULL,
            learned_at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT pk_path_limits PRIMARY KEY (peer_id, asset_id),
            CONSTRAINT fk_path_limits_peer_id FOREIGN KEY(peer_id) REFERENCES peers (id),
            CONSTRAINT fk_path_limits_asset_id FOREIGN KEY(asset_id) REFERENCES assets (id)
        )
    """)


def downgrade() -> None:
    op.execute("DROP TABLE path_limits")
