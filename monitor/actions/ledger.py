"""What was owed, sent and given up, and how the channels do."""

from __future__ import annotations

from typing import Any

from monitor.config import Settings
from monitor.errors import NotFound
from monitor.service import open_database, utc_now
from monitor.storage import deliveries


def alert_list(settings: Settings, state: str | None, limit: int) -> list[dict[str, Any]]:
    """The newest deliveries, with the title that caused each."""
    with open_database(settings).read() as connection:
        return [as_json(row) for row in deliveries.list_by_state(connection, state, limit)]


def as_json(row: Any) -> dict[str, Any]:
    """A delivery as the command line shows it."""
    message = row["message"]
    told = message.get("entries") or []
    return {
        "id": row["id"],
        "state": row["state"],
        "channel": row["channel"],
        "rule": row["rule"],
        "attempts": row["attempts"],
        "created_at": row["created_at"],
        "next_attempt_at": row["next_attempt_at"] if row["state"] == "pending" else None,
        "settled_at": row["settled_at"],
        "title": told[0]["title"] if told else message.get("notice", ""),
        "detail": row["detail"],
    }


def retry(settings: Settings, number: str) -> None:
    """Owe a dead delivery again, under its old id. Raises NotFound."""
    database = open_database(settings)
    if not database.run(lambda connection: deliveries.retry(connection, number, utc_now())):
        raise NotFound(
            f"no dead delivery is called {number!r}; see: headlines alerts list --state dead"
        )


def channel_list(settings: Settings) -> list[dict[str, Any]]:
    """Every channel of the settings, with what the outbox knows of it."""
    with open_database(settings).read() as connection:
        states = deliveries.channel_states(connection)
        waiting = deliveries.waiting(connection)
    return [
        {
            "name": name,
            "kind": table["kind"],
            "state": states.get(name, "working"),
            "waiting": waiting.get(name, 0),
        }
        for name, table in settings.channels.items()
    ]
