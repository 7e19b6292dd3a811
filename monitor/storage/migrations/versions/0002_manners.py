"""How rules are told, the ledger of attempts, what is held, and what is usual for a source."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("source", sa.Column("usual_gap_s", sa.Float(), nullable=True))
    op.add_column("source", sa.Column("usual_yield", sa.Float(), nullable=True))
    op.add_column(
        "source", sa.Column("low_polls", sa.Integer(), server_default="0", nullable=False)
    )
    op.add_column("rule", sa.Column("options", sa.JSON(), server_default="{}", nullable=False))
    op.add_column("rule", sa.Column("version", sa.Integer(), server_default="1", nullable=False))
    op.add_column("rule", sa.Column("snoozed_until", sa.BigInteger(), nullable=True))
    op.add_column("delivery", sa.Column("kind", sa.Text(), server_default="alert", nullable=False))
    op.create_index("delivery_made", "delivery", ["channel", "created_at"])
    op.create_table(
        "rule_version",
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("rule", "version"),
    )
    op.execute(
        "INSERT INTO rule_version (rule, version, query, changed_at) "
        "SELECT name, version, query, created_at FROM rule"
    )
    op.create_table(
        "attempt",
        sa.Column("id", Id, nullable=False),
        sa.Column("delivery_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("next_attempt_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_attempt_delivery_id"), "attempt", ["delivery_id"])
    op.create_table(
        "told",
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("story", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("joined", sa.Integer(), nullable=False),
        sa.Column("escalated_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("rule", "story"),
    )
    op.create_index("told_story", "told", ["story"])
    op.create_index("told_last", "told", ["last_at"])
    op.create_table(
        "held",
        sa.Column("id", Id, nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("story", sa.BigInteger(), nullable=False),
        sa.Column("entry_id", Id, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("top", sa.Integer(), nullable=False),
        sa.Column("weight", sa.Float(), nullable=False),
        sa.Column("entry", sa.JSON(), nullable=False),
        sa.Column("held_at", sa.BigInteger(), nullable=False),
        sa.Column("release_at", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("held_due", "held", ["digest", "release_at", "channel"])
    op.create_index("held_entry", "held", ["entry_id"])
    op.create_table(
        "muted",
        sa.Column("story", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("muted_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("story"),
    )
    op.create_table(
        "used_link",
        sa.Column("mark", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("mark"),
    )
    op.create_table(
        "secret",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "trouble",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "subject"),
    )


def downgrade() -> None:
    tables = ("trouble", "secret", "used_link", "muted", "held", "told", "attempt", "rule_version")
    for table in tables:
        op.drop_table(table)
    op.drop_index("delivery_made", table_name="delivery")
    op.drop_column("delivery", "kind")
    for column in ("snoozed_until", "version", "options"):
        op.drop_column("rule", column)
    for column in ("low_polls", "usual_yield", "usual_gap_s"):
        op.drop_column("source", column)
