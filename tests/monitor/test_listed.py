"""Where hot lists, stories and follow-ups meet."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from monitor.actions.rehearsal import Heard, rehearse
from monitor.manners import manners_of
from monitor.storage import Database, stories
from monitor.storage.schema import delivery, entry, source
from monitor.stories import heat
from monitor.stories.address import portal_of
from monitor.stories.grouping import Told, likeness_of
from monitor.stories.heat import Newcomer
from monitor.storybook import StoryBook, group_some
from monitor.telling import Standing, tell
from monitor.types import Hit, RuleOptions
from tests.fakes import make_entry
from tests.httpserver import HttpServer, Reply
from tests.monitor import test_pipeline
from tests.monitor.test_digests import HOUR, MORNING, NIGHT, QUIET, Desk
from tests.monitor.test_portal_polls import QUARTER, Portal, hot, ways
from tests.monitor.test_story_rules import AGAIN, QUAKE

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def portal(database: Database) -> Iterator[Portal]:
    with HttpServer() as server:
        yield Portal(database, server)


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)


def newsnow(portal: Portal, path: str = "/api/s", **more: Any) -> None:
    portal.add(path, kind="hotlist", options={"adapter": "newsnow"}, interval_s=900.0, **more)


def show(portal: Portal, reply: Reply, path: str = "/api/s", later: timedelta = QUARTER) -> None:
    portal.server.route(path, reply)
    portal.poll(later)


def told_by(portal: Portal) -> list[str]:
    return sorted(portal.all(delivery.c.rule))


def kr(flashes: list[int], hottest: list[int]) -> Reply:
    def link(n: int, kind: str) -> str:
        return f'<a class="{kind}" href="https://36kr.com/p/{n}">Great topic number {n}</a>'

    body = "".join(link(n, "hotlist-item-other-title") for n in hottest) + "".join(
        f'<div class="newsflash-item">{link(n, "item-title")}</div>' for n in flashes
    )
    return Reply(body=f"<html><body>{body}</body></html>".encode())


def test_a_headline_that_comes_into_a_ranked_block_later_is_told(
    portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    parse = test_pipeline._Heard.parse

    async def there(self: Any, kind: str, body: bytes, **said: Any) -> Any:
        return await parse(self, kind, body, **{**said, "url": "https://36kr.com/"})

    monkeypatch.setattr(test_pipeline._Heard, "parse", there)
    portal.rule("topic rank:<=3", "top")
    portal.add("/", kind="page", options={"adapter": "36kr"}, interval_s=900.0)
    show(portal, kr([101, 102, 103], [104, 105]), "/")
    show(portal, kr([106, 101, 102, 103], [104, 105]), "/")
    assert told_by(portal) == []
    show(portal, kr([101, 102, 103], [106, 104, 105]), "/")
    assert told_by(portal) == ["top"]
    show(portal, kr([101, 102, 103], [104, 105]), "/")
    show(portal, kr([101, 102, 103], [106, 104, 105]), "/")
    assert told_by(portal) == ["top"]
    with portal.database.read() as connection:
        assert [
            s.best_rank
            for s in stories.load(connection, portal.all(entry.c.id)).values()
            if s.title.endswith("106")
        ] == [1]


def shifting(poll: int, *topics: int) -> Reply:
    """A list that gives each topic another id and link at each poll."""
    items = [
        {"id": f"{poll}-{n}", "title": f"Topic number {n}", "url": f"/t/{poll}/{n}"} for n in topics
    ]
    return Reply(body=json.dumps({"status": "success", "id": "x", "items": items}).encode())


def test_what_climbs_is_told_though_the_list_changes_its_ids(portal: Portal) -> None:
    portal.rule("topic rank:<=2", "top")
    newsnow(portal)
    show(portal, shifting(1, 1, 2, 3, 4))
    show(portal, shifting(2, 1, 2, 3, 4))
    show(portal, shifting(3, 4, 1, 2, 3))
    assert len(portal.all(entry.c.id)) == 4
    assert told_by(portal) == ["top"]


def stand(desk: Desk, warmth: float, *, hits: bool) -> None:
    """Tell how the one headline stands that the rule has matched, or matches now."""
    book = desk.book()
    headline = make_entry("headline 1", id=1, story_id=1, first_seen_at=desk.now)
    found = [Hit(book.ids["rates"], ((0, 8),))] if hits else []
    standing = Standing(headline, found, warmth)
    desk.database.run(lambda connection: tell(connection, [standing], book, desk.now))


def test_a_follow_up_at_night_comes_in_the_morning_though_the_weekly_digest_has_it(
    desk: Desk,
) -> None:
    desk.house, desk.now = QUIET, NIGHT
    desk.rule("rates", mode="digest", digest="weekly@sat 08:00", escalate="hot>=2.5")
    stand(desk, 1.0, hits=True)
    desk.now += 20 * MINUTE
    stand(desk, 3.0, hits=False)
    assert desk.release(MORNING) == 1
    assert desk.release(MORNING + 6 * DAY) == 0


def test_a_follow_up_by_the_one_that_joined_comes_in_the_morning(desk: Desk) -> None:
    desk.house = QUIET
    desk.now = NIGHT - 3 * HOUR
    desk.rule("rates", later="digest", digest="weekly@sat 08:00", escalate="portals>=3")
    assert desk.match("rates", story=5) == 1
    desk.now = NIGHT
    desk.match("rates", story=5, portals=3)
    assert desk.release(MORNING) == 1


def test_a_follow_up_beyond_the_cap_comes_with_what_the_cap_holds(desk: Desk) -> None:
    desk.now = NIGHT
    desk.rule(
        "rates", later="digest", digest="weekly@sat 08:00", escalate="portals>=3", caps=("1/hour",)
    )
    assert desk.match("rates", story=5) == 1
    desk.now += 10 * MINUTE
    desk.match("rates", story=5, portals=3)
    assert desk.release(NIGHT + HOUR) == 1


def named(*topics: str) -> Reply:
    items = [
        {
            "id": t.partition(" ")[0],
            "title": f"Topic number {t}",
            "url": f"/t/{t.partition(' ')[0]}",
        }
        for t in topics
    ]
    return Reply(body=json.dumps({"status": "success", "id": "x", "items": items}).encode())


def test_a_title_that_is_edited_has_the_best_place_that_it_reached(portal: Portal) -> None:
    portal.rule("quake rank:<=1", "top")
    newsnow(portal)
    show(portal, named("1", "2", "3"))
    show(portal, named("4", "1", "2", "3"))
    show(portal, named("1", "2", "3", "4 quake"))
    assert told_by(portal) == ["top"]


def test_what_is_usual_is_known_though_something_climbs_first(desk: Desk) -> None:
    def begun(number: int) -> heat.Story:
        told = Newcomer(number, f"title {number}", "", "a.cn", "world", 9, NIGHT)
        return heat.begin(told)

    def work(connection: Connection) -> float:
        usual = [replace(begun(number), portals=6, peak=6) for number in range(100, 112)]
        story = begun(1)
        for number, portal in ((2, "b.cn"), (3, "c.cn")):
            story = heat.join(story, begun_by(portal, number))
        stories.save(connection, [*usual, story])
        return StoryBook().facts(connection, {1: 1}, NIGHT)[1].burst

    assert desk.database.run(work) == 0.0


def begun_by(portal: str, number: int) -> Newcomer:
    return Newcomer(number, "title", "", portal, "world", 9, NIGHT)


def test_what_is_told_again_as_it_is_by_then_is_not_followed_up_besides(desk: Desk) -> None:
    desk.rule("rates", cooldown_s=3600.0, escalate="portals>=3")
    assert desk.match("rates", story=5) == 1
    desk.now += 2 * HOUR
    assert desk.match("rates", story=5, portals=3) == 1
    assert [m.entries[0].title for m in desk.messages] == ["headline 1", "headline 2"]


def titled(*titles: str) -> Reply:
    items = [{"id": t, "title": t, "url": f"/t/{n}{len(t)}"} for n, t in enumerate(titles)]
    return Reply(body=json.dumps({"status": "success", "id": "x", "items": items}).encode())


def test_what_climbs_before_it_is_grouped_is_told_once(portal: Portal) -> None:
    portal.rule("地震 rank:<=2", "quake")
    for path in ("/a", "/b", "/c"):
        newsnow(portal, path)
        portal.server.route(path, titled("第一条很长的旧闻标题", "第二条很长的旧闻标题"))
        portal.poll()
    old = ("第一条很长的旧闻标题", "第二条很长的旧闻标题")
    newsnow(portal, "/d")
    show(portal, titled(*old, AGAIN), "/d", timedelta(0))
    newsnow(portal, "/e")
    show(portal, titled(*old, QUAKE), "/e", timedelta(0))
    show(portal, titled(old[0], QUAKE, old[1]), "/e")
    assert told_by(portal) == ["quake"]
    while group_some(portal.database, StoryBook(), portal.now):
        pass
    show(portal, titled(QUAKE, *old), "/b")
    with portal.database.read() as connection:
        found = connection.execute(sa.select(entry.c.story_id, entry.c.title)).all()
    assert len({story for story, title in found if "地震" in title}) == 1
    assert told_by(portal) == ["quake"]


def test_each_list_of_a_newsnow_is_a_portal() -> None:
    base = "https://newsnow.busiyi.world/api/s?id="
    assert len({portal_of(base + name) for name in ("weibo", "zhihu", "baidu")}) == 3


def test_what_another_list_of_a_newsnow_has_half_a_day_later_is_the_same_news() -> None:
    base = "https://newsnow.busiyi.world/api/s?id="
    one = Told(1, QUAKE, "https://s.weibo.com/1", portal_of(base + "weibo"), NIGHT)
    other = Told(2, QUAKE, "https://zhihu.com/2", portal_of(base + "zhihu"), NIGHT + 13 * HOUR)
    assert likeness_of(one, other).same


def test_a_clock_that_jumped_and_came_back_breaks_no_way(portal: Portal) -> None:
    newsnow(portal)
    show(portal, hot(1, 2, 3))
    portal.now += DAY
    show(portal, hot(1, 2, 3, heat=5))
    portal.now -= DAY
    with portal.database.write() as connection:
        connection.execute(sa.update(source).values(next_fetch_at=portal.now))
    for n in range(4):
        show(portal, hot(1, 2, 4, heat=10 + n))
        with portal.database.write() as connection:
            connection.execute(sa.update(source).values(next_fetch_at=portal.now))
    way = ways(portal)["4"]
    assert [point["rank"] for point in way["history"]] == [3]
    assert way["minutes"] == 45


def test_a_digest_that_tells_again_takes_no_follow_up_away(desk: Desk) -> None:
    desk.rule(
        "rates", mode="digest", digest="daily@08:00", cooldown_s=3600.0, escalate="portals>=3"
    )
    desk.match("rates", story=5)
    desk.now += 2 * HOUR
    assert desk.match("rates", story=5, portals=3) == 1
    assert desk.messages[0].follow_up


def test_a_rehearsal_counts_a_headline_that_follows_up_at_night_once(desk: Desk) -> None:
    wanted = {"later": "digest", "digest": "weekly@sat 08:00", "escalate": "portals>=3"}
    desk.house = QUIET
    desk.rule("rates", **wanted)
    heard = []
    for at, portals in ((NIGHT - 3 * HOUR, 1), (NIGHT, 3)):
        desk.now = at
        desk.match("rates", story=5, portals=portals)
        micro = int(at.timestamp()) * 10**6
        heard.append(Heard(micro, len(heard) + 1, 5, portals=portals))
    desk.release(MORNING)
    desk.release(MORNING + 7 * DAY)
    said = rehearse(heard, "rates", manners_of(RuleOptions(**wanted), QUIET), QUIET)
    digests = len(desk.digests)
    assert (said.at_once, said.digests) == (len(desk.messages) - digests, digests)


def test_what_climbs_and_is_edited_before_it_is_grouped_is_told_once(portal: Portal) -> None:
    portal.rule("地震 rank:<=2", "quake")
    old = ("第一条很长的旧闻标题", "第二条很长的旧闻标题")
    for path in ("/b", "/d"):
        newsnow(portal, path)
        portal.server.route(path, titled(*old))
        portal.poll()
    above, below = ("a", old[0]), ("b", old[1])
    show(portal, numbered(above, below, ("q", AGAIN)), "/d", timedelta(0))
    newsnow(portal, "/e")
    show(portal, numbered(above, below, ("r", QUAKE)), "/e", timedelta(0))
    show(portal, numbered(above, ("r", QUAKE), below), "/e")
    assert told_by(portal) == ["quake"]
    show(portal, numbered(above, ("r", f"{QUAKE}。"), below), "/e")
    while group_some(portal.database, StoryBook(), portal.now):
        pass
    show(portal, titled(QUAKE, *old), "/b")
    assert told_by(portal) == ["quake"]


def numbered(*rows: tuple[str, str]) -> Reply:
    items = [{"id": number, "title": title, "url": f"/t/{number}"} for number, title in rows]
    return Reply(body=json.dumps({"status": "success", "id": "x", "items": items}).encode())


def test_what_was_high_at_first_is_no_news_when_it_rises(portal: Portal) -> None:
    portal.rule("topic rank:<=3")
    newsnow(portal)
    show(portal, hot(1, 2, 3, 4, 5))
    show(portal, hot(3, 1, 2, 4, 5))
    assert told_by(portal) == []
    show(portal, hot(3, 1, 5, 2, 4))
    assert told_by(portal) == ["rule"]
    show(portal, hot(5, 3, 1, 2, 4))
    assert told_by(portal) == ["rule"]
