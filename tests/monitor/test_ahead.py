"""Where an alert may come of it, titles in doubt are read before they are stored."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from monitor.storage import rules
from monitor.storage.schema import entry
from monitor.stories import reading
from monitor.stories.reading import Reader, base
from monitor.types import RuleOptions
from tests.httpserver import HttpServer, Reply
from tests.monitor.test_pipeline import World, rss

LATER = timedelta(hours=1)
BRIDGE = "城南大桥因裂缝封闭检修"
AGAIN = "裂缝严重 城南大桥禁止通行"
STRIKE = "Chicago teachers vote to authorize strike"
WALKOUT = "Chicago Teachers Union members back walkout in vote"
Pair = tuple[str, ...]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Pair]:
    """The pairs that were read; all of them are the same."""
    found: list[Pair] = []
    monkeypatch.setattr(Reader, "_read", lambda _, *pair: found.append(pair) or 9.0)
    monkeypatch.setattr(reading, "is_installed", lambda: True)
    reading.use(True)
    return found


def tell(world: World, server: HttpServer, *titles: str) -> int:
    """One poll that finds these at the second portal; how many alerts are owed."""
    server.route("/b", Reply(body=rss(*titles)))
    return world.poll(LATER).deliveries


def begun(world: World, server: HttpServer) -> None:
    """Two portals, of which the first has told of both."""
    for path in ("/a", "/b"):
        world.add(path)
        server.route(path, Reply(body=rss("nothing so far")))
    world.poll()
    server.route("/a", Reply(body=rss(BRIDGE, STRIKE)))
    world.poll(LATER)


def test_what_no_rule_matches_is_not_read(
    world: World, server: HttpServer, asked: list[Pair]
) -> None:
    world.rule("大桥")
    begun(world, server)
    assert tell(world, server, AGAIN, WALKOUT) == 0, "one story, one alert"
    assert asked == [tuple(sorted((BRIDGE, AGAIN)))]


@pytest.mark.parametrize(
    ("query", "may_match"),
    [
        ("walkout portals:>=3", True),
        ("walkout NOT portals:<2", True),
        ("teachers -is:first", True),
        ("walkout is:first", True),
        ("walkout portals:2", True),
        ("walkout portals:2..9", True),
        ("walkout -is:first portals:<50", True),
        ("teachers rank：<=1", True),
        ("teachers section:food", False),
    ],
)
def test_rules_that_ask_for_a_story_count_as_well(
    world: World, server: HttpServer, asked: list[Pair], query: str, may_match: bool
) -> None:
    world.rule(query)
    begun(world, server)
    tell(world, server, WALKOUT)
    assert asked == ([tuple(sorted((STRIKE, WALKOUT)))] if may_match else [])


def test_who_joins_without_the_words_makes_a_story_grow(
    world: World, server: HttpServer, asked: list[Pair]
) -> None:
    with world.database.write() as connection:
        follow_up = RuleOptions(escalate="portals>=2")
        rules.add(connection, "rule", "teachers strike", ["hook"], world.now, follow_up)
    begun(world, server)
    tell(world, server, WALKOUT)
    assert asked == [tuple(sorted((STRIKE, WALKOUT)))]


def test_an_edited_title_is_not_read_again(
    world: World, server: HttpServer, asked: list[Pair]
) -> None:
    world.rule("walkout")
    begun(world, server)
    server.route("/b", Reply(body=rss(WALKOUT, ids=["1"])))
    world.poll(LATER)
    asked.clear()
    server.route("/b", Reply(body=rss(f"{WALKOUT}, many of them", ids=["1"])))
    world.poll(LATER)
    assert world.all(entry.c.title)[-1].endswith("many of them")
    assert not asked


def test_a_model_that_is_damaged_stops_no_poll(
    world: World, server: HttpServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    empty = tmp_path / base.NAME
    empty.write_bytes(b"")
    monkeypatch.setattr(base, "find", lambda: empty)
    monkeypatch.setattr(reading, "is_installed", lambda: True)
    reading.use(True)
    world.rule("walkout")
    begun(world, server)
    assert tell(world, server, WALKOUT) == 1


def test_without_a_reader_both_are_told(
    world: World, server: HttpServer, asked: list[Pair]
) -> None:
    reading.use(False)
    world.rule("大桥")
    begun(world, server)
    assert tell(world, server, AGAIN) == 1
    assert not asked
