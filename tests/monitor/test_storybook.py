"""Entries of several sources become stories, in the transaction that stores them."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from monitor import storybook
from monitor.storage import Database, retention, stories
from monitor.storage.schema import entry, story
from monitor.storybook import StoryBook, group_some
from monitor.types import Placed
from tests.monitor.storybooks import NOW, Desk

QUAKE = "四川泸定县发生4.1级地震暂无人员伤亡报告"
AGAIN = "快讯：四川泸定县发生4.1级地震 暂无人员伤亡报告"
OTHER = "四川泸定县发生5.2级地震暂无人员伤亡报告"


def test_copies_of_several_portals_are_one_story(database: Database) -> None:
    desk = Desk(database)
    first, second = desk.tell(("a.cn", QUAKE)), desk.tell(("b.cn", AGAIN))
    assert first == [Placed(1, True, 1, first[0].heat, 0.0)]
    assert (second[0].story_id, second[0].first, second[0].portals) == (1, False, 2)
    assert second[0].heat > first[0].heat
    assert desk.story_of(1, 2) == [1, 1]


def test_copies_in_one_batch_are_one_story(database: Database) -> None:
    placed = Desk(database).tell(("a.cn", QUAKE), ("b.cn", AGAIN), ("c.cn", OTHER))
    assert [each.story_id for each in placed] == [1, 1, 3]


def test_a_portal_counts_once_however_much_it_tells(database: Database) -> None:
    desk = Desk(database)
    desk.tell(("a.cn", QUAKE), ("a.cn", AGAIN))
    [last] = desk.tell(("b.cn", QUAKE))
    assert last.portals == 2
    with database.read() as connection:
        [row] = connection.execute(sa.select(story)).mappings()
    assert (row["entries"], row["portals"], row["title"]) == (3, 2, QUAKE)


def test_a_worker_that_starts_anew_knows_what_others_stored(database: Database) -> None:
    Desk(database).tell(("a.cn", QUAKE))
    other = Desk(database)
    [placed] = other.tell(("b.cn", AGAIN))
    assert placed.story_id == 1


@pytest.mark.parametrize("is_new", [False, True])
def test_a_story_is_found_by_its_own_title_when_its_entry_is_gone(
    database: Database, is_new: bool
) -> None:
    desk = Desk(database)
    desk.tell(("a.cn", QUAKE))
    desk.tell(("c.cn", OTHER))
    with database.write() as connection:
        connection.execute(sa.delete(entry))
    worker = Desk(database) if is_new else desk
    placed = worker.tell(("b.cn", AGAIN), ("d.cn", "英伟达发布新一代数据中心芯片"))
    assert [each.story_id for each in placed] == [1, 4]


def test_two_workers_in_turn_agree(database: Database) -> None:
    one, two = Desk(database), Desk(database)
    for at, desk in enumerate((one, two, one, two)):
        [placed] = desk.tell((f"p{at}.cn", QUAKE))
        assert (placed.story_id, placed.portals) == (1, at + 1)


def test_what_is_older_than_three_days_is_another_story(database: Database) -> None:
    desk = Desk(database)
    desk.tell(("a.cn", QUAKE))
    [placed] = desk.tell(("b.cn", QUAKE), later=timedelta(days=3, minutes=1))
    assert placed.first


def test_the_same_link_is_the_same_story_however_short_the_title(database: Database) -> None:
    desk = Desk(database)
    link = "https://www.a.cn/1?utm_source=x"
    desk.tell(("a.cn", "快讯", "http://a.cn/1"), ("a.cn", "快讯", "http://a.cn/2"))
    [placed] = desk.tell(("b.cn", "完全不同的另一个标题在这里", link))
    assert (placed.story_id, placed.portals) == (1, 2)


def test_ungrouped_entries_are_grouped_later_and_join_what_is_there(database: Database) -> None:
    desk = Desk(database)
    desk.store_ungrouped(("a.cn", QUAKE), ("b.cn", OTHER), ("c.cn", AGAIN))
    [loud] = desk.tell(("d.cn", QUAKE))
    assert loud.story_id == 4
    assert group_some(database, desk.book, desk.now) == 3
    assert group_some(database, desk.book, desk.now) == 0
    assert desk.story_of(1, 2, 3, 4) == [4, 2, 4, 4]
    with database.read() as connection:
        assert stories.load(connection, [4])[4].portals == 3


def test_what_waits_for_its_story_hides_none_that_is_there(database: Database) -> None:
    desk = Desk(database)
    [first] = desk.tell(("a.cn", QUAKE))
    desk.store_ungrouped(*[(f"first-poll-{number}.cn", QUAKE) for number in range(8)])
    [later] = desk.tell(("b.cn", QUAKE))
    assert (later.story_id, later.first) == (first.story_id, False)
    while group_some(database, desk.book, desk.now):
        pass
    assert set(desk.story_of(*range(1, 11))) == {1}


def test_first_polls_of_many_portals_tell_one_story(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storybook, "GROUP_AT_ONCE", 10)
    desk = Desk(database)
    for portal in range(20):
        others = [(f"p{portal}.cn", f"{portal * 10 + at}号仓库失火") for at in range(9)]
        desk.store_ungrouped(*others, (f"p{portal}.cn", QUAKE))
    rounds = 0
    while group_some(database, desk.book, desk.now):
        rounds += 1
    assert rounds == 20
    assert set(desk.story_of(*range(10, 201, 10))) == {10}
    # A worker that comes when all is done knows it, too.
    [late] = Desk(database).tell(("late.cn", QUAKE))
    assert (late.story_id, late.portals) == (10, 21)


def test_statements_do_not_grow_with_entries(database: Database) -> None:
    counts = []
    for size in (5, 50):
        desk = Desk(database)
        desk.tell(("x.cn", "一个毫无关系的标题在这里"))
        titles = [(f"p{n}.cn", f"第{n}届某某展览会在某地开幕{n}") for n in range(size)]
        counts.append(desk.count_statements(titles))
    assert max(counts) <= 6


def test_nothing_to_place_asks_nothing(database: Database) -> None:
    with database.write() as connection:
        assert StoryBook().place(connection, [], NOW) == {}


def test_stories_are_forgotten_after_their_entries(database: Database) -> None:
    desk = Desk(database)
    desk.tell(("a.cn", QUAKE), ("b.cn", OTHER))
    later = desk.now + timedelta(days=100)
    with database.write() as connection:
        assert retention.delete_stories(connection, later, 90, 500) == 0
        connection.execute(sa.delete(entry).where(entry.c.id == 1))
        assert retention.delete_stories(connection, later, 90, 500) == 1
        assert list(stories.load(connection, [1, 2])) == [2]
