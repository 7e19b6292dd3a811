"""Where on a page each headline stood."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("entry", sa.Column("placements", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("entry", "placements")
