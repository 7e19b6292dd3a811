"""Caps, quiet hours, snoozes, mutes and follow-ups of several rules, one upon the other."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from monitor.actions import ledger
from monitor.config import Settings
from monitor.manners import read_caps
from monitor.storage import Database, deliveries, rules, telling
from monitor.storage.schema import delivery, entry
from monitor.telling import Standing, tell
from monitor.types import Hit
from tests.fakes import NOW, make_entry
from tests.httpserver import HttpServer, Reply
from tests.monitor.test_digests import HOUR, MORNING, NIGHT, QUIET, Desk
from tests.monitor.test_pipeline import World, rss
from tests.monitor.test_story_rules import AGAIN, watch
from tests.monitor.test_story_rules import tell as publish
from tests.monitor.test_watch import Rig

DAY = NIGHT - 13 * HOUR
MINUTE = timedelta(minutes=1)
SETTINGS = Settings(Path(), "")


@pytest.fixture
def desk(database: Database) -> Desk:
    found = Desk(database)
    found.now = DAY
    return found


def snooze(desk: Desk, name: str, until: datetime | None) -> None:
    """As the command does it; None wakes the rule."""
    with desk.database.write() as connection:
        rules.snooze(connection, name, until)
        telling.move_snoozed(connection, name, until or desk.now)


def use(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let commands work on this database."""
    monkeypatch.setattr(ledger, "opened", lambda _: contextlib.nullcontext(database))


def test_a_cap_holds_though_another_rule_counts_a_shorter_time(desk: Desk) -> None:
    desk.rule("rates", caps=("2/day",))
    desk.rule("banks", caps=("5/minute",))
    assert desk.match_many([["rates"], ["rates"]]) == 2
    desk.now += 2 * MINUTE
    desk.match("rates", "banks")
    assert sum(message.rule == "rates" for message in desk.messages) == 2


def test_no_digest_tells_what_a_cap_held_of_a_rule_that_is_snoozed(desk: Desk) -> None:
    desk.rule("storm", caps=("1/hour",))
    desk.match_many([["storm"]] * 3)
    snooze(desk, "storm", DAY + 5 * HOUR)
    assert desk.release(DAY + HOUR) == 0
    assert desk.release(DAY + 5 * HOUR) == 1
    assert desk.digests[-1].total == 2


def test_no_digest_tells_what_joins_a_story_of_a_rule_that_is_snoozed(desk: Desk) -> None:
    desk.rule("rates", later="digest", digest="hourly")
    desk.match("rates", story=5)
    snooze(desk, "rates", DAY + 5 * HOUR)
    desk.now += MINUTE
    desk.match("rates", story=5)
    assert desk.release(DAY + HOUR) == 0


@pytest.mark.parametrize("woken", [True, False])
def test_a_rule_that_wakes_tells_what_was_held_once(desk: Desk, woken: bool) -> None:
    desk.rule("storm", caps=("1/hour",))
    desk.rule("calm", mode="digest", digest="hourly")
    desk.match_many([["storm"]] * 3)
    desk.match("calm")
    snooze(desk, "storm", DAY + 5 * HOUR)
    assert desk.release(DAY + HOUR) == 1  # of the other rule
    desk.match("storm")
    if woken:
        desk.now = DAY + 2 * HOUR
        snooze(desk, "storm", None)
        assert desk.release() == 1
    else:
        assert desk.release(DAY + 5 * HOUR - MINUTE) == 0
        assert desk.release(DAY + 5 * HOUR) == 1
    assert desk.digests[-1].total == 3


def test_a_rule_without_quiet_hours_waits_for_no_other_rule_s_to_end(desk: Desk) -> None:
    desk.house = replace(QUIET, caps={"mail": read_caps(["2/hour"])})
    desk.rule("rates")
    desk.rule("banks", quiet="off")
    desk.now = NIGHT - 70 * MINUTE
    assert desk.match_many([["rates"]] * 3) == 2
    desk.now = NIGHT + 30 * MINUTE
    assert desk.match("banks") == 1


def test_a_rule_that_is_told_nowhere_any_more_follows_up_on_nothing(desk: Desk) -> None:
    desk.rule("rates", escalate="portals>=3")
    desk.match("rates", story=5)
    with desk.database.write() as connection:
        rule = rules.get(connection, "rates")
        quiet = replace(rule, options=replace(rule.options, mode="none"))
        rules.change(connection, quiet, desk.now)
    desk.now += MINUTE
    assert desk.match(story=5, portals=3) == 0


def test_a_headline_that_climbs_while_it_waits_is_told_once(desk: Desk) -> None:
    desk.house, desk.now = QUIET, NIGHT
    desk.rule("rates", escalate="hot>=2.5")
    book = desk.book()
    headline = make_entry("headline", id=1, story_id=1, first_seen_at=desk.now)
    hits = [Hit(book.ids["rates"], ((0, 8),))]
    for heat, found in ((1.0, hits), (3.0, [])):
        standing = Standing(headline, found, heat)
        desk.database.run(lambda connection, at=standing: tell(connection, [at], book, desk.now))
        desk.now += 20 * MINUTE
    assert desk.release(MORNING) == 1
    [digest] = desk.digests
    assert ([each.id for each in digest.entries], digest.total) == ([1], 1)


def test_a_digest_of_several_rules_is_replayed_for_each(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.house, desk.now = QUIET, NIGHT
    desk.rule("others")
    for name in ("rates", "banks"):
        desk.rule(name)
        desk.match(name)
    desk.release(MORNING)
    [digest] = desk.digests
    with desk.database.write() as connection:
        deliveries.settle_sent(connection, {digest.id: "ok"}, MORNING)
    monkeypatch.setattr(ledger, "utc_now", lambda: MORNING + HOUR)
    use(desk.database, monkeypatch)
    assert ledger.replay(SETTINGS, ledger.Replay(MORNING - HOUR, "others")) == 0
    assert ledger.replay(SETTINGS, ledger.Replay(MORNING - HOUR, "rates")) == 1


def test_the_number_of_any_headline_mutes_its_story(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with HttpServer() as server:
        world = World(database, server)
        watch(world, "/a", "/b", "/c")
        publish(world, "/a")
        publish(world, "/b", title=AGAIN)
        told = sa.select(entry.c.id, entry.c.story_id).where(entry.c.story_id.is_not(None))
        with database.read() as connection:
            first, second = connection.execute(told.order_by(entry.c.id)).all()
        assert first.story_id == second.story_id != second.id
        world.rule("地震", "quake")
        use(database, monkeypatch)
        ledger.mute(SETTINGS, str(second.id))
        publish(world, "/c")
        assert world.all(delivery.c.id) == []


def test_who_heard_of_trouble_hears_that_it_became_another(database: Database) -> None:
    rig = Rig(database)
    rig.rule("event:source-failing", ["hook"])
    rig.add("a", usual_gap_s=600.0, last_new_at=NOW)
    rig.set("a", failures=5, last_error="timeout")
    rig.look()
    rig.now += 48 * HOUR
    rig.set("a", failures=0, last_fetch_at=rig.now, next_fetch_at=rig.now + 24 * HOUR)
    rig.look()
    heard = [text for channel, text in rig.notices if channel == "hook"]
    assert len(heard) == 2
    assert "is over; now" in heard[1]
    rig.set("a", last_new_at=rig.now)
    rig.look()
    assert len([text for channel, text in rig.notices if channel == "hook"]) == 2


def test_a_rule_that_is_removed_during_a_poll_stops_nothing(database: Database) -> None:
    with HttpServer() as server:
        world = World(database, server)
        world.rule("chip")
        world.rule("news", "other")
        world.add("/a", "/b")
        for path in ("/a", "/b"):
            server.route(path, Reply(body=rss("old" + path)))
        world.poll()

        def remove() -> None:
            world.on_classify = lambda: None
            with database.write() as connection:
                rules.remove(connection, "rule")

        world.on_classify = remove
        server.route("/a", Reply(body=rss("new chip", "old/a")))
        server.route("/b", Reply(body=rss("news", "old/b")))
        world.poll(HOUR)
        assert {"news", "new chip"} <= set(world.all(entry.c.title))
        assert len(world.all(delivery.c.id)) == 1
