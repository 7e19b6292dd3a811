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

    def end(self) -> None:
        self._ended.set()
        self._thread.join(5)


@pytest.mark.soak
@pytest.mark.parametrize("world", ["sqlite", "postgres"], indirect=True)
def test_hostile_16_a_storm_leaves_as_its_cap_says_and_others_do_not_wait(world: World) -> None:
    """Delays and memory are judged with the full number alone, and shown with ``-rP``."""
    paths = [f"/storm{feed}" for feed in range(FEEDS)]
    world.add(*(world.portal.add(path, "old") for path in paths), world.portal.add("/calm", "old"))
    with world.database.write() as connection:
        now = datetime.now(UTC)
        rules.add(connection, "storm", "storm", ["mail"], now, RuleOptions(caps=("5/minute",)))
        rules.add(connection, "calm", "calm", ["hook"], now)
    daemon = world.start()
    daemon.ready(60)
    world.wait_for_baselines(FEEDS + 1)
    memory = Memory(daemon.pid)
    for place, path in enumerate(paths):
        numbers = range(place * EACH, (place + 1) * EACH)
        world.portal.publish(path, *(f"storm in place {100_000 + number}" for number in numbers))
    delays = [delay_of(world, f"calm day {1_000 + number}") for number in range(CALM)]
    held_back = entry.c.title.like("storm%")
    until(lambda: len(world.all(entry.c.id, held_back)) == STORM, count(60, 120), "all is stored")
    memory.end()
    world.mails.wait_for(5, 30)
    assert len(world.all(held.c.id, held.c.digest.is_(None))) == STORM - 5

    let_pass(world, A_MINUTE)
    world.mails.wait_for(6, 30)
    digest = world.mails.mails[5]
    assert f"{STORM - 5} headlines" in str(digest.message["Subject"])
    daemon.end()
    assert len(world.mails.mails) == 6
    print(f"delays {delays} s; memory from {memory.seen[:1]} to {max(memory.seen, default=0)} MB")
    if FULL:
        assert max(delays) < 5 + 1, (
            "within 5 s of the poll that brings it, which is due each second"
        )
        assert max(memory.seen) - memory.seen[0] < 100


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
