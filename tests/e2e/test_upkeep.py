"""Beside its loop: a daemon forgets, changes models, and bears slow and silent peers."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from classifiers import release as releases
from classifiers.registry import Registry, starter_folder
from monitor.health import Event, EventKind, Finding
from monitor.storage import hints, moments, troubles
from monitor.storage.schema import entry, seen, source
from tests.e2e.conftest import World
from tests.e2e.process import until
from tests.httpserver import Exchange


def test_what_is_too_old_is_forgotten_and_does_not_come_back_as_news(world: World) -> None:
    world.add(world.portal.add("/a", "chip old", "chip young"), history=True)
    world.rule("chip", "hook")
    daemon = world.start()
    daemon.ready()
    until(lambda: world.all_settled(2), 60, "both alerts")
    daemon.end()
    with world.database.write() as connection:
        old = entry.update().where(entry.c.title == "chip old")
        connection.execute(old.values(first_seen_at=datetime.now(UTC) - timedelta(days=91)))
    again = world.start()
    again.ready()
    until(lambda: world.stored == ["chip young"], 60, "the old entry goes")
    world.portal.publish("/a", "chip new")
    until(lambda: world.all_settled(3), 60, "the feed, which still lists it, is read again")
    assert sorted(world.stored) == ["chip new", "chip young"]
    assert world.hooks.by_title == {"chip old": 1, "chip young": 1, "chip new": 1}
    assert len(world.all(seen.c.key)) >= 3
    again.end()


@pytest.fixture
def other_release(tmp_path: Path) -> Path:
    """The starter's arrays under another manifest, and so another id."""
    folder = Path(shutil.copytree(starter_folder(), tmp_path / "other"))
    manifest = releases.read_manifest(folder)
    releases.write_manifest(folder, replace(manifest, settings={"note": "another one"}))
    return folder


def test_a_promoted_release_serves_without_a_restart_and_a_damaged_one_does_not(
    world: World, other_release: Path
) -> None:
    world.rule("chip", "hook")
    world.add(world.portal.add("/a", "chip 0"))
    daemon = world.start()
    daemon.ready()
    world.wait_for_baselines(1)
    registry = Registry(world.folder / "data" / "models")
    number = registry.add(other_release)
    world.command("models", "promote", number)
    daemon.hear(f"release {number} is live", 15)
    world.portal.publish("/a", "chip 1")
    until(lambda: "chip 1" in world.stored, 60, "a headline")
    assert world.all(entry.c.release, entry.c.title == "chip 1") == [number]
    # What was there before is scored again.
    until(lambda: set(world.all(entry.c.release)) == {number}, 60, "entries are scored again")
    (registry.root / "current").write_text("{")
    daemon.hear("release is refused", 15)
    world.portal.publish("/a", "chip 2")
    until(lambda: "chip 2" in world.stored, 60, "a headline")
    assert world.all(entry.c.release, entry.c.title == "chip 2") == [number]
    until(lambda: len(world.hooks.by_title) == 2, 60, "both are told")
    daemon.end()
    # Each headline was told once, however often it was scored.
    assert world.hooks.by_title == {"chip 1": 1, "chip 2": 1}
    # A pointer that nobody can read is no reason not to start: the starter serves.
    again = world.start()
    again.ready()
    assert again.said("release is refused")
    again.end()


def test_a_scheduled_retraining_is_told_and_what_it_promotes_serves(world: World) -> None:
    """Its corpus is refused: what serves goes on serving, and the log says why."""
    world.write_settings(
        alerts={"timezone": "UTC"},
        retrain={"schedule": "daily@00:00", "corpora": [f"csv:{world.folder / 'none.csv'}"]},
    )
    with world.database.write() as connection:
        moments.put(connection, "retrained", datetime.now(UTC) - timedelta(days=2))
    daemon = world.start()
    daemon.ready()
    daemon.hear("retraining begins, as scheduled", 15)
    daemon.hear("the old model serves", 60)
    assert daemon.said("none.csv")
    with world.database.read() as connection:
        last = moments.get(connection, "retrained")
    assert last and datetime.now(UTC) - last < timedelta(minutes=5)
    daemon.end()


def test_an_outage_is_not_said_to_be_over_before_anybody_was_asked(world: World) -> None:
    """What an earlier daemon told: its disk has room again, its network nobody knows."""
    told = {EventKind.DISK: "The disk", EventKind.NETWORK: "The network"}
    begun = [
        Event(Finding(kind, "", name, "", ""), datetime.now(UTC)) for kind, name in told.items()
    ]
    with world.database.write() as connection:
        troubles.save(connection, begun)
    daemon = world.start()
    daemon.ready()
    daemon.hear("The disk: all is well again", 15)
    assert not daemon.said("The network")
    with world.database.read() as connection:
        assert [kind for kind, _ in troubles.known(connection)] == [EventKind.NETWORK]
    daemon.end()


def test_a_portal_on_this_machine_does_not_hide_that_the_internet_is_away(world: World) -> None:
    world.add(world.portal.add("/a", "chip 0"))
    for number in range(3):
        world.add(f"http://portal{number}.invalid/feed")
    daemon = world.start()
    daemon.ready()
    daemon.hear("our network seems down", 15)
    world.wait_for_baselines(1)
    daemon.end()
    assert world.all(source.c.failures) == [0] * 4


def test_a_receiver_that_was_down_gets_each_alert_once(world: World) -> None:
    world.add(world.portal.add("/a", "chip 0"))
    world.rule("chip")
    world.hooks.status = 503
    world.mails.answer("RCPT", "451 come back later")
    daemon = world.start()
    daemon.ready()
    world.wait_for_baselines(1)
    world.portal.publish("/a", "chip 1")
    daemon.hear("hook: msg_", 15)
    daemon.hear("mail: msg_", 15)
    assert world.hooks.ids == world.mail_ids() == []
    world.hooks.status = 200
    world.mails.heal()
    # The first wait of the schedule is 5 s, give or take a fifth.
    until(lambda: world.all_settled(2), 60, "both arrive")
    asked = world.portal.asked("/a")
    until(lambda: world.portal.asked("/a") >= asked + 2, 60, "two more polls")
    assert len(world.hooks.ids) == len(world.mail_ids()) == 1
    daemon.end()


def test_silent_servers_hold_up_no_other_source(world: World) -> None:
    """More of them than polls were ever under way at once, each due at a time of its own."""

    async def hang(_exchange: Exchange) -> None:
        await asyncio.Event().wait()

    world.portal.server.fallback(hang)
    world.add(world.portal.add("/a", "chip 0"))
    daemon = world.start()
    daemon.ready()
    world.wait_for_baselines(1)
    for number in range(6):
        path = f"/silent/{number}"
        world.add(world.portal.server.url(path))
        until(lambda path=path: world.portal.asked(path), 60, "the silent server is asked")
    asked = world.portal.asked("/a")
    until(lambda: world.portal.asked("/a") >= asked + 3, 60, "the others are polled")
    daemon.kill()


def test_a_daemon_measures_how_far_hints_are_trusted(world: World) -> None:
    world.add(world.portal.add("/a", "chip 0"))
    daemon = world.start()
    daemon.ready()
    until(lambda: world.database.look(hints.measured_at) is not None, 60, "it is measured")
    daemon.end()
