"""Messages as JSON: what a delivery's row keeps needs no other row to be sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from monitor.types import AlertEntry, Message


def encode(message: Message) -> dict[str, Any]:
    """A message as a JSON document, instants as ISO 8601."""
    document = asdict(message)
    document["created_at"] = message.created_at.isoformat()
    for entry in document["entries"]:
        for name in ("published_at", "first_seen_at"):
            entry[name] = entry[name].isoformat() if entry[name] else None
    return document


def decode(document: Mapping[str, Any]) -> Message:
    """The message that ``encode`` was given."""
    entries = tuple(_entry(each) for each in document["entries"])
    created_at = datetime.fromisoformat(document["created_at"])
    return Message(**{**document, "created_at": created_at, "entries": entries})


def _entry(document: Mapping[str, Any]) -> AlertEntry:
    published = document["published_at"]
    return AlertEntry(
        **{
            **document,
            "published_at": datetime.fromisoformat(published) if published else None,
            "first_seen_at": datetime.fromisoformat(document["first_seen_at"]),
            "spans": tuple((start, end) for start, end in document["spans"]),
        }
    )
