"""Pages and hot lists polled whole: what breaks raises its event, and nothing is deleted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from monitor.actions.entries import ranking_of
from monitor.health import DISK_FREE_BYTES
from monitor.rulebook import Rules
from monitor.storage import Database, entries, rules, stories
from monitor.storage.schema import delivery, entry, source
from monitor.stories import heat
from monitor.types import RuleOptions
from monitor.watch import Vitals, Watch
from tests.httpserver import HttpServer, Reply
from tests.monitor.test_pipeline import World

DATA = Path(__file__).parents[1] / "data" / "portals"
OLD = (DATA / "163-article-2016.html").read_bytes()
NEW = (DATA / "163-article-2020.html").read_bytes()
WALL = (
    "<html><head><title>安全验证</title></head><body><h1>请完成下方的滑动验证以继续访问</h1>"
    "</body></html>"
).encode()
QUARTER = timedelta(minutes=15)


class Portal(World):
    """A world with a watch: ``look`` polls, and gives what began or ended since."""

    def __init__(self, database: Database, server: HttpServer) -> None:
        super().__init__(database, server)
        self.watch = Watch(
            Path(), ["mail"], now=lambda: self.now, passed_s=self.seconds,
            free=lambda _: DISK_FREE_BYTES,
        )  # fmt: skip

    def seconds(self) -> float:
        return self.now.timestamp()

    def look(self) -> list[tuple[str, bool]]:
        assert self.poll(QUARTER).sources == 1
        events = self.watch.look(self.database, Rules().book, Vitals())
        return [(event.finding.kind.value, event.over) for event in events]

    @property
    def titles(self) -> list[str]:
        return sorted(self.all(entry.c.title))


@pytest.fixture
def portal(database: Database) -> Iterator[Portal]:
    with HttpServer() as server:
        yield Portal(database, server)


def topics(count: int) -> Reply:
    items = [{"id": str(n), "title": f"Topic {n}", "url": f"/t/{n}"} for n in range(count)]
    return Reply(body=json.dumps({"status": "success", "id": "x", "items": items}).encode())


@pytest.mark.parametrize("body", [NEW, WALL, b"<html><body><p>Nothing here.</p></body></html>"])
def test_hostile_29_a_page_that_is_no_longer_read_raises_yield_drop_and_loses_nothing(
    portal: Portal, body: bytes
) -> None:
    path = "/list"
    portal.server.route(path, Reply(body=OLD))
    portal.add(path, kind="page", options={"selector": ".post_recommend_new h3 a, .ep-list-rank a"})
    assert portal.look() == []
    before = portal.titles
    assert len(before) >= 5
    portal.server.route(path, Reply(body=body))
    assert portal.look() == []
    assert portal.look() == [("source-yield-drop", False)]
    assert portal.look() == []
    assert portal.titles == before
    portal.server.route(path, Reply(body=OLD))
    assert portal.look() == [("source-yield-drop", True)]
    assert portal.titles == before


def test_hostile_20_a_page_that_leads_to_a_login_has_not_moved(portal: Portal) -> None:
    portal.server.route("/list", Reply(body=OLD))
    portal.add("/list", kind="page", options={"selector": "li a"})
    portal.look()
    before = portal.titles
    portal.server.route("/login", Reply(body=b"<html><body><form>Log in</form></body></html>"))
    portal.server.route("/list", Reply(301, headers={"Location": portal.server.url("/login")}))
    for _ in range(4):
        portal.look()
    assert portal.all(source.c.url) == [portal.server.url("/list")]
    portal.server.route("/news", Reply(body=OLD))
    portal.server.route("/list", Reply(301, headers={"Location": portal.server.url("/news")}))
    portal.look()
    portal.look()
    assert portal.all(source.c.url) == [portal.server.url("/news")]
    assert portal.titles == before


def test_hostile_28_a_hot_list_that_is_empty_twice_is_silent_and_keeps_its_topics(
    portal: Portal,
) -> None:
    portal.server.route("/api/s", topics(30))
    portal.add("/api/s", kind="hotlist", options={"adapter": "newsnow"})
    assert portal.look() == []
    before = portal.titles
    assert len(before) == 30
    portal.server.route("/api/s", topics(0))
    assert portal.look() == []
    assert portal.look() == [("source-silent", False)]
    assert portal.titles == before
    portal.server.route("/api/s", topics(31))
    assert portal.look() == [("source-silent", True)]
    assert len(portal.titles) == 31


def test_hostile_28_an_empty_list_of_weibos_form_is_silent_too(portal: Portal) -> None:
    def weibo(count: int) -> Reply:
        listed = [{"word": f"Topic number {n}", "num": n} for n in range(1, count + 1)]
        return Reply(body=json.dumps({"ok": 1, "data": {"realtime": listed}}).encode())

    portal.server.route("/hot", weibo(30))
    portal.add("/hot", kind="hotlist", options={"adapter": "weibo"})
    assert portal.look() == []
    portal.server.route("/hot", weibo(0))
    assert portal.look() == []
    assert portal.look() == [("source-silent", False)]
    assert (portal.all(source.c.failures), len(portal.titles)) == ([0], 30)


def test_a_shrunken_hot_list_is_silent_and_one_short_poll_is_not(portal: Portal) -> None:
    portal.server.route("/api/s", topics(30))
    portal.add("/api/s", kind="hotlist", options={"adapter": "newsnow"})
    portal.look()
    portal.server.route("/api/s", topics(0))
    assert portal.look() == []
    portal.server.route("/api/s", topics(30))
    assert portal.look() == []
    portal.server.route("/api/s", topics(4))
    assert portal.look() == []
    portal.server.route("/api/s", topics(5))
    assert portal.look() == [("source-silent", False)]


def hot(*ids: int, heat: int = 1000) -> Reply:
    items = [
        {"id": str(n), "title": f"Topic number {n}", "url": f"/t/{n}", "extra": {"info": heat + n}}
        for n in ids
    ]
    return Reply(body=json.dumps({"status": "success", "id": "x", "items": items}).encode())


def ways(portal: Portal) -> dict[str, dict[str, Any]]:
    with portal.database.read() as connection:
        rows = entries.list_shown(connection, entries.Filter())
    found = ((row["title"].removeprefix("Topic number "), ranking_of(row)) for row in rows)
    return {title: way for title, way in found if way is not None}


def test_topics_keep_their_way_through_the_list(portal: Portal) -> None:
    portal.add("/api/s", kind="hotlist", options={"adapter": "newsnow"}, interval_s=900.0)
    for reply in (hot(1, 2, 3), hot(2, 1, 3, heat=5000), hot(), hot(2, 3, 4), hot(1, 2, 3)):
        portal.server.route("/api/s", reply)
        portal.look()
    way = ways(portal)
    assert {title: (w["first"], w["best"], w["last"]) for title, w in way.items()} == {
        "1": (1, 1, 1), "2": (2, 1, 2), "3": (3, 2, 3), "4": (3, 3, 3),
    }  # fmt: skip
    # Topic 1 had left before the last poll; an empty list in between is no news.
    assert {title: w["minutes"] for title, w in way.items()} == {"1": 15, "2": 60, "3": 60, "4": 0}
    assert [point["rank"] for point in way["1"]["history"]] == [1, 2, None, 1]
    assert way["2"]["heat"] == 1002
    assert way["4"]["first_at"] == way["4"]["last_at"]


def test_a_list_that_has_not_changed_goes_on(portal: Portal) -> None:
    portal.add("/api/s", kind="hotlist", options={"adapter": "newsnow"}, interval_s=900.0)
    portal.server.route("/api/s", hot(1, 2))
    for _ in range(4):
        portal.look()
    portal.server.route("/api/s", hot(2))
    portal.look()
    assert {title: way["minutes"] for title, way in ways(portal).items()} == {"1": 45, "2": 60}


def test_a_rule_hears_of_a_topic_when_it_has_climbed_and_once(portal: Portal) -> None:
    portal.rule("topic rank:<=2", "top")
    portal.rule("topic", "all")
    portal.add("/api/s", kind="hotlist", options={"adapter": "newsnow"}, interval_s=900.0)
    told = []
    for reply in (
        hot(1, 2, 3, 4), hot(1, 2, 3, 4, 5), hot(1, 3, 2, 4, 5), hot(3, 1, 2, 4, 5), hot(1, 3, 5)
    ):  # fmt: skip
        portal.server.route("/api/s", reply)
        portal.look()
        told.append(sorted(portal.all(delivery.c.rule)))
    assert told == [[], ["all"], ["all", "top"], ["all", "top"], ["all", "top"]]
    [titles] = [
        [entry["title"] for entry in message["entries"]]
        for message in portal.all(delivery.c.message)
        if message["rule"] == "top"
    ]
    assert titles == ["Topic number 3"]


def test_what_climbs_gets_hotter_and_is_followed_up(portal: Portal) -> None:
    with portal.database.write() as connection:
        wanted = RuleOptions(escalate="hot>=2.5")
        rules.add(connection, "all", "topic", ["hook"], portal.now, wanted)
    portal.add("/api/s", kind="hotlist", options={"adapter": "newsnow"}, interval_s=900.0)
    kinds = []
    for reply in (hot(*range(1, 10)), hot(*range(1, 11)), hot(10, *range(1, 10))):
        portal.server.route("/api/s", reply)
        portal.look()
        kinds.append([message["follow_up"] for message in portal.all(delivery.c.message)])
    assert kinds == [[], [False], [False, True]]
    with portal.database.read() as connection:
        [found] = stories.load(connection, [10]).values()
    assert found.best_rank == 1
    assert heat.heat(found.hot, portal.now) > 2.5


def test_what_has_no_place_has_no_way_and_what_is_forgotten_takes_it_along(
    portal: Portal,
) -> None:
    portal.server.route("/list", Reply(body=OLD))
    portal.add("/list", kind="page", options={"selector": "h1, h3 a, li a"})
    portal.add("/api/s", kind="hotlist", options={"adapter": "newsnow"})
    portal.server.route("/api/s", hot(1, 2))
    portal.poll(QUARTER)
    assert sorted(ways(portal)) == ["1", "2"]
    with portal.database.write() as connection:
        connection.execute(sa.delete(entry).where(entry.c.title == "Topic number 1"))
    portal.server.route("/api/s", hot(1, 2))
    portal.poll(QUARTER)
    portal.server.route("/api/s", hot(2, 1))
    portal.poll(QUARTER)
    assert sorted(ways(portal)) == ["2"]


def test_a_place_that_no_database_holds_costs_nothing(portal: Portal) -> None:
    topics = [{"word": "Topic number 1", "position": "0000019999999999999"}]
    body = json.dumps({"data": {"word_list": topics}}).encode()
    portal.server.route("/list", Reply(body=body))
    portal.add("/list", kind="hotlist", options={"adapter": "douyin"})
    assert portal.poll(QUARTER).new_entries == 1
    assert ways(portal)["1"]["last"] == 1


def test_a_heat_that_no_database_holds_costs_nothing(portal: Portal) -> None:
    items = [
        {"id": "1", "title": "Topic number 1", "url": "/1", "extra": {"info": "9" * 15 + "亿"}}
    ]
    body = json.dumps({"status": "success", "id": "x", "items": items}).encode()
    portal.server.route("/api/s", Reply(body=body))
    portal.add("/api/s", kind="hotlist", options={"adapter": "newsnow"})
    assert portal.poll(QUARTER).new_entries == 1
    assert ways(portal)["1"]["heat"] is None
