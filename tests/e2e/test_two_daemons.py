"""Two daemons on one database: one works, the other stands by, takes over, and says so."""

from __future__ import annotations

import contextlib
import itertools
import signal
import sqlite3
import time
from pathlib import Path

import pytest

from monitor.lease import LEASE_S
from monitor.storage.schema import lease
from tests.e2e.conftest import World
from tests.e2e.process import DaemonProcess, until
from tests.httpserver import Reply

STANDING_BY = "STATUS=standing by"


def holder(world: World) -> str:
    """The process that the lease names."""
    return "".join(world.all(lease.c.holder)).split(":")[1]


def started_pair(world: World) -> tuple[DaemonProcess, DaemonProcess]:
    """One that polls ``/a`` every second, and one that has said that it stands by."""
    world.add(world.portal.add("/a", "chip 0"))
    world.rule("chip")
    first = world.start()
    first.ready()
    world.wait_for_baselines(1)
    second = world.start()
    second.ready(status=STANDING_BY)
    return first, second


def put_to_sleep(world: World, daemon: DaemonProcess) -> None:
    """SIGSTOP, but not amid a write: SQLite would keep its lock for the sleeper."""
    state = Path(f"/proc/{daemon.pid}/stat")
    while True:
        daemon.signal(signal.SIGSTOP)
        until(lambda: state.read_text().rpartition(")")[2].split()[0] == "T", 10, "it sleeps")
        probe = sqlite3.connect(world.url.removeprefix("sqlite:///"), timeout=2.0)
        with contextlib.closing(probe), contextlib.suppress(sqlite3.OperationalError):
            probe.execute("BEGIN IMMEDIATE")
            return
        daemon.signal(signal.SIGCONT)


def assert_the_loop_goes_on(world: World, number: int) -> None:
    """A new headline arrives, by both channels, and everything so far came once."""
    world.portal.publish("/a", f"chip {number}")
    until(lambda: world.all_settled(2 * number), 60, "mail and webhook")
    assert world.hooks.by_title == {f"chip {at}": 1 for at in range(1, number + 1)}
    assert world.hooks.repeated == 0
    assert len(world.mail_ids()) == len(set(world.mail_ids())) == number


def test_the_heartbeat_ends_with_the_working_daemon_and_goes_on_with_the_next(world: World) -> None:
    world.portal.server.route("/beat", Reply(200))
    world.write_settings(alerts={"heartbeat_url": world.portal.server.url("/beat")})

    def beats() -> int:
        return world.portal.server.count("/beat")

    first, second = started_pair(world)
    until(beats, 60, "a heartbeat")
    assert beats() == 1  # the one that stands by keeps silent
    first.kill()
    assert not second.said("watching")
    second.hear("watching", LEASE_S + 30)
    until(lambda: beats() == 2, 60, "the heartbeat of the second")


def assert_polls_are_apart(world: World, since_s: float, apart_s: float) -> None:
    """Two pollers of one source would show as requests closer than its interval."""
    times = [request.at for request in world.portal.server.requests if request.at >= since_s]
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert len(gaps) >= 3
    assert min(gaps) >= apart_s, gaps


@pytest.mark.parametrize("world", ["sqlite", "postgres"], indirect=True)
def test_hostile_08_the_second_stands_by_and_takes_over_from_a_killed_first(world: World) -> None:
    first, second = started_pair(world)
    started_s = time.monotonic()
    second.hear("another daemon works on this database")
    assert_the_loop_goes_on(world, 1)
    asked = world.portal.asked("/a")
    until(lambda: world.portal.asked("/a") >= asked + 4, 60, "some polls")
    assert_polls_are_apart(world, started_s, 0.5)
    assert not second.said("polled")
    assert holder(world) == str(first.pid)

    killed_s = time.monotonic()
    first.kill()
    second.ready(60, status="STATUS=watching")
    assert time.monotonic() - killed_s < LEASE_S / 2, "a dead process is not waited for"
    assert_the_loop_goes_on(world, 2)
    assert holder(world) == str(second.pid)


def test_hostile_08_the_second_takes_over_within_seconds_of_a_clean_end(world: World) -> None:
    first, second = started_pair(world)
    first.end()
    second.ready(15.0 + time.monotonic() - second.started_s, status="STATUS=watching")
    assert_the_loop_goes_on(world, 1)
    second.end()


def test_hostile_08_a_stand_by_ends_at_once_and_harms_nobody(world: World) -> None:
    _, second = started_pair(world)
    assert second.end() < 3.0
    assert_the_loop_goes_on(world, 1)


def test_hostile_08_a_daemon_that_was_asleep_for_longer_than_its_lease_notices(
    world: World,
) -> None:
    first, second = started_pair(world)
    put_to_sleep(world, first)
    stopped_s = time.monotonic()
    second.ready(60 + stopped_s - second.started_s, status="STATUS=watching")
    took_s = time.monotonic() - stopped_s
    assert LEASE_S / 2 < took_s < 60, "its process lives: only the lease's end frees its place"
    world.portal.publish("/a", "chip 1")
    until(lambda: world.all_settled(2), 60, "mail and webhook")
    woken_s = time.monotonic()
    first.signal(signal.SIGCONT)
    first.hear("has taken over")
    until(lambda: first.notify.states.count(STANDING_BY) == 1, 60, "the first stands by")
    polled = first.text().count('"polled"')
    asked = world.portal.asked("/a")
    until(lambda: world.portal.asked("/a") >= asked + 4, 60, "some polls")
    assert_polls_are_apart(world, woken_s, 0.5)
    assert first.text().count('"polled"') == polled
    assert_the_loop_goes_on(world, 2)
    # It is of use again: the second ends, and the first goes back to work.
    second.end()
    watching = "STATUS=watching 1 sources"
    until(lambda: first.notify.states.count(watching) == 2, 60, "the first works again")
    assert_the_loop_goes_on(world, 3)
