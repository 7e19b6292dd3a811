"""Hints of sections, and how far they are trusted."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "hint_trust",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("source_id", Id, autoincrement=False, nullable=False),
        sa.Column("section", sa.Text(), nullable=False),
        sa.Column("said", sa.Integer(), nullable=False),
        sa.Column("agreed", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "key", "source_id"),
    )
    op.add_column("entry", sa.Column("hints", sa.JSON(), nullable=True))
    op.add_column("entry", sa.Column("hinted", sa.Text(), nullable=True))
    op.add_column("entry", sa.Column("hinted_by", sa.Text(), nullable=True))


def downgrade() -> None:
    for column in ("hinted_by", "hinted", "hints"):
        op.drop_column("entry", column)
    op.drop_table("hint_trust")
