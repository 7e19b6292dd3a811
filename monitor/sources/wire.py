"""Frames between a ParserPool and its workers: a length, then marshalled plain values.

``marshal`` is fast and carries no code; both ends are the same interpreter.
"""

from __future__ import annotations

import dataclasses
import marshal
import operator
import struct
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from monitor.identity import Keys
from monitor.types import ParsedEntry, ParsedFeed, Placement

HEADER = struct.Struct("!I")
# What a worker answers: the feed, the sentence of a ParseError, a budget that ran out, its own bug.
DONE, REFUSED, EXCEEDED, BROKEN = range(4)
_FEED_FIELDS = tuple(field.name for field in dataclasses.fields(ParsedFeed))
_feed_values = operator.attrgetter(*_FEED_FIELDS)
_DATE = ParsedEntry._fields.index("published_at")
_PLACEMENTS = ParsedEntry._fields.index("placements")
_ENTRIES = _FEED_FIELDS.index("entries")


def pack(value: Any) -> bytes:
    """One frame."""
    payload = marshal.dumps(value)
    return HEADER.pack(len(payload)) + payload


def unpack(payload: bytes) -> Any:
    """The value of a frame without its header."""
    return marshal.loads(payload)


def request(
    kind: str,
    body: bytes,
    url: str,
    content_type: str,
    charset: str | None,
    options: Mapping[str, object],
    source_id: int,
) -> bytes:
    """A document to parse, as a frame. ``options`` holds plain values only."""
    return pack((kind, body, url, content_type, charset, dict(options), source_id))


class Document(NamedTuple):
    """What a worker read: the feed, and by what each of its entries is known."""

    feed: ParsedFeed
    keys: tuple[Keys, ...]


def from_document(feed: ParsedFeed, keys: Sequence[Keys]) -> tuple[Any, ...]:
    """Plain values for a document."""
    return from_feed(feed), [tuple(each) for each in keys]


def to_document(values: tuple[Any, ...]) -> Document:
    """The document that ``from_document`` took apart."""
    feed, keys = values
    return Document(to_feed(feed), tuple(map(Keys._make, keys)))


def from_feed(feed: ParsedFeed) -> tuple[Any, ...]:
    """Plain values for ``feed``; dates become seconds since 1970."""
    values = list(_feed_values(feed))
    values[_ENTRIES] = [_from_entry(entry) for entry in feed.entries]
    return tuple(values)


def _from_entry(entry: ParsedEntry) -> tuple[Any, ...]:
    values = tuple(entry)
    if entry.published_at is None and not entry.placements:
        return values
    parts: list[Any] = list(values)
    parts[_DATE] = entry.published_at.timestamp() if entry.published_at else None
    parts[_PLACEMENTS] = tuple(map(tuple, entry.placements))
    return tuple(parts)


def to_feed(values: tuple[Any, ...]) -> ParsedFeed:
    """The record that ``from_feed`` took apart."""
    parts = list(values)
    parts[_ENTRIES] = tuple(_to_entry(entry) for entry in parts[_ENTRIES])
    return ParsedFeed(*parts)


def _to_entry(values: tuple[Any, ...]) -> ParsedEntry:
    seconds = values[_DATE]
    if seconds is None and not values[_PLACEMENTS]:
        return ParsedEntry._make(values)
    parts = list(values)
    parts[_DATE] = None if seconds is None else datetime.fromtimestamp(seconds, UTC)
    parts[_PLACEMENTS] = tuple(map(Placement._make, values[_PLACEMENTS]))
    return ParsedEntry._make(parts)
