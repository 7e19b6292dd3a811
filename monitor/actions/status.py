"""``headlines status``: how things stand, in one look."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from monitor.config import Settings
from monitor.model import Classifier
from monitor.service import open_database, utc_now
from monitor.storage import deliveries, entries, leases, rules, sources


def status(settings: Settings) -> dict[str, Any]:
    """Sources, entries, rules, deliveries, the daemon and the model."""
    now = utc_now()
    with open_database(settings).read() as connection:
        found = sources.counts(connection)
        return {
            "sources": found,
            "next_poll_at": sources.next_due_at(connection),
            "entries": {
                "stored": entries.count(connection),
                "last_24h": entries.count(connection, now - timedelta(days=1)),
            },
            "rules": len(rules.list_all(connection)),
            "deliveries": deliveries.counts(connection),
            "daemon": leases.holder(connection, "daemon", now),
            "model": Classifier(settings.data / "models").scorer.release,
        }
