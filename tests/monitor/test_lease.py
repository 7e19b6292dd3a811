"""The daemon's lease on both databases: one holder, freed claims, and no way back after leaving."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from monitor.lease import Lease
from monitor.storage import Database, sources
from monitor.storage.schema import lease as table
from monitor.storage.schema import source
from monitor.storage.sources import NewSource


def obtain(lease: Lease) -> tuple[bool, list[str]]:
    """What ``obtain`` gives at once, and whom it had to stand by for."""
    told: list[str] = []

    async def work() -> bool:
        stopping = asyncio.Event()

        def stand_by(holder: str) -> None:
            told.append(holder)
            stopping.set()

        return await lease.obtain(stopping, stand_by)

    return asyncio.run(work()), told


def test_the_second_hears_of_the_first_until_that_has_left(database: Database) -> None:
    first, second = Lease(database, "first"), Lease(database, "second")
    assert obtain(first) == (True, [])
    assert obtain(second) == (False, ["first"])
    assert first.is_fresh
    assert not second.is_fresh
    first.leave()
    assert obtain(second) == (True, [])


def test_a_lease_that_ran_out_can_be_taken_and_its_holder_is_told_who_has_it(
    database: Database,
) -> None:
    first = Lease(database, "first", length_s=0.0)
    assert first.take() is None
    assert not first.is_fresh
    second = Lease(database, "second")
    assert second.take() is None
    assert Lease(database, "first").take() == "second"


def test_a_renewal_that_comes_after_the_end_takes_nothing(database: Database) -> None:
    first = Lease(database, "first")
    first.take()
    first.leave()
    assert first.take() is None
    assert not first.is_fresh
    with database.read() as connection:
        assert connection.execute(table.select()).all() == []


@pytest.mark.parametrize("claimed_by", ["an earlier daemon", "second"])
def test_taking_over_frees_what_others_had_claimed(database: Database, claimed_by: str) -> None:
    now = datetime.now(UTC)
    with database.write() as connection:
        sources.add_many(connection, [NewSource("http://a.example/")], now)
        assert sources.claim(connection, claimed_by, now, 5, timedelta(hours=1))
    assert obtain(Lease(database, "second")) == (True, [])
    with database.read() as connection:
        left = connection.execute(source.select()).mappings().one()["claimed_by"]
    assert left == (claimed_by if claimed_by == "second" else None)
