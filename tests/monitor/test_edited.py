"""Titles that are edited after a correction or amid a merge, and feeds that never change."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from monitor.storage import retention, rules, sources
from monitor.storage.schema import correction, entry, story
from tests.httpserver import HttpServer, Reply
from tests.monitor.test_pipeline import World, rss
from tests.monitor.test_story_rules import count_deliveries

HOUR = timedelta(hours=1)
MINUTES = timedelta(minutes=20)
QUAKE = "四川泸定县发生4.1级地震，暂无人员伤亡报告"
PRIZE = "某市作家凭长篇小说《北方的河岸》获奖"


@pytest.mark.parametrize(("section", "alerts"), [("tech", 0), ("sports", 1)])
def test_a_correction_counts_when_the_title_is_edited(
    world: World, server: HttpServer, section: str, alerts: int
) -> None:
    world.rule(f"chip section:{section}", "t")
    world.add("/a")
    server.route("/a", Reply(body=rss("old", ids=["0"])))
    world.poll()
    server.route("/a", Reply(body=rss("new gadget", "old", ids=["1", "0"])))
    world.poll(HOUR)
    said = {
        "section": "sports",
        "corrected_at": world.now,
        "predicted": "tech",
        "title": "new gadget",
    }
    with world.database.write() as connection:
        connection.execute(
            sa.insert(correction).values(
                entry_id=max(world.all(entry.c.id)),
                **{name: value for name, value in said.items() if name in correction.c},
            )
        )
    server.route("/a", Reply(body=rss("new chip gadget", "old", ids=["1", "0"])))
    assert world.poll(HOUR).deliveries == alerts


def test_a_title_that_is_edited_as_its_story_merges_is_not_told_again(
    world: World, server: HttpServer
) -> None:
    old = "去年的一则旧闻说明不了什么"
    with world.database.write() as connection:
        rules.add(connection, "q", "泸定 OR 茅盾", ["hook"], world.now)
    for path in "abc":
        server.route(f"/{path}", Reply(body=rss(old + path, ids=["0"])))
    world.add("/a", "/b", "/c")
    world.poll()
    server.route("/a", Reply(body=rss(old + "a", QUAKE, ids=["0", "1a"])))
    world.poll(MINUTES)
    server.route("/b", Reply(body=rss(old + "b", PRIZE, ids=["0", "1b"])))
    world.poll(MINUTES)
    assert count_deliveries(world) == 1
    # One portal's link is the first story's and its title the second's, as both are edited.
    both = rss(old + "c", PRIZE, ids=["0", "9"])
    server.route(
        "/c", Reply(body=both.replace(b"http://news.example/9", b"http://news.example/1a"))
    )
    server.route("/b", Reply(body=rss(old + "b", PRIZE + "茅盾文学奖", ids=["0", "1b"])))
    world.poll(MINUTES)
    assert any(world.all(story.c.merged_into))
    assert count_deliveries(world) == 1


def test_what_a_feed_lists_unchanged_for_years_is_never_new(
    world: World, server: HttpServer
) -> None:
    def look() -> tuple[int, int]:
        with world.database.write() as connection:
            sources.make_all_due(connection, world.now)
        report = world.poll()
        return report.new_entries, report.deliveries

    world.rule("chip")
    world.add("/a")
    listed = ("old chip one", "old chip two")
    server.route("/a", Reply(body=rss(*listed)))
    world.poll()
    for _ in range(14):
        world.now += timedelta(days=30)
        assert look() == (0, 0)
        retention.forget(world.database, lambda: world.now, 30, 365, lambda: True)
    assert world.all(entry.c.id) == []
    server.route("/a", Reply(body=rss("brand new post", *listed)))
    assert look() == (1, 0)
