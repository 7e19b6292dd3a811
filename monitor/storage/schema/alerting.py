"""Rules, what they match, and what is owed for it: the outbox, its ledger, what waits."""

from __future__ import annotations

import sqlalchemy as sa

from monitor.storage.schema.columns import Id, Instant, metadata

rule = sa.Table(
    "rule",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("query", sa.Text, nullable=False),
    sa.Column("channels", sa.JSON, nullable=False),
    sa.Column("enabled", sa.Boolean, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("options", sa.JSON, nullable=False, server_default="{}"),
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
    sa.Column("snoozed_until", Instant),
    sqlite_autoincrement=True,
)

# Every version of every rule, also of those that are gone: an alert names the one it came from.
rule_version = sa.Table(
    "rule_version",
    metadata,
    sa.Column("rule", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("query", sa.Text, nullable=False),
    sa.Column("changed_at", Instant, nullable=False),
)

matched = sa.Table(
    "matched",
    metadata,
    sa.Column(
        "rule_id",
        Id,
        sa.ForeignKey("rule.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    sa.Column(
        "entry_id",
        Id,
        sa.ForeignKey("entry.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    sa.Column("spans", sa.JSON, nullable=False),
    sa.Column("matched_at", Instant, nullable=False),
    sa.Index("matched_entry", "entry_id"),
)

# The outbox. ``message`` is frozen when the alert is decided: it needs no other row to be sent.
delivery = sa.Table(
    "delivery",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("entry_id", Id),
    sa.Column("message", sa.JSON, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("next_attempt_at", Instant, nullable=False),
    sa.Column("claimed_by", sa.Text),
    sa.Column("claimed_until", Instant),
    sa.Column("settled_at", Instant),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False, server_default="alert"),
    sa.Index("delivery_due", "state", "next_attempt_at"),
    sa.Index("delivery_entry", "entry_id"),
    sa.Index("delivery_made", "channel", "created_at"),
)

# Every attempt, with the receiver's answer: the ledger.
attempt = sa.Table(
    "attempt",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column(
        "delivery_id",
        sa.Text,
        sa.ForeignKey("delivery.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("ended_at", Instant, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("next_attempt_at", Instant),
)

# Which rule has told of which story: one alert each, and what has joined it since.
told = sa.Table(
    "told",
    metadata,
    sa.Column("rule", sa.Text, primary_key=True),
    sa.Column("story", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("first_at", Instant, nullable=False),
    sa.Column("last_at", Instant, nullable=False),
    sa.Column("times", sa.Integer, nullable=False),
    sa.Column("joined", sa.Integer, nullable=False),
    sa.Column("escalated_at", Instant),
    sa.Index("told_story", "story"),
    sa.Index("told_last", "last_at"),
)

# What waits to be told together: a digest's row takes it over, and stays for the ledger.
held = sa.Table(
    "held",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("story", sa.BigInteger, nullable=False),
    sa.Column("entry_id", Id, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("top", sa.Integer, nullable=False),
    sa.Column("weight", sa.Float, nullable=False),
    sa.Column("entry", sa.JSON, nullable=False),
    sa.Column("held_at", Instant, nullable=False),
    sa.Column("release_at", Instant, nullable=False),
    sa.Column("digest", sa.Text),
    sa.Index("held_due", "digest", "release_at", "channel"),
    sa.Index("held_entry", "entry_id"),
    sa.Index("held_waiting", "digest", "channel", "reason", "rule"),
    sqlite_autoincrement=True,
)

# Stories that a person wants to hear nothing of.
muted = sa.Table(
    "muted",
    metadata,
    sa.Column("story", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("muted_at", Instant, nullable=False),
)

# Links that were used, until they would have expired.
used_link = sa.Table(
    "used_link",
    metadata,
    sa.Column("mark", sa.Text, primary_key=True),
    sa.Column("expires_at", Instant, nullable=False),
)
