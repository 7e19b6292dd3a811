"""What a poll brings is stored in parts: little first, each by the clock of its transaction."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import timedelta

import pytest

from monitor.pipeline import PollReport
from monitor.room import Room
from monitor.storage import deliveries, rules
from monitor.storage.schema import delivery, entry, held
from monitor.store import Headline
from monitor.types import RuleOptions
from tests.fakes import make_message
from tests.httpserver import Exchange, HttpServer, Reply
from tests.monitor.test_pipeline import LATER, World, rss


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
    assert parts == [{"/little"}, *3 * [{"/much"}], *4 * [{"/more"}]]


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


def test_what_brings_little_does_not_wait_for_what_is_stored_in_parts(
    world: World, server: HttpServer
) -> None:
    world.add("/much", "/little")
    for path in ("/much", "/little"):
        server.route(path, Reply(body=rss("old")))
    world.poll()
    server.route("/much", Reply(body=rss(*(f"much {number}" for number in range(500)))))
    stored = threading.Event()
    waited: list[bool] = []

    async def answer_late(exchange: Exchange) -> None:
        await asyncio.to_thread(writing.wait, 10)
        await exchange.send(Reply(body=rss("little", "old")))

    writing = threading.Event()
    server.route("/little", answer_late)

    def hear(found: Sequence[Headline]) -> None:
        writing.set()
        if found[0].entry.source == "/little":
            stored.set()
        else:
            waited.append(stored.wait(10))

    world.on_headlines = hear
    assert world.poll(LATER).new_entries == 501
    assert waited == 5 * [True], "the first part of much ended after little was stored"


def test_who_delivers_hears_of_alerts_at_once(world: World, server: HttpServer) -> None:
    world.rule("chip")
    world.add("/a")
    server.route("/a", Reply(body=rss("old")))
    world.poll()
    owed: list[int] = []
    world.on_owed = lambda: owed.append(len(world.all(delivery.c.id)))
    server.route("/a", Reply(body=rss("news", "old")))
    assert world.poll(LATER).new_entries == 1
    assert owed == []
    server.route("/a", Reply(body=rss("chip", "news", "old")))
    assert world.poll(LATER).deliveries == 1
    assert owed == [1]


@pytest.mark.parametrize("fault", [False, True])
def test_what_is_parsed_waits_for_room(world: World, server: HttpServer, *, fault: bool) -> None:
    paths = [f"/{number}" for number in range(6)]
    world.add(*paths)
    for path in paths:
        server.route(path, Reply(body=rss("old")))
    world.poll()
    for path in paths:
        server.route(path, Reply(body=rss(*(f"{path} {number}" for number in range(60)))))
    world.room = Room(100)
    parsed: list[int] = []
    all_parsed = threading.Event()
    early: list[bool] = []

    def note(count: int) -> None:
        parsed.append(count)
        if len(parsed) == len(paths):
            all_parsed.set()

    def hear(_found: object) -> None:
        if not early:
            early.append(all_parsed.wait(1))
            if fault:
                raise ZeroDivisionError

    world.on_parsed, world.on_headlines = note, hear
    with pytest.raises(ZeroDivisionError) if fault else nullcontext():
        assert world.poll(LATER).new_entries == 360
    assert early == [False], "not all was parsed while the first part was stored"
    assert world.room.left == 100
    assert world.poll(LATER).sources == len(paths)


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
    assert parts == [100]
    world.on_classify = lambda: None
    assert world.poll(LATER) == PollReport(sources=1, new_entries=800, deliveries=800)
    assert parts == 9 * [100]
    assert sorted(world.all(entry.c.title)) == sorted(["old", *titles])
    assert len(world.all(delivery.c.id)) == 900
    assert world.poll(LATER) == PollReport(sources=1, not_modified=1)
