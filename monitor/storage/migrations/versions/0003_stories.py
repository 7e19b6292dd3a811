"""Stories. Entries that are there already are grouped by the next daemon, a few at a time."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "story",
        sa.Column("id", Id, autoincrement=False, nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("section", sa.Text(), nullable=False),
        sa.Column("first_seen_at", sa.BigInteger(), nullable=False),
        sa.Column("last_seen_at", sa.BigInteger(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("portals", sa.Integer(), nullable=False),
        sa.Column("joined", sa.JSON(), nullable=False),
        sa.Column("best_rank", sa.Integer(), nullable=True),
        sa.Column("hot", sa.Float(), nullable=False),
        sa.Column("peak", sa.Integer(), nullable=False),
        sa.Column("merged_into", Id, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_story_last_seen_at"), "story", ["last_seen_at"], unique=False)
    op.create_index(op.f("ix_story_hot"), "story", ["hot"], unique=False)
    op.create_index("story_spread", "story", ["portals", "last_seen_at"], unique=False)
    op.add_column("entry", sa.Column("story_id", Id, nullable=True))
    op.create_index("entry_of_story", "entry", ["story_id"], unique=False)


def downgrade() -> None:
    op.drop_index("entry_of_story", table_name="entry")
    op.drop_column("entry", "story_id")
    op.drop_index("story_spread", table_name="story")
    op.drop_index(op.f("ix_story_hot"), table_name="story")
    op.drop_index(op.f("ix_story_last_seen_at"), table_name="story")
    op.drop_table("story")
