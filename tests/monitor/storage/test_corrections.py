"""Titles are looked up at many sources in bounded memory."""

from __future__ import annotations

import tracemalloc
from datetime import UTC, datetime

from monitor.storage import Database, corrections, sources
from monitor.storage.sources import NewSource

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_memory_does_not_grow_with_titles_times_sources(database: Database) -> None:
    new = [NewSource(f"https://s{number}.example/rss") for number in range(1_000)]
    with database.write() as connection:
        sources.add_many(connection, new, NOW)
    titles = [f"title {number}" for number in range(400)]
    tracemalloc.start()
    with database.read() as connection:
        assert not corrections.with_titles(connection, titles)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40e6
