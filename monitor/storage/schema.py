"""The tables. Instants are microseconds since 1970 UTC, so both databases compare them alike."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Dialect

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def microseconds(instant: datetime) -> int:
    """Microseconds since 1970, as ``Instant`` columns hold them."""
    return (instant - EPOCH) // MICROSECOND


class Instant(sa.types.TypeDecorator[datetime]):
    """An aware UTC datetime, stored as microseconds since 1970."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else microseconds(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else EPOCH + timedelta(microseconds=value)


# SQLite's row id is an INTEGER; only that spelling makes a column an alias of it.
Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
metadata = sa.MetaData()

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

# Keys that this installation made for itself.
secret = sa.Table(
    "secret",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)

# Trouble that has been told and is not over.
trouble = sa.Table(
    "trouble",
    metadata,
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("subject", sa.Text, primary_key=True),
    sa.Column("since", Instant, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
)

# What the outbox learnt of a channel: since when it only fails, and whether it is switched off.
channel_state = sa.Table(
    "channel_state",
    metadata,
    sa.Column("channel", sa.Text, primary_key=True),
    sa.Column("failing_since", Instant),
    sa.Column("disabled_at", Instant),
    sa.Column("reason", sa.Text, nullable=False),
)

lease = sa.Table(
    "lease",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("until", Instant, nullable=False),
)

counter = sa.Table(
    "counter",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.BigInteger, nullable=False),
)
