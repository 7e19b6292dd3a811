"""SIGKILL anywhere in polling: every item is stored once, and none is lost."""

from __future__ import annotations

import random
import sqlite3
import threading

import pytest

from tests.e2e.conftest import World
from tests.e2e.process import DaemonProcess, until

FEEDS = 20
PER_FEED = 50
READY_S = 10.0
KILLS = {"sqlite": 20, "postgres": 5}


class Assassin:
    """Kills a daemon a moment after the portal has been asked so many more times."""

    def __init__(self, world: World, rng: random.Random) -> None:
        self._rng = rng
        self._target: DaemonProcess | None = None
        self._left = 0
        self.done = threading.Event()
        world.portal.on_request = self._on_request

    def hire(self, target: DaemonProcess) -> None:
        self.done.clear()
        self._left = self._rng.randint(1, FEEDS)
        self._target = target

    def _on_request(self, _count: int) -> None:
        self._left -= 1
        if self._left == 0:
            threading.Timer(self._rng.uniform(0, 0.3), self._strike).start()

    def _strike(self) -> None:
        if self._target is not None:
            self._target.kill()
        self.done.set()


@pytest.mark.parametrize("world", ["sqlite", "postgres"], indirect=True)
def test_hostile_01_killed_while_polling_every_item_is_stored_once(world: World) -> None:
    engine = "postgres" if world.url.startswith("postgres") else "sqlite"
    for feed in range(FEEDS):
        titles = [f"chip {feed} {at}" for at in range(PER_FEED)]
        world.add(world.portal.add(f"/{feed}", *titles, shown=2), history=True)
    world.rule(" OR ".join(f'"chip {feed} {PER_FEED - 1}"' for feed in range(FEEDS)), "hook")
    # Every answer shows more, so that every kill meets something to be stored.
    world.portal.reveals = 1
    assassin = Assassin(world, random.Random(7))
    for _ in range(KILLS[engine]):
        daemon = world.start()
        daemon.ready(READY_S)
        assassin.hire(daemon)
        until(assassin.done.is_set, 60, "the kill")
    last = world.start()
    assert last.ready(READY_S) < READY_S
    world.portal.reveals = PER_FEED
    until(lambda: len(world.stored) >= FEEDS * PER_FEED, 60, "every item is stored")
    until(lambda: len(world.hooks.by_title) == FEEDS, 60, "every alert")
    last.end()
    assert sorted(world.stored) == sorted(world.portal.titles)
    assert set(world.hooks.by_title.values()) == {1}
    if engine == "sqlite":
        with sqlite3.connect(world.database.engine.url.database or "") as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
