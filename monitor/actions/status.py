"""``headlines status``: how things stand, in one look."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy.engine import RowMapping

from classifiers.errors import ClassifierError
from monitor.actions.opening import opened
from monitor.config import Settings
from monitor.model import Classifier
from monitor.service import utc_now
from monitor.storage import (
    deliveries,
    entries,
    leases,
    rules,
    sources,
    subscriptions,
    telling,
    troubles,
)
from monitor.types import SourceState

FAILING_SHOWN = 20


def status(settings: Settings) -> dict[str, Any]:
    """Sources, entries, rules, deliveries, the daemon and the model; instants are aware UTC.

    ``failing`` names the sources with the most failures in a row, at most 20; ``channels``
    those that do not simply work; ``held`` counts headlines that wait for a digest;
    ``troubles`` have been told and are not over, at most 20.
    """
    now = utc_now()
    with opened(settings) as database, database.read() as connection:
        rows = sources.list_all(connection)
        return {
            "daemon": leases.holder(connection, "daemon", now),
            "last_poll_at": max((row["last_fetch_at"] for row in rows if row["last_fetch_at"]),
                                default=None),
            "next_poll_at": sources.next_due_at(connection),
            "sources": sources.counts(connection),
            "failing": failing(rows),
            "entries": {
                "stored": entries.count(connection),
                "last_24h": entries.count(connection, now - timedelta(days=1)),
            },
            "subscriptions": subscriptions.counts(connection, now),
            "rules": len(rules.list_all(connection)),
            "deliveries": deliveries.counts(connection),
            "held": telling.held_count(connection),
            "troubles": [
                {"kind": kind, "name": name, "since": since}
                for kind, name, since in troubles.listed(connection, FAILING_SHOWN)
            ],
            "channels": deliveries.channel_states(connection),
            "model": model(settings),
        }  # fmt: skip


def failing(rows: Sequence[RowMapping]) -> list[dict[str, Any]]:
    """The active sources that fail, the longest failing first."""
    found = [row for row in rows if row["failures"] and row["state"] == SourceState.ACTIVE]
    found.sort(key=lambda row: -row["failures"])
    names = ("id", "name", "url", "failures", "last_error", "next_fetch_at")
    return [{name: row[name] for name in names} for row in found[:FAILING_SHOWN]]


def model(settings: Settings) -> str:
    """The live release's id, or why it cannot be used."""
    try:
        return Classifier(settings.data / "models").scorer.release
    except ClassifierError as error:
        return f"unusable: {error}"
