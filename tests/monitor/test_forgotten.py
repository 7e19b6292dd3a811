"""What is removed, forgotten or put back from a backup is told neither twice nor as other news."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from monitor import wishes
from monitor.actions import ledger
from monitor.actions import stories as hot
from monitor.actions.ledger import Replay
from monitor.config import Settings
from monitor.links import Linker
from monitor.storage import Database, deliveries, entries, retention, sources, telling
from monitor.storage import stories as rows
from monitor.storage.ledger import Wanted
from monitor.storage.schema import delivery, held, told, used_link
from monitor.storage.sources import NewSource
from monitor.stories.heat import Newcomer, begin, join
from monitor.telling import Standing, tell
from monitor.types import Hit
from tests.fakes import NOW, make_entry
from tests.httpserver import HttpServer
from tests.monitor import test_story_rules as portals
from tests.monitor.storage.test_retention import fill, row
from tests.monitor.test_digests import HOUR, MORNING, NIGHT, QUIET, Desk
from tests.monitor.test_pipeline import World

DAY = timedelta(days=1)
SETTINGS = Settings(Path(), "")


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)


@pytest.fixture
def world(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """One story that one of two portals has told, and a rule that told it."""
    use(database, monkeypatch)
    with HttpServer() as server:
        world = World(database, server)
        world.rule("地震", "quake")
        portals.watch(world, "/a", "/b")
        assert portals.tell(world, "/a") == 1
        yield world


def use(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (ledger, hot):
        monkeypatch.setattr(module, "opened", lambda _: contextlib.nullcontext(database))


def forget(database: Database, desk_at: timedelta, days: int = 90, marks: int = 730) -> None:
    retention.forget(database, lambda: NOW + desk_at, days, marks, lambda: True)


def told_by_two(database: Database) -> None:
    """Story 1: entry 1 of one feed, entry 2 of another."""
    with database.write() as connection:
        sources.add_many(connection, [NewSource("http://a/1"), NewSource("http://b/2")], NOW)
        told = [row(1, 0, 1)._replace(story_id=1), row(2, 0, 2)._replace(story_id=1)]
        entries.insert_many(connection, told, [])
        first = Newcomer(1, "央行宣布降息", "http://a/x", "a", "finance", None, NOW)
        second = Newcomer(2, "央行宣布降息", "http://b/x", "b", "finance", None, NOW)
        rows.save(connection, [join(begin(first), second)])


def remove(database: Database, source_id: int = 1) -> None:
    with database.write() as connection:
        assert sources.remove(connection, source_id)


@pytest.mark.parametrize("how", ["removed", "kept for a day", "retention"])
def test_one_story_one_alert_though_what_told_it_is_gone(world: World, how: str) -> None:
    world.now += 26 * HOUR
    with world.database.write() as connection:
        if how == "removed":
            sources.remove(connection, 1)
        elif how == "kept for a day":
            connection.execute(sa.text("UPDATE source SET retention_days = 1"))
        sent = dict.fromkeys(connection.scalars(sa.select(delivery.c.id)), "ok")
        deliveries.settle_sent(connection, sent, world.now)
    days = 1 if how == "retention" else 90
    retention.forget(world.database, lambda: world.now, days, 730, lambda: True)
    portals.tell(world, "/b", title=portals.AGAIN)
    assert len(world.all(delivery.c.id)) == 1


def test_a_muted_story_stays_so_though_its_feed_is_gone(world: World) -> None:
    [number] = world.all(delivery.c.id)
    ledger.mute(SETTINGS, number)
    remove(world.database)
    portals.tell(world, "/b", title=portals.AGAIN)
    assert world.all(delivery.c.id) == [number]


def test_a_story_without_headlines_is_not_hot(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hot, "utc_now", lambda: world.now)
    titles = [each.story.title for each in hot.hottest(SETTINGS, None, 5)]
    assert portals.QUAKE in titles
    remove(world.database)
    assert portals.QUAKE not in [each.story.title for each in hot.hottest(SETTINGS, None, 5)]


def test_a_story_that_its_first_feed_left_can_be_muted(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(database, monkeypatch)
    told_by_two(database)
    remove(database)
    assert ledger.mute(SETTINGS, "1") == "1 央行宣布降息"
    with database.read() as connection:
        assert telling.muted_among(connection, [1]) == {1}


def test_a_story_that_goes_on_is_told_once_however_short_marks_are_kept(desk: Desk) -> None:
    desk.rule("rates")
    told_by_two(desk.database)

    def match(number: int) -> int:
        book = desk.book()
        entry = make_entry(f"headline {number}", id=number, story_id=1, url=f"http://a/{number}")
        found = [Standing(entry, [Hit(book.ids["rates"], ((0, 8),))])]
        return desk.database.run(lambda connection: tell(connection, found, book, desk.now))

    desk.now = NOW
    assert match(1) == 1
    forget(desk.database, 2 * DAY, marks=1)
    desk.now = NOW + 2 * DAY
    assert match(2) == 0


def test_a_digest_that_waits_longer_than_the_retention_stays_each_rule_s(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(desk.database, monkeypatch)
    desk.house, desk.now = QUIET, NIGHT
    for name in ("rates", "banks"):
        desk.rule(name)
        desk.match(name)
    assert desk.release(MORNING) == 1
    later = MORNING + 8 * DAY  # the channel was switched off, and is on again
    retention.forget(desk.database, lambda: later, 7, 730, lambda: True)
    assert len(list(ledger.alert_list(SETTINGS, Wanted(rule="rates")))) == 1
    with desk.database.write() as connection:
        deliveries.settle_sent(connection, {desk.digests[0].id: "ok"}, later)
    monkeypatch.setattr(ledger, "utc_now", lambda: later)
    assert ledger.replay(SETTINGS, Replay(NIGHT, rule="rates")) == 1


@pytest.mark.parametrize(
    ("days", "marks", "keep"),
    [(1_000_000, 730, None), (90, 1_000_000, None), (90, 730, 1_000_000_000)],
)
def test_what_is_kept_for_ever_keeps_nothing_else(
    database: Database, days: int, marks: int, keep: int | None
) -> None:
    fill(database, row(1, 1000), keep=keep)
    with database.write() as connection:
        connection.execute(sa.insert(used_link).values(mark="mute:1:1", expires_at=NOW - DAY))
    forget(database, timedelta(), days, marks)
    with database.read() as connection:
        assert connection.scalars(sa.select(used_link.c.mark)).all() == []


def put_back(desk: Desk) -> None:
    """The database of a backup that was made just before the digest."""
    with desk.database.write() as connection:
        connection.execute(sa.update(held).values(digest=None))
        connection.execute(sa.delete(delivery).where(delivery.c.kind == "digest"))


@pytest.mark.parametrize("more", [True, False])
def test_after_a_restore_no_digest_has_the_id_of_one_with_other_news(
    desk: Desk, more: bool
) -> None:
    desk.rule("rates", caps=("1/hour",))
    desk.match_many([["rates"]] * 3)
    assert desk.release(NIGHT + HOUR) == 1
    [before] = desk.digests
    put_back(desk)
    desk.now += timedelta(minutes=10)
    if more:
        desk.match("rates")  # one pass polls first
    assert desk.release() == 1
    [after] = desk.digests
    assert (after.total, after.id == before.id) == (3 if more else 2, not more)


def test_after_a_restore_a_digest_s_link_mutes_no_other_story(desk: Desk) -> None:
    desk.rule("rates", mode="digest", digest="hourly")
    desk.match("rates", story=1)
    desk.match("rates", story=2)
    assert desk.release(NIGHT + HOUR) == 1
    [before] = desk.digests
    second = next(each for each in before.entries if each.story_id == 2)
    linker = Linker(b"key", "https://h.example")
    ticket = linker.read(linker.mute(before, second).rpartition("/")[2])
    assert ticket is not None
    assert desk.database.look(lambda found: wishes.look(found, ticket, desk.now))
    put_back(desk)
    with desk.database.write() as connection:  # the backup is older than story 2
        connection.execute(sa.delete(held).where(held.c.story == 2))
        connection.execute(sa.delete(told).where(told.c.story == 2))
    assert desk.release() == 1
    assert desk.database.look(lambda found: wishes.look(found, ticket, desk.now)) is None
