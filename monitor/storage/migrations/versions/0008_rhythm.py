"""When sources publish, and how long each waits."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("source", sa.Column("rhythm", sa.Text(), nullable=True))
    op.add_column("source", sa.Column("wait_s", sa.Float(), nullable=True))


def downgrade() -> None:
    op.drop_column("source", "wait_s")
    op.drop_column("source", "rhythm")
