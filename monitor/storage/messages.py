"""Messages as JSON: what a delivery's row keeps needs no other row to be sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from monitor.messages import AlertEntry, Circumstances, Message, RuleCount

# asdict would copy each value deeply, and an alert is encoded for each of its entries.
_MESSAGE = tuple(field.name for field in fields(Message))
_ENTRY = tuple(field.name for field in fields(AlertEntry))
_THEN = tuple(field.name for field in fields(Circumstances))


def encode(message: Message) -> dict[str, Any]:
    """A message as a JSON document, instants as ISO 8601."""
    document = {name: getattr(message, name) for name in _MESSAGE}
    document["created_at"] = message.created_at.isoformat()
    document["counts"] = [asdict(each) for each in message.counts]
    document["entries"] = [encode_entry(entry) for entry in message.entries]
    return document


def encode_entry(entry: AlertEntry) -> dict[str, Any]:
    """An entry as a JSON document."""
    document = {name: getattr(entry, name) for name in _ENTRY}
    for name in ("published_at", "first_seen_at"):
        document[name] = document[name].isoformat() if document[name] else None
    if entry.then is not None:
        document["then"] = {name: getattr(entry.then, name) for name in _THEN}
    return document


def decode(document: Mapping[str, Any]) -> Message:
    """The message that ``encode`` was given."""
    known = {
        "created_at": datetime.fromisoformat(document["created_at"]),
        "entries": tuple(decode_entry(each) for each in document["entries"]),
        "counts": tuple(RuleCount(**each) for each in document.get("counts", ())),
    }
    return Message(**{**document, **known})


def decode_entry(document: Mapping[str, Any]) -> AlertEntry:
    """The entry that ``encode_entry`` was given."""
    published, then = document["published_at"], document.get("then")
    return AlertEntry(
        **{
            **document,
            "published_at": datetime.fromisoformat(published) if published else None,
            "first_seen_at": datetime.fromisoformat(document["first_seen_at"]),
            "spans": tuple((start, end) for start, end in document["spans"]),
            "then": then and Circumstances(**{**then, "labels": tuple(then["labels"])}),
        }
    )
