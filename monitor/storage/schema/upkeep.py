"""What the program keeps of itself."""

from __future__ import annotations

import sqlalchemy as sa

from monitor.storage.schema.columns import Instant, metadata

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
