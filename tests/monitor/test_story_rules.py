"""Rules that ask what is known of a story, through whole polls."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa

from monitor.storage import Database, rules
from monitor.storage.schema import entry, story
from monitor.types import RuleOptions
from tests.httpserver import HttpServer, Reply
from tests.monitor.test_pipeline import World, rss

QUAKE = "四川泸定县发生4.1级地震，暂无人员伤亡报告"
AGAIN = "快讯：泸定县发生4.1级地震 暂无人员伤亡"
OLD = "去年的一则旧闻说明不了什么"


@pytest.fixture
def world(database: Database) -> Iterator[World]:
    with HttpServer() as server:
        yield World(database, server)


def watch(world: World, *paths: str) -> None:
    """Poll new sources once, so that what comes next is news."""
    for path in paths:
        world.server.route(path, Reply(body=rss(f"{OLD}{path}", ids=["0"])))
    world.add(*paths)
    world.poll()


def tell(world: World, *paths: str, title: str = QUAKE) -> int:
    """Let these portals have the title, poll, and return how many matches that made."""
    before = len(matches(world))
    for path in paths:
        world.server.route(path, Reply(body=rss(f"{OLD}{path}", title, ids=["0", f"1{path}"])))
    world.poll(timedelta(minutes=20))
    return len(matches(world)) - before


def matches(world: World) -> list[tuple[str, ...]]:
    return [each.rules for each in world.headlines if each.rules]


def test_a_rule_waits_for_the_third_portal(world: World) -> None:
    world.rule("地震 portals:>=3", "wide")
    watch(world, "/a", "/b", "/c")
    assert tell(world, "/a") == 0
    assert tell(world, "/b", title=AGAIN) == 0
    assert tell(world, "/c") == 1


def test_only_the_first_of_a_story_is_first(world: World) -> None:
    world.rule("地震 is:first", "first")
    watch(world, "/a", "/b")
    assert tell(world, "/a") == 1
    assert tell(world, "/b", title=AGAIN) == 0


def test_a_story_that_spreads_at_once_bursts_and_gets_hot(world: World) -> None:
    world.rule("burst:", "burst")
    world.rule("地震 hot:>=4", "hot")
    paths = ("/a", "/b", "/c", "/d")
    watch(world, *paths)
    assert tell(world, "/a") == tell(world, "/b", title=AGAIN) == 0
    assert tell(world, "/c", "/d") == 2
    assert {name for names in matches(world) for name in names} == {"burst", "hot"}


def test_first_polls_fire_nothing_and_are_grouped_afterwards(world: World) -> None:
    world.rule("地震", "quake")
    for path in ("/a", "/b"):
        world.server.route(path, Reply(body=rss(QUAKE, ids=[path])))
    world.add("/a", "/b")
    world.poll()
    assert matches(world) == []
    assert world.all(entry.c.story_id) == [None, None]


def test_a_revised_title_stays_in_its_story(world: World) -> None:
    watch(world, "/a")
    tell(world, "/a")
    [number] = [each for each in world.all(entry.c.story_id) if each is not None]
    tell(world, "/a", title="完全改写了的另一个标题，与原来没有关系")
    assert [each for each in world.all(entry.c.story_id) if each is not None] == [number]
    assert world.all(story.c.entries) == [1]


def test_no_channel_is_told_twice_of_stories_that_became_one(world: World) -> None:
    with world.database.write() as connection:
        rules.add(connection, "quake", "泸定 OR 获奖", ["hook"], world.now, options=RuleOptions())
    watch(world, "/a", "/b", "/c")
    assert tell(world, "/a") == 1
    tell(world, "/b", title="某市作家凭长篇小说《北方的河岸》获奖")
    sent = count_deliveries(world)
    bridge = "http://news.example/1/a"
    body = rss(f"{OLD}/c", "某市作家凭长篇小说《北方的河岸》获奖", ids=["0", "9"])
    body = body.replace(b"http://news.example/9", bridge.encode())
    world.server.route("/c", Reply(body=body))
    world.poll(timedelta(minutes=20))
    assert len({number for number in world.all(entry.c.story_id) if number is not None}) == 1
    assert [number for number in world.all(story.c.merged_into) if number is not None]
    assert count_deliveries(world) == sent


def count_deliveries(world: World) -> int:
    from monitor.storage.schema import delivery

    with world.database.read() as connection:
        found = connection.execute(sa.select(sa.func.count()).select_from(delivery)).scalar_one()
    return int(found)
