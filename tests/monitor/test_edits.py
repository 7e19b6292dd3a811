"""A title that is touched is news only to the rules that its change concerns."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from monitor.actions.correcting import say
from monitor.storage.schema import entry
from tests.httpserver import HttpServer, Reply
from tests.monitor import test_pipeline
from tests.monitor.test_pipeline import World, classify, rss

HOUR = timedelta(hours=1)


def test_what_the_first_poll_brought_is_no_news_when_its_title_is_touched(
    world: World, server: HttpServer
) -> None:
    world.rule("chip")
    world.add("/a")
    server.route("/a", Reply(body=rss("chip maker", "chip price", ids=["0", "1"])))
    assert world.poll().deliveries == 0
    server.route("/a", Reply(body=rss("chip maker (updated)", "chip price!", ids=["0", "1"])))
    assert world.poll(HOUR).deliveries == 0


def test_another_release_alerts_nothing_by_way_of_a_typo(
    world: World, server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.rule("section:travel")
    world.add("/a")
    server.route("/a", Reply(body=rss("old", ids=["9"])))
    world.poll()
    server.route("/a", Reply(body=rss("great thign today", "old", ids=["0", "9"])))
    assert world.poll(HOUR).deliveries == 0
    with world.database.write() as connection:  # another release is promoted, and scores again
        connection.execute(sa.update(entry).values(section="travel", release="r1"))
    monkeypatch.setattr(
        test_pipeline,
        "classify",
        lambda titles: [each._replace(section="travel") for each in classify(titles)],
    )
    server.route("/a", Reply(body=rss("great thing today", "old", ids=["0", "9"])))
    assert world.poll(HOUR).deliveries == 0


def test_a_rule_that_is_newer_than_a_headline_is_not_fired_by_a_typo(
    world: World, server: HttpServer
) -> None:
    world.add("/a")
    server.route("/a", Reply(body=rss("old", ids=["9"])))
    world.poll()
    server.route("/a", Reply(body=rss("chip maker", "old", ids=["0", "9"])))
    world.poll(HOUR)
    world.rule("chip")
    server.route("/a", Reply(body=rss("chip makers", "old", ids=["0", "9"])))
    assert world.poll(timedelta(days=3)).deliveries == 0


def test_a_section_that_changes_with_the_title_alerts(world: World, server: HttpServer) -> None:
    world.rule("chip section:sports")
    world.add("/a")
    server.route("/a", Reply(body=rss("old", ids=["9"])))
    world.poll()
    server.route("/a", Reply(body=rss("chip thing", "old", ids=["0", "9"])))
    assert world.poll(HOUR).deliveries == 0
    server.route("/a", Reply(body=rss("chip match", "old", ids=["0", "9"])))
    assert world.poll(HOUR).deliveries == 1


@pytest.mark.parametrize("days", [1, 3])
def test_a_typo_in_an_old_headline_is_no_news_to_a_rule_that_asks_for_age(
    world: World, server: HttpServer, days: int
) -> None:
    world.rule("chip age:<2h")
    world.add("/a")
    server.route("/a", Reply(body=rss("chip maker sues", "old", ids=["0", "9"])))
    assert world.poll().deliveries == 0
    server.route("/a", Reply(body=rss("chip maker sues!", "old", ids=["0", "9"])))
    assert world.poll(timedelta(days=days)).deliveries == 0


def test_an_edit_is_news_to_a_rule_that_never_fired(world: World, server: HttpServer) -> None:
    """What a person said of a headline since is no word on what rules made of it then."""
    world.rule("chip section:sports")
    world.add("/a")
    server.route("/a", Reply(body=rss("old", ids=["9"])))
    world.poll()
    server.route("/a", Reply(body=rss("new chip gadget", "old", ids=["0", "9"])))
    assert world.poll(HOUR).deliveries == 0
    with world.database.write() as connection:
        say(connection, 2, "sports")
    server.route("/a", Reply(body=rss("new chip gadget arrives", "old", ids=["0", "9"])))
    assert world.poll(HOUR).deliveries == 1
    server.route("/a", Reply(body=rss("new chip gadget arrives!", "old", ids=["0", "9"])))
    assert world.poll(HOUR).deliveries == 0
