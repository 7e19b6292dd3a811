"""What was owed, sent and given up, and how the channels do."""

from __future__ import annotations

from typing import Any

from sqlalchemy.engine import RowMapping

from monitor.actions.opening import opened
from monitor.config import Settings
from monitor.errors import NotFound
from monitor.service import utc_now
from monitor.storage import deliveries


def alert_list(settings: Settings, state: str | None, limit: int) -> list[dict[str, Any]]:
    """The newest deliveries, with the title that caused each."""
    with opened(settings) as database, database.read() as connection:
        return [as_json(row) for row in deliveries.list_by_state(connection, state, limit)]


def as_json(row: RowMapping) -> dict[str, Any]:
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
    with opened(settings) as database:
        found = database.run(lambda connection: deliveries.retry(connection, number, utc_now()))
    if not found:
        raise NotFound(
            f"no dead delivery is called {number!r}; see: headlines alerts list --state dead"
        )


def revive_channel(settings: Settings, name: str) -> bool:
    """Forget a channel's trouble, so that what waits for it is due; False when it had none."""
    with opened(settings) as database:
        return database.run(lambda connection: deliveries.enable(connection, name))


def channel_list(settings: Settings) -> list[dict[str, Any]]:
    """Every channel of the settings, with what the outbox knows of it.

    A channel that is owed something and stands in no settings is listed as missing.
    """
    with opened(settings) as database, database.read() as connection:
        states = deliveries.channel_states(connection)
        waiting = deliveries.waiting(connection)
    missing = [name for name in sorted(waiting) if name not in settings.channels]
    found = [
        {"name": name, "kind": table["kind"], "state": states.get(name, "working")}
        for name, table in settings.channels.items()
    ] + [{"name": name, "kind": None, "state": "missing from headlines.toml"} for name in missing]
    return [{**row, "waiting": waiting.get(str(row["name"]), 0)} for row in found]
