"""What was found: entries and their stories, and what people said of them."""

from __future__ import annotations

import sqlalchemy as sa

from monitor.storage.schema.columns import Id, Instant, metadata

entry = sa.Table(
    "entry",
    metadata,
    sa.Column("id", Id, primary_key=True, autoincrement=False),
    sa.Column("source_id", Id, sa.ForeignKey("source.id", ondelete="CASCADE"), nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("title_cut", sa.Boolean, nullable=False),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("guid", sa.Text),
    sa.Column("author", sa.Text),
    sa.Column("summary", sa.Text, nullable=False),
    sa.Column("categories", sa.JSON, nullable=False),
    sa.Column("rank", sa.Integer),
    sa.Column("language", sa.Text, nullable=False),
    sa.Column("section_hint", sa.Text),
    sa.Column("published_at", Instant),
    sa.Column("first_seen_at", Instant, nullable=False, index=True),
    sa.Column("section", sa.Text, nullable=False),
    sa.Column("probability", sa.Float, nullable=False),
    sa.Column("runner_up", sa.Text, nullable=False),
    sa.Column("unsure", sa.Boolean, nullable=False),
    sa.Column("release", sa.Text, nullable=False),
    # Null until it is grouped: a source's first poll is grouped after it is stored.
    sa.Column("story_id", Id),
    # Rows of kind, key, section (monitor.hints); null where stored before there were any.
    sa.Column("hints", sa.JSON(none_as_null=True)),
    # The section that a hint says and that is shown in the prediction's stead, and its kind.
    sa.Column("hinted", sa.Text),
    sa.Column("hinted_by", sa.Text),
    # Rows of label, section, rank where it stood in blocks of a page when it was first seen.
    sa.Column("placements", sa.JSON(none_as_null=True)),
    sa.Index("entry_of_source", "source_id", "first_seen_at"),
    sa.Index("entry_of_story", "story_id"),
)

# Where an entry stood on its source's ranked list (monitor.ranking). ``history`` holds
# ``[minutes since 1970, place or null]``.
ranking = sa.Table(
    "ranking",
    metadata,
    sa.Column(
        "entry_id",
        Id,
        sa.ForeignKey("entry.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    sa.Column("source_id", Id, nullable=False),
    sa.Column("first_rank", sa.Integer, nullable=False),
    sa.Column("best_rank", sa.Integer, nullable=False),
    sa.Column("last_rank", sa.Integer, nullable=False),
    sa.Column("first_at", Instant, nullable=False),
    sa.Column("last_at", Instant, nullable=False),
    sa.Column("listed_s", sa.Float, nullable=False),
    sa.Column("heat", sa.BigInteger),
    sa.Column("history", sa.JSON, nullable=False),
    sa.Index("ranking_of_source", "source_id", "last_at"),
)

# Entries that tell the same news; its number is that of its earliest entry. ``joined`` lists
# ``[portal, microseconds, best rank or null]``. ``hot`` orders by heat at any instant (see
# monitor.stories.heat). A story that turned out to be another one keeps its row, with
# ``merged_into``.
story = sa.Table(
    "story",
    metadata,
    sa.Column("id", Id, primary_key=True, autoincrement=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("section", sa.Text, nullable=False),
    sa.Column("first_seen_at", Instant, nullable=False),
    sa.Column("last_seen_at", Instant, nullable=False, index=True),
    sa.Column("entries", sa.Integer, nullable=False),
    sa.Column("portals", sa.Integer, nullable=False),
    sa.Column("joined", sa.JSON, nullable=False),
    sa.Column("best_rank", sa.Integer),
    sa.Column("hot", sa.Float, nullable=False, index=True),
    sa.Column("peak", sa.Integer, nullable=False),
    sa.Column("merged_into", Id),
    sa.Index("story_spread", "portals", "last_seen_at"),
)

# What entries are known by (see monitor.identity). A row outlives its entry: that is the tombstone.
# Keys are random numbers: kept source by source, a poll writes few pages of them, not one each.
seen = sa.Table(
    "seen",
    metadata,
    sa.Column("source_id", Id, primary_key=True, autoincrement=False),
    sa.Column("key", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("entry_id", Id, nullable=False),
    sa.Column("title_hash", sa.BigInteger, nullable=False),
    sa.Column("seen_at", Instant, nullable=False),
    sqlite_with_rowid=False,
)

revision = sa.Table(
    "revision",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column(
        "entry_id", Id, sa.ForeignKey("entry.id", ondelete="CASCADE"), nullable=False, index=True
    ),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("replaced_at", Instant, nullable=False),
)

# Keeps its own copy of the title: a person's work outlives the entry's retention.
correction = sa.Table(
    "correction",
    metadata,
    sa.Column("entry_id", Id, primary_key=True, autoincrement=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("section", sa.Text, nullable=False),
    sa.Column("predicted", sa.Text, nullable=False),
    sa.Column("corrected_at", Instant, nullable=False),
)

# How often an origin of hints was right of a source's entries (monitor.hints.trust).
hint_trust = sa.Table(
    "hint_trust",
    metadata,
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("source_id", Id, primary_key=True, autoincrement=False),
    sa.Column("section", sa.Text, nullable=False),
    sa.Column("said", sa.Integer, nullable=False),
    sa.Column("agreed", sa.Integer, nullable=False),
)
