"""What a poll brings is stored in parts: little first, each by the clock of its transaction."""

from __future__ import annotations

from datetime import timedelta

import pytest

from monitor.pipeline import PollReport
from monitor.storage import deliveries, rules
from monitor.storage.schema import delivery, entry, held
from monitor.types import RuleOptions
from tests.fakes import make_message
from tests.httpserver import HttpServer, Reply
from tests.monitor.test_pipeline import LATER, World, rss, server, world

__all__ = ["server", "world"]  # fixtures


def test_what_brings_least_is_stored_first_and_by_itself(world: World, server: HttpServer) -> None:
    paths = ("/much", "/more", "/little")
    world.add(*paths)
    for path in paths:
        server.route(path, Reply(body=rss("old")))
    world.poll()
    server.route("/much", Reply(body=rss(*(f"much {number}" for number in range(300)))))
    server.route("/more", Reply(body=rss(*(f"more {number}" for number in range(301)))))
    server.route("/little", Reply(body=rss("little"), delay_s=0.05))
    parts: list[set[str]] = []
    world.on_headlines = lambda found: parts.append({each.entry.source for each in found})
    assert world.poll(LATER).new_entries == 602
    assert parts == [{"/little"}, {"/much"}, {"/more"}]


@pytest.mark.parametrize("spent", [True, False])
def test_caps_count_what_others_made_while_the_poll_went_on(
    world: World, server: HttpServer, *, spent: bool
) -> None:
    """What another poll made is younger than this one's beginning, and counts all the same."""
    with world.database.write() as connection:
        rules.add(connection, "rule", "chip", ["hook"], world.now, RuleOptions(caps=("1/hour",)))
    world.add("/a")
    server.route("/a", Reply(body=rss("old")))
    world.poll()

    def another_poll() -> None:
        world.now += timedelta(seconds=5)
        if spent:
            made = make_message(
                "msg_other", "chip 1", rule="rule", channel="hook", created_at=world.now
            )
            with world.database.write() as connection:
                deliveries.insert_many(connection, [made], world.now)

    world.on_classify = another_poll
    server.route("/a", Reply(body=rss("chip 2", "old")))
    assert world.poll(LATER).deliveries == (0 if spent else 1)
    assert len(world.all(held.c.id)) == (1 if spent else 0)


def test_a_source_that_brings_much_is_stored_in_parts_and_a_crash_loses_none(
    world: World, server: HttpServer
) -> None:
    world.rule("chip")
    world.add("/a")
    server.route("/a", Reply(body=rss("old")))
    world.poll()
    titles = [f"chip {number}" for number in range(900)]
    server.route("/a", Reply(body=rss(*titles)))
    parts: list[int] = []
    world.on_headlines = lambda found: parts.append(len(found))

    def crash_later() -> None:
        if parts:
            raise ZeroDivisionError

    world.on_classify = crash_later
    with pytest.raises(ZeroDivisionError):
        world.poll(LATER)
    assert parts == [400]
    world.on_classify = lambda: None
    assert world.poll(LATER) == PollReport(sources=1, new_entries=500, deliveries=500)
    assert parts == [400, 400, 100]
    assert sorted(world.all(entry.c.title)) == sorted(["old", *titles])
    assert len(world.all(delivery.c.id)) == 900
    assert world.poll(LATER) == PollReport(sources=1, not_modified=1)
