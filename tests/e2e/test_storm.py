"""A storm of headlines for one rule: it leaves as its cap says, and keeps nobody else waiting."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from monitor.storage import rules
from monitor.storage.schema import delivery, entry, held
from monitor.types import RuleOptions
from tests.e2e.conftest import World
from tests.e2e.process import until
from tests.soak import FULL, count

FEEDS = count(4, 20)
EACH = count(60, 500)
STORM = FEEDS * EACH
USUAL = count(40, 2_000)
CALM = 5
A_MINUTE = timedelta(seconds=61)


class Memory:
    """The resident memory of a process in MB, looked at five times a second."""

    def __init__(self, pid: int) -> None:
        self.seen: list[float] = []
        self._status = Path(f"/proc/{pid}/status")
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._ended.wait(0.2):
            lines = self._status.read_text().splitlines()
            size = next(line for line in lines if line.startswith("VmRSS"))
            self.seen.append(int(size.split()[1]) / 1024)

    def falls(self, megabytes: float) -> None:
        """Wait until it is less again."""
        until(
            lambda: self.seen[-1] < megabytes, 60, f"under {megabytes:.0f} MB: {self.seen[-1]:.0f}"
        )

    def end(self) -> None:
        self._ended.set()
        self._thread.join(5)


@pytest.mark.soak
@pytest.mark.parametrize("world", ["sqlite", "postgres"], indirect=True)
def test_hostile_16_a_storm_leaves_as_its_cap_says_and_others_do_not_wait(world: World) -> None:
    """Delays and memory are judged with the full number alone, and shown with ``-rP``."""
    paths = [f"/storm{feed}" for feed in range(FEEDS)]
    others = [world.portal.add(path, "old") for path in ("/calm", "/usual")]
    world.add(*(world.portal.add(path, "old") for path in paths), *others)
    with world.database.write() as connection:
        now = datetime.now(UTC)
        rules.add(connection, "storm", "storm", ["mail"], now, RuleOptions(caps=("5/minute",)))
        rules.add(connection, "calm", "calm", ["hook"], now)
    daemon = world.start()
    daemon.ready(60)
    world.wait_for_baselines(FEEDS + 2)
    world.portal.publish("/usual", *(f"usual in place {number}" for number in range(USUAL)))
    stored_of(world, "usual%", USUAL)
    memory = Memory(daemon.pid)
    until(lambda: memory.seen, 5, "memory is looked at")
    for place, path in enumerate(paths):
        numbers = range(place * EACH, (place + 1) * EACH)
        world.portal.publish(path, *(f"storm in place {100_000 + number}" for number in numbers))
    delays = [delay_of(world, f"calm day {1_000 + number}") for number in range(CALM)]
    stored_of(world, "storm%", STORM)
    if FULL:
        memory.falls(memory.seen[0] + 25)
    memory.end()
    world.mails.wait_for(5, 30)
    assert len(world.all(held.c.id, held.c.digest.is_(None))) == STORM - 5

    let_pass(world, A_MINUTE)
    world.mails.wait_for(6, 30)
    digest = world.mails.mails[5]
    assert f"{STORM - 5} headlines" in str(digest.message["Subject"])
    daemon.end()
    assert len(world.mails.mails) == 6
    before, *seen = memory.seen
    print(f"delays {delays} s; memory from {before:.0f} over {max(seen):.0f} to {seen[-1]:.0f} MB")
    if FULL:
        assert max(delays) < 5
        assert max(memory.seen) - memory.seen[0] < 50


def stored_of(world: World, like: str, number: int) -> None:
    """Wait until so many titles are stored."""
    found = entry.c.title.like(like)
    until(lambda: len(world.all(entry.c.id, found)) == number, count(60, 120), f"{like} is stored")


def delay_of(world: World, title: str) -> float:
    """Publish a headline of the calm rule: seconds until its alert has arrived."""
    started_s = time.monotonic()
    world.portal.publish("/calm", title)
    until(lambda: title in world.hooks.titles.values(), 60, f"{title} arrives")
    return round(time.monotonic() - started_s, 1)


def let_pass(world: World, span: timedelta) -> None:
    """Everything that the caps know of happened so much longer ago."""
    with world.database.write() as connection:
        made, due = delivery.c.created_at, held.c.release_at
        for table, column in ((delivery, made), (held, due)):
            for at in set(connection.scalars(sa.select(column))):
                earlier = sa.update(table).where(column == at).values({column: at - span})
                connection.execute(earlier)
