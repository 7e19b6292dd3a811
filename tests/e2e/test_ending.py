"""SIGTERM: what was decided is stored, what was claimed is given back, all within 10 s."""

from __future__ import annotations

import signal
import sqlite3
import threading
import time

from monitor.storage.schema import delivery, lease, source
from tests.e2e.conftest import World
from tests.e2e.process import DaemonProcess, until
from tests.httpserver import Exchange

FEEDS = 10


def hanging_feed(world: World) -> str:
    """A source whose answer never ends."""

    async def hang(exchange: Exchange) -> None:
        await exchange.raw(b"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\n\r\n<rss>")
        await exchange.drip(b" ", every_s=0.05)

    world.portal.server.route("/hang", hang)
    return world.portal.server.url("/hang")


def under_load(world: World) -> DaemonProcess:
    """A daemon with growing feeds, a slow receiver, and a fetch that would take for ever."""
    world.portal.reveals = 1
    for feed in range(FEEDS):
        titles = [f"chip {feed} {at}" for at in range(40)]
        world.add(world.portal.add(f"/{feed}", *titles, shown=2), history=True)
    world.add(hanging_feed(world))
    world.rule("chip", "hook")
    world.hooks.delay_s = 0.1
    daemon = world.start()
    daemon.ready()
    until(
        lambda: (
            world.portal.asked("/hang") and len(world.hooks.ids) >= 3 and world.baselines == FEEDS
        ),
        20,
        "the load is on",
    )
    return daemon


def assert_nothing_is_claimed(world: World) -> None:
    assert world.all(source.c.id, source.c.claimed_by.is_not(None)) == []
    assert world.all(delivery.c.id, delivery.c.state == "claimed") == []
    assert world.all(lease.c.holder) == []


def test_hostile_05_sigterm_under_load_ends_in_time_and_loses_nothing(world: World) -> None:
    daemon = under_load(world)
    hung_up = world.portal.server.hung_up
    took_s = daemon.end()
    assert took_s < 10.0
    assert took_s >= 4.5, "a fetch in flight has 5 s to end"
    until(lambda: world.portal.server.hung_up > hung_up, 2, "the slow fetch is cut off")
    assert_nothing_is_claimed(world)
    assert set(world.stored) == world.portal.answered
    # Whatever was owed then arrives now, and nothing arrives twice: nobody was killed.
    owed, world.hooks.delay_s, world.portal.reveals = world.owed, 0.0, 0
    assert owed > 0
    again = world.start()
    again.ready()
    until(lambda: not world.owed, 60, "what is owed arrives")
    assert set(world.hooks.by_title) == set(world.stored)
    assert set(world.hooks.by_title.values()) == {1}
    assert world.hooks.repeated == 0


def test_hostile_05_a_second_sigterm_ends_at_once_and_loses_nothing_stored(world: World) -> None:
    daemon = under_load(world)
    daemon.signal(signal.SIGTERM)
    daemon.hear("stopping")
    stored = set(world.stored)
    started_s = time.monotonic()
    daemon.signal(signal.SIGTERM)
    daemon.process.wait(5)
    assert time.monotonic() - started_s < 2.0
    assert daemon.process.returncode == 1
    assert stored <= set(world.stored)
    world.hooks.delay_s, world.portal.reveals = 0.0, 100
    again = world.start()
    assert again.ready() < 10
    until(lambda: set(world.stored) == world.portal.titles, 60, "everything is stored")
    until(lambda: not world.owed, 60, "everything arrives")
    assert len(world.stored) == len(world.portal.titles)
    assert set(world.hooks.by_title.values()) == {1}


def test_sigint_drains_like_sigterm(world: World) -> None:
    world.add(world.portal.add("/a", "chip"))
    daemon = world.start()
    daemon.ready()
    world.wait_for_baselines(1)
    daemon.signal(signal.SIGINT)
    assert daemon.process.wait(10) == 0
    assert_nothing_is_claimed(world)


def test_sigterm_ends_in_time_although_the_database_is_held(world: World) -> None:
    world.add(world.portal.add("/a", "chip"))
    daemon = world.start()
    daemon.ready()
    world.wait_for_baselines(1)
    path = world.database.engine.url.database or ""
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    held = threading.Event()

    def hold(_count: int) -> None:
        if not held.is_set():
            other.execute("BEGIN EXCLUSIVE")
            held.set()

    world.portal.publish("/a", "news")
    world.portal.on_request = hold
    until(held.is_set, 60, "a poll that cannot be stored")
    assert daemon.end() < 10.0
    other.close()
    again = world.start()
    again.ready()
    until(lambda: "news" in world.stored, 60, "the next daemon stores it")
    assert sorted(world.stored) == ["chip", "news"]
