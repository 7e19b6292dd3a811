"""The tables, by what they are about."""

from __future__ import annotations

from monitor.storage.schema.alerting import (
    attempt,
    delivery,
    held,
    matched,
    muted,
    rule,
    rule_version,
    told,
    used_link,
)
from monitor.storage.schema.columns import EPOCH, MICROSECOND, Id, Instant, metadata, microseconds
from monitor.storage.schema.news import (
    correction,
    entry,
    hint_trust,
    ranking,
    revision,
    seen,
    story,
)
from monitor.storage.schema.upkeep import channel_state, counter, lease, secret, trouble
from monitor.storage.schema.watched import imported_list, source, source_url, subscription

__all__ = [
    "EPOCH",
    "MICROSECOND",
    "Id",
    "Instant",
    "attempt",
    "channel_state",
    "correction",
    "counter",
    "delivery",
    "entry",
    "held",
    "hint_trust",
    "imported_list",
    "lease",
    "matched",
    "metadata",
    "microseconds",
    "muted",
    "ranking",
    "revision",
    "rule",
    "rule_version",
    "secret",
    "seen",
    "source",
    "source_url",
    "story",
    "subscription",
    "told",
    "trouble",
    "used_link",
]
