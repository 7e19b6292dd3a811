"""``headlines rules test`` on stored history: a million entries in SQLite.

For each kind of query: processor seconds for the whole trial (sifting, a close look at what
passes, alerts rehearsed), how many of the entries match, and the process's peak memory at the end.
``--quick`` stores 100,000 entries.
"""

from __future__ import annotations

import random
import resource
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from monitor.actions.trial import Wanted, try_history
from monitor.config import Settings
from monitor.service import open_database, utc_now
from monitor.storage import Database, entries, sources
from monitor.storage.entries import NewEntry
from monitor.storage.schema import microseconds
from monitor.storage.sources import NewSource
from monitor.types import RuleOptions
from tests.benchmarks.report import options, show
from tests.benchmarks.rules import HAN, SECTIONS, random_title

PART = 20_000
SPAN = timedelta(days=30)
A, B, C = ("".join(HAN[at : at + 2]) for at in (700, 900, 1_300))
QUERIES = {
    "one_word": A,
    "latin_words": "AI OR iPhone OR market",
    "three_words_not_section": f"({A} OR {B} OR {C}) NOT {HAN[5]} section:finance>=0.5",
    "near": f"NEAR/9({HAN[120]}, {HAN[240]})",
    "regex": f"/{HAN[300]}.{{0,3}}{HAN[8]}/",
    "regex_without_literal": r"/[0-9]{3}[A-Z]/",
    "section": "section:tech",
    "section_rank": "section:tech>=0.9 rank:<=10",
    "section_or_word": f"section:finance OR {HAN[5]}",
    "language": "lang:zh",
    "first": "is:first",
    "excludes": f"NOT {HAN[5]}{HAN[6]}",
    "common_character": HAN[0],
    "near_common": f"NEAR/9({HAN[0]}, {HAN[1]})",
    "regex_everything": "/./",
    "word_common": f"word:{HAN[0]}",
}


def main() -> None:
    """Measure and print."""
    chosen = options(__doc__ or "")
    with tempfile.TemporaryDirectory() as folder:
        show(measure(Path(folder), 100_000 if chosen.quick else 1_000_000), as_json=chosen.json)


def measure(folder: Path, count: int) -> dict[str, object]:
    """All figures over ``count`` entries."""
    settings = Settings(folder, f"sqlite:///{folder / 'headlines.db'}")
    database = open_database(settings)
    started = time.perf_counter()
    fill(database, count)
    database.close()
    filled_s = time.perf_counter() - started
    seconds, matched = {}, {}
    for name, query in QUERIES.items():
        begun_s = time.process_time()
        trial = try_history(settings, Wanted(query, RuleOptions(caps=("20/hour",)), SPAN))
        seconds[name], matched[name] = time.process_time() - begun_s, trial.matched
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "seconds": seconds,
        "matched": matched,
        "entries": count,
        "rss_mb": peak / (1 << 20 if sys.platform == "darwin" else 1 << 10),
        "fill_s": filled_s,
    }


def fill(database: Database, count: int) -> None:
    """Store ``count`` entries of one source, the newest first seen now."""
    rng = random.Random(21)
    now = utc_now()
    step = int(SPAN.total_seconds() * 0.99 * 1e6) // count
    first = microseconds(now) - step * count
    with database.write() as connection:
        sources.add_many(connection, [NewSource("https://portal.example/rss")], now)
        source_id = sources.list_all(connection)[0]["id"]
    titles = [random_title(rng) for _ in range(PART)]
    for at in range(0, count, PART):
        rows = []
        for number in range(at, min(at + PART, count)):
            title = titles[number % PART]
            turned = title[number // PART % len(title) :] + title[: number // PART % len(title)]
            seen_at = first + step * number
            rows.append(
                NewEntry(
                    number + 1, source_id, turned, False, f"https://portal.example/{number}", None,
                    None, "", "[]", number % 49 or None, "zh", None, seen_at, seen_at,
                    SECTIONS[number % 5], number % 100 / 100, SECTIONS[0], False, "bench",
                    number + 1,
                )
            )  # fmt: skip
        with database.write() as connection:
            entries.insert_many(connection, rows, [])


if __name__ == "__main__":
    main()
