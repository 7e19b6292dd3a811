"""Pages and hot lists polled whole: what breaks raises its event, and nothing is deleted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from monitor.health import DISK_FREE_BYTES
from monitor.rulebook import Rules
from monitor.storage import Database
from monitor.storage.schema import entry
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
            Path(), ["mail"], now=lambda: self.now, monotonic=self.seconds,
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
def test_hostile_28_a_page_that_is_no_longer_read_raises_yield_drop_and_loses_nothing(
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


def test_a_hot_list_that_is_empty_twice_is_silent_and_keeps_its_topics(portal: Portal) -> None:
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
