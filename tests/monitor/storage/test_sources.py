"""Sources: added once, claimed by one, settled by the claim's owner."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from monitor.errors import NotFound, UsageError
from monitor.storage import Database, sources
from monitor.storage.schema import source
from monitor.storage.sources import NewSource
from monitor.types import SourceState

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LEASE = timedelta(minutes=15)


def add(database: Database, *urls: str, **fields: object) -> None:
    new = [NewSource(url, name=url[-1], **fields) for url in urls]  # type: ignore[arg-type]
    with database.write() as connection:
        sources.add_many(connection, new, NOW)


def claim(database: Database, worker: str, now: datetime = NOW, limit: int = 100) -> list[int]:
    with database.write() as connection:
        return [item.id for item in sources.claim(connection, worker, now, limit, LEASE)]


def test_an_address_is_added_once(database: Database) -> None:
    add(database, "http://a/1", "http://a/2", labels=("x",))
    with database.write() as connection:
        assert sources.add_many(connection, [NewSource("http://a/1")], NOW) == 0
        assert sources.find(connection, "http://a/2")["labels"] == ["x"]


def test_a_former_address_is_still_known(database: Database) -> None:
    add(database, "http://a/1")
    with database.write() as connection:
        number = sources.find(connection, "http://a/1")["id"]
        sources.record_moves(connection, [(number, "http://old/1")], NOW)
        assert sources.add_many(connection, [NewSource("http://old/1")], NOW) == 0
        assert sources.find(connection, "http://old/1")["id"] == number


def test_what_nobody_is_called_is_named(database: Database) -> None:
    with database.write() as connection:
        new = [NewSource(url, name="same") for url in ("http://a/1", "http://b/1")]
        sources.add_many(connection, new, NOW)
        with pytest.raises(NotFound, match="feeds list"):
            sources.find(connection, "nothing")
        with pytest.raises(UsageError, match="several"):
            sources.find(connection, "same")


def test_a_claim_belongs_to_one_until_its_lease_ends(database: Database) -> None:
    add(database, "http://a/1", "http://a/2")
    assert len(claim(database, "one")) == 2
    assert claim(database, "two") == []
    assert len(claim(database, "two", NOW + LEASE)) == 2
    with database.write() as connection:
        assert sources.still_claimed(connection, "one", [1, 2]) == set()


def test_two_workers_share_the_due_sources(database: Database) -> None:
    add(database, *(f"http://a/{number}" for number in range(60)))
    got: dict[str, list[int]] = {"one": [], "two": []}
    start = threading.Barrier(2)

    def work(name: str) -> None:
        start.wait(10)
        while found := database.run(
            lambda connection: sources.claim(connection, name, NOW, 7, LEASE)
        ):
            got[name] += [item.id for item in found]

    threads = [threading.Thread(target=work, args=(name,)) for name in got]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    everything = got["one"] + got["two"]
    assert sorted(everything) == sorted(set(everything))
    assert len(everything) == 60


def test_paused_sources_rest_and_resumed_ones_are_due(database: Database) -> None:
    add(database, "http://a/1")
    with database.write() as connection:
        number = sources.find(connection, "http://a/1")["id"]
        sources.set_state(connection, number, SourceState.PAUSED, NOW)
    assert claim(database, "one") == []
    with database.write() as connection:
        sources.set_state(connection, number, SourceState.ACTIVE, NOW)
    assert claim(database, "one") == [number]


@pytest.mark.parametrize(
    ("interval_s", "failures", "hours_ahead", "due"),
    [
        (900.0, 0, 25, True),  # the clock went back by a day
        (900.0, 0, 1.2, False),  # a feed asked for an hour more
        (900.0, 3, 24, False),  # back-off
        (900.0, 3, 40, True),
        (30 * 86400.0, 0, 29 * 24, False),  # a monthly source
        (30 * 86400.0, 0, 32 * 24, True),
    ],
)
def test_hostile_09_a_clock_set_back_leaves_no_source_stuck(
    database: Database, interval_s: float, failures: int, hours_ahead: float, due: bool
) -> None:
    add(database, "http://a/1", interval_s=interval_s)
    with database.write() as connection:
        ahead = NOW + timedelta(hours=hours_ahead)
        connection.execute(sa.update(source).values(next_fetch_at=ahead, failures=failures))
    assert bool(claim(database, "one")) is due


def test_removing_forgets_entries_and_marks_and_never_reuses_the_number(
    database: Database,
) -> None:
    add(database, "http://a/1")
    with database.write() as connection:
        number = sources.find(connection, "http://a/1")["id"]
        sources.remove(connection, number)
    add(database, "http://a/1")
    with database.read() as connection:
        assert sources.find(connection, "http://a/1")["id"] != number


def test_a_new_daemon_frees_what_a_dead_one_had_claimed(database: Database) -> None:
    add(database, "http://a/1")
    claim(database, "dead")
    with database.write() as connection:
        assert sources.release_others(connection, "alive") == 1
    assert len(claim(database, "alive")) == 1
