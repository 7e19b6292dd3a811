"""How many entries a source's document listed last; a quick look at what waits."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("source", sa.Column("last_yield", sa.Integer(), nullable=True))
    op.create_index("held_waiting", "held", ["digest", "channel", "reason", "rule"])


def downgrade() -> None:
    op.drop_index("held_waiting", table_name="held")
    op.drop_column("source", "last_yield")
