"""What is watched, and what is known of where it comes from."""

from __future__ import annotations

import sqlalchemy as sa

from monitor.storage.schema.columns import Id, Instant, metadata

source = sa.Table(
    "source",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("url", sa.Text, nullable=False, unique=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False, server_default="active"),
    sa.Column("section", sa.Text),
    sa.Column("language", sa.Text),
    sa.Column("labels", sa.JSON, nullable=False),
    sa.Column("options", sa.JSON, nullable=False),
    sa.Column("interval_s", sa.Float, nullable=False),
    sa.Column("retention_days", sa.Integer),
    sa.Column("history", sa.Boolean, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("next_fetch_at", Instant, nullable=False),
    sa.Column("claimed_by", sa.Text),
    sa.Column("claimed_until", Instant),
    sa.Column("etag", sa.Text),
    sa.Column("last_modified", sa.Text),
    sa.Column("body_hash", sa.Text),
    sa.Column("redirect_url", sa.Text),
    sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
    sa.Column("last_fetch_at", Instant),
    sa.Column("last_new_at", Instant),
    sa.Column("last_error", sa.Text),
    sa.Column("baseline_at", Instant),
    # What is usual for it: seconds between polls that brought news, entries in a document.
    sa.Column("usual_gap_s", sa.Float),
    sa.Column("usual_yield", sa.Float),
    sa.Column("low_polls", sa.Integer, server_default="0", nullable=False),
    sa.Column("last_yield", sa.Integer),
    # When it publishes (monitor.rhythm), and the seconds that it was last told to wait.
    sa.Column("rhythm", sa.Text),
    sa.Column("wait_s", sa.Float),
    sa.Index("source_due", "state", "next_fetch_at"),
    # A number that was freed must not be given again: keys in ``seen`` are made with it.
    sqlite_autoincrement=True,
)

# Addresses that a source had before, so that a move never looks like a new source.
source_url = sa.Table(
    "source_url",
    metadata,
    sa.Column("url", sa.Text, primary_key=True),
    sa.Column(
        "source_id",
        Id,
        sa.ForeignKey("source.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    sa.Column("replaced_at", Instant, nullable=False),
)

# What imported documents say, in one row: a compressed tree, and the addresses in it that were
# refused. It is kept apart from the sources, which every poll reads.
imported_list = sa.Table(
    "imported_list",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("refused", sa.JSON, nullable=False),
    sa.Column("changed_at", Instant, nullable=False),
)

# What hubs tell of a source's news (monitor.websub); ``token`` is the secret part of the
# address that they send it to.
subscription = sa.Table(
    "subscription",
    metadata,
    sa.Column(
        "source_id",
        Id,
        sa.ForeignKey("source.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    sa.Column("hub", sa.Text, nullable=False),
    sa.Column("topic", sa.Text, nullable=False),
    sa.Column("token", sa.Text, nullable=False),
    sa.Column("secret", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("next_at", Instant, nullable=False),
    sa.Column("lease_ends_at", Instant),
    sa.Column("pushed_at", Instant),  # since its source was last begun to be read
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("last_error", sa.Text),
    sa.Index("subscription_due", "next_at"),
    sa.Index("subscription_token", "token", unique=True),
)
