"""systemd's protocol: what it is told, and when."""

from __future__ import annotations

import signal
import socket
import sqlite3

from tests.e2e.conftest import World
from tests.e2e.process import until


def test_readiness_watchdog_and_the_end_are_told_in_order(world: World) -> None:
    world.add(world.portal.add("/a", "chip"))
    daemon = world.start({"WATCHDOG_USEC": "1000000"})
    daemon.ready()
    until(lambda: daemon.notify.states.count("WATCHDOG=1") >= 4, 60, "the watchdog is fed")
    assert "STATUS=watching 1 sources" in daemon.notify.states
    daemon.end()
    states = daemon.notify.states
    assert states.index("READY=1") < states.index("STOPPING=1")
    assert states.count("READY=1") == states.count("STOPPING=1") == 1


def test_the_watchdog_is_fed_while_the_database_is_held(world: World) -> None:
    """Waiting for another writer is no reason to be killed."""
    daemon = world.start({"WATCHDOG_USEC": "1000000"})
    daemon.ready()
    with sqlite3.connect(world.database.engine.url.database or "") as other:
        other.execute("BEGIN EXCLUSIVE")
        fed = daemon.notify.states.count("WATCHDOG=1")
        until(lambda: daemon.notify.states.count("WATCHDOG=1") >= fed + 12, 60, "still fed")
        other.rollback()
    daemon.end()


def test_reloading_is_told(world: World) -> None:
    daemon = world.start()
    daemon.ready()
    daemon.signal(signal.SIGHUP)
    until(lambda: daemon.notify.heard("STATUS=working"), 60, "the reload ends")
    states = daemon.notify.states
    assert states.index("STATUS=reloading") < states.index("STATUS=working")
    daemon.end()


def test_a_socket_that_is_gone_stops_nobody(world: World) -> None:
    world.add(world.portal.add("/a", "chip"))
    daemon = world.start({"NOTIFY_SOCKET": str(world.folder / "nobody"), "WATCHDOG_USEC": "500000"})
    world.wait_for_baselines(1)
    daemon.end()


def test_a_listener_that_does_not_read_stops_nobody(world: World) -> None:
    """The kernel keeps a few datagrams for it; the next one would wait for ever."""
    world.add(world.portal.add("/a", "chip"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
        deaf.bind(str(world.folder / "deaf"))
        world.start({"NOTIFY_SOCKET": str(world.folder / "deaf"), "WATCHDOG_USEC": "20000"})
        until(lambda: world.portal.asked("/a") >= 5, 60, "it polls on and on")
