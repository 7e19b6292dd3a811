"""How fast and how well feeds are read, beside feedparser.

Clean: well-formed feeds that hold at least one titled entry, feeds a second: the real ones
where ``../shared`` (or HEADLINES_SHARED) is there, else generated ones of 25 entries.
Damage: fifteen kinds of it done to thirty feeds; the share of entries whose title and link
are both right. Both readers get the same bytes.
"""

from __future__ import annotations

import csv
import gc
import html
import math
import os
import time
from collections.abc import Callable
from pathlib import Path

import feedparser

from monitor.errors import ParseError
from monitor.sources import feed
from tests.benchmarks.damage import damaged, make
from tests.benchmarks.report import options, show

URL = "https://portal.example/feed.xml"
Pairs = set[tuple[str, str]]


def shared() -> Path:
    """The folder of real documents beside the clone."""
    beside = Path(__file__).parents[3] / "shared"
    return Path(os.environ.get("HEADLINES_SHARED", beside))


def clean_documents() -> list[bytes]:
    """Well-formed feeds with titled entries."""
    real = shared() / "real"
    outcomes = real / "feedparser_outcomes.tsv"
    if not outcomes.exists():
        return [make(seed)[0].encode() for seed in range(300)]
    with outcomes.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        names = [row["path"] for row in rows if row["bozo"] == "0" and int(row["titled"])]
    return [(real / name).read_bytes() for name in names]


def ours(body: bytes) -> Pairs:
    """Title and link of every entry, by this program."""
    try:
        return {(entry.title, entry.url) for entry in feed.parse(body, url=URL).entries}
    except ParseError:
        return set()


def theirs(body: bytes) -> Pairs:
    """The same by feedparser; titles with and without one more round of entities."""
    entries = feedparser.parse(body).entries
    titles = [" ".join(entry.get("title", "").split()) for entry in entries]
    links = [entry.get("link", "") for entry in entries]
    plain = [" ".join(html.unescape(title).split()) for title in titles]
    return {*zip(titles, links, strict=True), *zip(plain, links, strict=True)}


def seconds(read: Callable[[bytes], object], body: bytes) -> float:
    """Processor time to read ``body`` once."""
    started = time.process_time()
    read(body)
    return time.process_time() - started


def measure_clean(rounds: int) -> dict[str, float]:
    """Feeds a second: rounds of all documents by one reader, then by the other, as either
    would run; the best time of each document counts, since the machine may be shared."""
    bodies = clean_documents()
    best = {ours: [math.inf] * len(bodies), feedparser.parse: [math.inf] * len(bodies)}
    for _ in range(rounds):
        for read, times in best.items():
            gc.collect()
            for place, body in enumerate(bodies):
                times[place] = min(times[place], seconds(read, body))
    mine, other = (len(bodies) / sum(times) for times in best.values())
    return {"ours": mine, "feedparser": other, "ratio": mine / other, "feeds": len(bodies)}


def measure_damage(feeds: int) -> dict[str, object]:
    """Shares of entries right, in all and for each kind."""
    right: dict[str, list[int]] = {}
    for kind, body, truths in damaged(feeds):
        counts = right.setdefault(kind, [0, 0, 0])
        for place, found in enumerate((ours(body), theirs(body))):
            counts[place] += sum((truth.title, truth.link) in found for truth in truths)
        counts[2] += len(truths)
    total = sum(counts[2] for counts in right.values())
    kinds = {
        kind: {"ours": mine / of, "feedparser": other / of}
        for kind, (mine, other, of) in right.items()
    }
    return {
        "ours": sum(counts[0] for counts in right.values()) / total,
        "feedparser": sum(counts[1] for counts in right.values()) / total,
        "entries": total,
        "kinds": kinds,
    }


def main() -> None:
    """Print both tables."""
    chosen = options("Reading feeds, beside feedparser")
    figures = {
        "clean": measure_clean(rounds=3 if chosen.quick else 6),
        "damage": measure_damage(feeds=6 if chosen.quick else 30),
    }
    show(figures, as_json=chosen.json)


if __name__ == "__main__":
    main()
