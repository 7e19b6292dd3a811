"""A story that is muted stays so, whatever number it was told or held under."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.storage import Database, stories, telling
from monitor.stories import heat
from monitor.stories.heat import Newcomer
from tests.monitor.test_digests import HOUR, NIGHT, Desk


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)


def merge(desk: Desk, gone: int, root: int) -> None:
    """Two stories turn out to be one, as a poll writes it down."""
    begun = [
        heat.begin(Newcomer(number, "a title", "", "a.cn", "world", None, NIGHT))
        for number in (gone, root)
    ]
    with desk.database.write() as connection:
        stories.merge(connection, {gone: root})
        telling.merge(connection, {gone: root})
        stories.save(connection, [replace(begun[0], merged_into=root), begun[1]])


def mute(desk: Desk, story: int) -> bool:
    return desk.database.run(lambda found: telling.mute(found, story, "a title", NIGHT))


def test_an_old_alert_s_link_mutes_what_its_story_has_become(desk: Desk) -> None:
    desk.rule("rates")
    desk.rule("banks")
    desk.match("rates", story=6)
    merge(desk, 6, 5)
    assert mute(desk, 6)
    assert not mute(desk, 5), "they are one"
    assert desk.match("banks", story=5) == 0
    assert desk.database.run(lambda found: telling.unmute(found, 6))
    assert desk.match("banks", story=5) == 1


def test_what_a_muted_story_takes_in_is_not_told_in_a_digest(desk: Desk) -> None:
    desk.rule("rates", mode="digest", digest="hourly")
    desk.match("rates", story=6)
    desk.match("rates", story=7)
    mute(desk, 5)
    merge(desk, 6, 5)
    desk.release(NIGHT + HOUR)
    assert [entry.story_id for entry in desk.digests[0].entries] == [7]


def test_muting_a_story_drops_what_is_held_of_those_that_it_took_in(desk: Desk) -> None:
    desk.rule("rates", mode="digest", digest="hourly")
    desk.match("rates", story=6)
    desk.match("rates", story=7)
    merge(desk, 6, 5)
    mute(desk, 5)
    desk.release(NIGHT + HOUR)
    assert [entry.story_id for entry in desk.digests[0].entries] == [7]
