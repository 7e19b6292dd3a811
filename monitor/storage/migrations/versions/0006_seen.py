"""What entries are known by is kept source by source, so that a poll writes few pages."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _order_by("source_id", "key")


def downgrade() -> None:
    _order_by("key")


def _order_by(*columns: str) -> None:
    """Give ``seen`` another primary key; SQLite can do so in a new table only."""
    if op.get_bind().dialect.name != "sqlite":
        op.drop_constraint("seen_pkey", "seen", type_="primary")
        op.create_primary_key("seen_pkey", "seen", list(columns))
        return
    op.rename_table("seen", "seen_before")
    op.create_table(
        "seen",
        sa.Column("source_id", Id, autoincrement=False, nullable=False),
        sa.Column("key", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("entry_id", Id, nullable=False),
        sa.Column("title_hash", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(*columns),
        sqlite_with_rowid=False,
    )
    names = "source_id, key, entry_id, title_hash, seen_at"
    order = ", ".join(columns)
    op.execute(f"INSERT INTO seen ({names}) SELECT {names} FROM seen_before ORDER BY {order}")
    op.drop_table("seen_before")
