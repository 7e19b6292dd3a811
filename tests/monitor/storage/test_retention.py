"""Old entries go in small batches; their marks stay, and what an alert owes stays whole."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from monitor.storage import Database, entries, leases, retention, sources
from monitor.storage.entries import Mark, NewEntry
from monitor.storage.schema import delivery, entry, microseconds, seen
from monitor.storage.sources import NewSource

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def row(number: int, age_days: float, source_id: int = 1) -> NewEntry:
    return NewEntry(
        id=number, source_id=source_id, title=f"t{number}", title_cut=False, url="", guid=None,
        author=None, summary="", categories="[]", rank=None, language="en", section_hint=None,
        published_at=None, first_seen_at=microseconds(NOW - timedelta(days=age_days)),
        section="tech", probability=0.5, runner_up="auto", unsure=False, release="r",
    )  # fmt: skip


def mark(key: int, number: int, age_days: float) -> Mark:
    return Mark(key, 1, number, 1, microseconds(NOW - timedelta(days=age_days)))


def fill(database: Database, *rows: NewEntry, keep: int | None = None) -> None:
    with database.write() as connection:
        sources.add_many(connection, [NewSource("http://a/1", retention_days=keep)], NOW)
        marks = [mark(1000 + item.id, item.id, 100) for item in rows]
        entries.insert_many(connection, rows, marks)


def left(database: Database) -> list[int]:
    with database.read() as connection:
        return list(connection.scalars(sa.select(entry.c.id).order_by(entry.c.id)))


def test_old_entries_go_and_their_marks_stay(database: Database) -> None:
    fill(database, row(1, 91), row(2, 89))
    with database.write() as connection:
        assert retention.delete_entries(connection, NOW, 90, 500) == 1
        assert retention.delete_marks(connection, NOW, 730, 500) == 0
        assert entries.known(connection, {1001: 1})[1001].entry_id == 1
    assert left(database) == [2]


def test_a_batch_is_no_larger_than_asked(database: Database) -> None:
    fill(database, *(row(number, 100) for number in range(1, 8)))
    with database.write() as connection:
        assert retention.delete_entries(connection, NOW, 90, 3) == 3
    assert len(left(database)) == 4


def test_a_source_may_keep_its_entries_longer_or_shorter(database: Database) -> None:
    fill(database, row(1, 20), row(2, 5), keep=10)
    with database.write() as connection:
        retention.delete_entries(connection, NOW, 90, 500)
    assert left(database) == [2]


def test_what_an_alert_still_owes_is_never_deleted(database: Database) -> None:
    fill(database, row(1, 100), row(2, 100))
    with database.write() as connection:
        for number, state in ((1, "pending"), (2, "sent")):
            connection.execute(
                sa.insert(delivery).values(
                    id=f"d{number}", channel="c", rule="r", entry_id=number, message={},
                    state=state, attempts=0, created_at=NOW, next_attempt_at=NOW,
                    settled_at=NOW - timedelta(days=91), detail="",
                )
            )  # fmt: skip
        retention.delete_entries(connection, NOW, 90, 500)
        assert retention.delete_deliveries(connection, NOW, 90, 500) == 1
    assert left(database) == [1]


def test_marks_go_when_no_poll_has_met_them_for_long(database: Database) -> None:
    with database.write() as connection:
        entries.add_marks(connection, [mark(1, 1, 731), mark(2, 2, 731)])
        assert retention.delete_marks(connection, NOW, 730, 500) == 0  # met when last read
        entries.refresh_marks(connection, {2: 1}, NOW)
        assert retention.delete_marks(connection, NOW, 730, 500) == 1
        assert list(connection.scalars(sa.select(seen.c.key))) == [2]


def test_a_lease_has_one_holder_until_it_lapses(database: Database) -> None:
    length = timedelta(seconds=30)
    with database.write() as connection:
        assert leases.take(connection, "daemon", "one", NOW, length) is None
        assert leases.take(connection, "daemon", "two", NOW, length) == "one"
        assert leases.take(connection, "daemon", "one", NOW + length / 2, length) is None
        assert leases.take(connection, "daemon", "two", NOW + length, length) == "one"
        assert leases.take(connection, "daemon", "two", NOW + 2 * length, length) is None
        leases.drop(connection, "daemon", "one")
        assert leases.holder(connection, "daemon", NOW + 2 * length) == "two"


def test_a_lease_from_a_clock_ahead_counts_as_lapsed(database: Database) -> None:
    length = timedelta(seconds=30)
    with database.write() as connection:
        leases.take(connection, "daemon", "one", NOW + timedelta(days=1), length)
        assert leases.take(connection, "daemon", "two", NOW, length) is None
