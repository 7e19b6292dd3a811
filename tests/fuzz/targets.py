"""What is fuzzed: each target reads one input as a parser process would, and judges the result.

A target raises for what its reader promises never to do: any exception but ParseError, a
result that cannot be stored, a processor time over the budget.
"""

from __future__ import annotations

import contextlib
import time
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC
from urllib.parse import urlsplit

from monitor.errors import ParseError
from monitor.identity import keys_of
from monitor.sources import SOURCE_KINDS, adapters, wire
from monitor.sources.dates import from_epoch, parse_date
from monitor.sources.decode import decode
from monitor.types import ParsedEntry, ParsedFeed
from tests.fuzz import seeds

# A fifth of the parser's, since inputs are small; instrumented code is a few times slower too.
BUDGET_S = 1.0
_CONTROL = {"Cc", "Cs"}
_LARGEST, _LARGEST_RANK = 2**63, 2**31


class Unfit(AssertionError):
    """A result that breaks its reader's contract."""


@dataclass(frozen=True, slots=True)
class Target:
    """``read`` judges one input. ``words`` help the fuzzer to get past the first bytes."""

    read: Callable[[bytes], None]
    seeds: tuple[bytes, ...]
    words: tuple[bytes, ...] = ()
    largest: int = 8_192


def within_budget(target: Target, body: bytes) -> None:
    """Judge one input, and how long it took. Raises for each failure."""
    start = time.process_time()
    target.read(body)
    if (took := time.process_time() - start) > BUDGET_S:
        raise Unfit(f"{len(body)} bytes took {took:.2f} s, more than {BUDGET_S} s")


def _feed(body: bytes) -> None:
    _document("feed", body, "https://paper.example/feed.xml", {})


def _charset(body: bytes) -> None:
    """The first line is what the server declares."""
    label, _, rest = body.partition(b"\n")
    found = decode(rest, label.decode("latin-1") or None)
    _storable([found.charset, *found.problems])
    found.text.encode()


def _date(body: bytes) -> None:
    text = body.decode("utf-8", "replace")
    found = [parse_date(text)]
    with contextlib.suppress(ValueError):
        found.append(from_epoch(float(text)))
    for instant in filter(None, found):
        if instant.tzinfo is not UTC or not 1990 <= instant.year < 2100:
            raise Unfit(f"{instant!r} is no instant in UTC that can be believed")


def _page(body: bytes) -> None:
    """The first byte chooses the way: by an adapter, by a selector, or by guessing."""
    ways = _page_ways()
    url, options = ways[body[0] % len(ways)] if body else ways[0]
    _document("page", body[1:], url, options)


def _json(body: bytes) -> None:
    """The first byte chooses the list's adapter, or a JSON Feed's address."""
    ways = _json_ways()
    kind, options = ways[body[0] % len(ways)] if body else ways[0]
    _document(kind, body[1:], "https://list.example/hot.json", options)


def _page_ways() -> list[tuple[str, dict[str, object]]]:
    urls = ["https://paper.example/", *seeds.PAGE_URLS]
    ways: list[tuple[str, dict[str, object]]] = [(url, {}) for url in urls]
    return [*ways, (urls[0], {"selector": "ul a"}), (urls[1], {"guess": True})]


def _json_ways() -> list[tuple[str, dict[str, object]]]:
    lists = [each.name for each in adapters.known().values() if each.kind == adapters.HOTLIST]
    named: list[tuple[str, dict[str, object]]] = [
        ("hotlist", {"adapter": name}) for name in sorted(lists)
    ]
    return [("auto", {}), ("feed", {}), *named]


def _document(kind: str, body: bytes, url: str, options: dict[str, object]) -> None:
    """What a parser process does with a document, there and back."""
    source = SOURCE_KINDS[kind]
    try:
        feed = source.parse(body, url=url, options=source.options(**options))
    except ParseError as error:
        str(error).encode()
        return
    sent = wire.pack(wire.from_document(feed, keys_of(1, feed.entries)))
    came = wire.to_document(wire.unpack(sent[wire.HEADER.size :])).feed
    if came != feed:
        raise Unfit("the document changed between the processes")
    check_feed(feed)


def check_feed(feed: ParsedFeed) -> None:
    """Raise Unfit for what its type's docstring rules out, and for what no database takes."""
    _storable([feed.format, feed.title, feed.link, feed.language or "", *feed.problems])
    _storable([feed.hub, feed.topic])
    for entry in feed.entries:
        _check_entry(entry)


def _check_entry(entry: ParsedEntry) -> None:
    _storable([entry.title, entry.url, entry.guid or "", entry.author or "", entry.summary])
    _storable([*entry.categories, entry.section_hint or ""])
    if len(entry.title) > 1_000 or not unicodedata.is_normalized("NFC", entry.title):
        raise Unfit(f"the title is too long or not NFC: {entry.title[:80]!r}")
    if any(unicodedata.category(char) in _CONTROL for char in entry.title):
        raise Unfit(f"the title has control characters: {entry.title[:80]!r}")
    if entry.url and not urlsplit(entry.url).scheme:
        raise Unfit(f"the address is not absolute: {entry.url[:80]!r}")
    if entry.rank is not None and not 1 <= entry.rank < _LARGEST_RANK:
        raise Unfit(f"rank {entry.rank} is no place that a database takes")
    if entry.heat is not None and not 0 <= entry.heat < _LARGEST:
        raise Unfit(f"heat {entry.heat} fits no database")


def _storable(texts: Iterable[str]) -> None:
    """A database takes no NUL and no half of a surrogate pair."""
    for text in texts:
        if "\0" in text:
            raise Unfit(f"a NUL stands in {text[:80]!r}")
        text.encode()


TARGETS = {
    "feed": Target(_feed, seeds.FEEDS, seeds.FEED_WORDS),
    "charset": Target(_charset, seeds.CHARSETS, seeds.CHARSET_WORDS, 2_048),
    "date": Target(_date, seeds.DATES, seeds.DATE_WORDS, 200),
    "page": Target(_page, seeds.PAGES, seeds.PAGE_WORDS),
    "json": Target(_json, seeds.JSON, seeds.JSON_WORDS),
}
