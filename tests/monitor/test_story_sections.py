"""A story stands in the section that its entries are shown in."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from monitor import trustbook
from monitor.actions.correcting import say
from monitor.hints import CATEGORY, SOURCE, Hint
from monitor.storage import Database, entries, hints, sources
from monitor.storage.entries import Filter
from monitor.storage.schema import entry, story
from monitor.storybook import StoryBook, group_some
from tests.httpserver import HttpServer, Reply
from tests.monitor.storybooks import NOW, Desk
from tests.monitor.test_pipeline import World, rss

HOUR = timedelta(hours=1)


def shown_of(database: Database) -> dict[int, str]:
    with database.read() as connection:
        return {r["id"]: r["shown"] for r in entries.list_shown(connection, Filter(limit=999))}


def story_sections(database: Database) -> dict[int, str]:
    with database.read() as connection:
        rows = connection.execute(
            sa.select(story.c.id, story.c.section).where(story.c.merged_into.is_(None))
        )
        return dict(rows.all())


def test_first_poll_stories_stand_where_their_entries_are_shown(
    world: World, server: HttpServer
) -> None:
    world.add("/a", section="food")
    server.route("/a", Reply(body=rss("a strange thing?", "another one of these?", ids=["0", "1"])))
    world.poll()
    assert set(shown_of(world.database).values()) == {"food"}
    while group_some(world.database, StoryBook(), world.now):
        pass
    assert set(story_sections(world.database).values()) == {"food"}


def test_a_correction_before_grouping_counts(database: Database) -> None:
    desk = Desk(database)
    desk.store_ungrouped(("a.cn", "某市作家凭长篇小说获奖"))
    with database.write() as connection:
        say(connection, 1, "games")
    group_some(database, StoryBook(), NOW)
    assert shown_of(database) == {1: "games"}
    assert story_sections(database) == {1: "games"}


QUAKE = "四川泸定县发生4.1级地震，暂无人员伤亡报告"
PRIZE = "某市作家凭长篇小说《北方的河岸》获奖"


@pytest.mark.parametrize("is_removed", [False, True])
def test_a_correction_counts_after_its_story_was_merged(
    world: World, server: HttpServer, is_removed: bool
) -> None:
    """Though the entry that began it may be gone."""
    old = "去年的一则旧闻说明不了什么"
    for path in "abcd":
        server.route(f"/{path}", Reply(body=rss(old + path, ids=["0"])))
    world.add("/a", "/b", "/c", "/d")
    world.poll()
    for path, title in (("a", QUAKE), ("b", PRIZE), ("d", PRIZE)):
        server.route(f"/{path}", Reply(body=rss(old + path, title, ids=["0", f"1{path}"])))
        world.poll(timedelta(minutes=20))
    with world.database.write() as connection:
        say(connection, max(world.all(entry.c.id)), "games")
        if is_removed:
            sources.remove(connection, sources.find(connection, "/b")["id"])
    assert "games" in story_sections(world.database).values()
    both = rss(old + "c", PRIZE, ids=["0", "9"])
    server.route(
        "/c", Reply(body=both.replace(b"http://news.example/9", b"http://news.example/1a"))
    )
    world.poll(timedelta(minutes=20))
    assert any(world.all(story.c.merged_into))
    assert "games" in story_sections(world.database).values()


def test_a_measurement_moves_stories_too(database: Database) -> None:
    desk = Desk(database, section="food")
    desk.tell(("a.cn", "某市作家凭长篇小说获奖"))
    tag = Hint(CATEGORY, "1:体育", "sports")
    with database.write() as connection:
        connection.execute(sa.update(entry).values(hints=[tag], unsure=True, probability=0.4))
    # 40 judged ones say that the tag is right
    for n in range(40):
        desk.tell(("b.cn", f"{chr(0x4E00 + 97 * n)}{chr(0x4F00 + 61 * n)}镇第{n + 3}届大会"))
    with database.write() as connection:
        connection.execute(
            sa.update(entry).where(entry.c.id > 1).values(hints=[tag], section="sports")
        )
    trustbook.measure(database, NOW)
    assert shown_of(database)[1] == "sports"
    assert story_sections(database)[1] == "sports"


def test_an_edited_title_moves_its_story(world: World, server: HttpServer) -> None:
    world.add("/a")
    server.route("/a", Reply(body=rss("old", ids=["9"])))
    world.poll()
    server.route("/a", Reply(body=rss("great thing today", "old", ids=["0", "9"])))
    world.poll(HOUR)
    number = max(world.all(entry.c.id))
    assert story_sections(world.database)[number] == "tech"
    server.route("/a", Reply(body=rss("great match today", "old", ids=["0", "9"])))
    world.poll(HOUR)
    assert shown_of(world.database)[number] == "sports"
    assert story_sections(world.database)[number] == "sports"


def test_what_changed_meanwhile_is_not_shown_by_an_old_answer(database: Database) -> None:
    desk = Desk(database, section="food")
    desk.tell(("a.cn", "某市作家凭长篇小说获奖"))
    tag = Hint(SOURCE, "1", "sports")
    with database.write() as connection:
        connection.execute(sa.update(entry).values(hints=[tag], unsure=True, probability=0.4))
    with database.read() as connection:
        _, changed = hints.stale(connection, hints.collect_rows([]), 0)
    assert changed
    with database.write() as connection:  # a poll stores an edited title, of which it is sure
        connection.execute(
            sa.update(entry).values(
                title="改过的", section="travel", unsure=False, probability=0.99
            )
        )
    database.run(lambda connection: hints.show(connection, changed))
    assert shown_of(database)[1] == "travel"
