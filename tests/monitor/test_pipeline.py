"""A whole poll on real sockets, a real parser process and both databases."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from monitor import rhythm
from monitor.addresses import parse_allowed
from monitor.client import ClientSettings, HttpClient
from monitor.config import Polling
from monitor.fetch import Fetcher, FetchSettings
from monitor.health import DISK_FREE_BYTES, EventKind
from monitor.kit import ROOM
from monitor.pacebook import follow_interval, keep_pace
from monitor.pipeline import Kit, PollReport, poll
from monitor.reach import Ways
from monitor.room import Room
from monitor.rulebook import Rules
from monitor.schedule import Timing
from monitor.sources.budget import ParserPool
from monitor.sources.wire import Document
from monitor.storage import Database, rules, sources
from monitor.storage.schema import delivery, entry, matched, revision, source, source_url
from monitor.storage.sources import NewSource
from monitor.store import Headline
from monitor.types import Prediction, SourceState
from monitor.watch import Vitals, Watch
from tests.httpserver import Exchange, HttpServer, Reply

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def rss(*titles: str, ids: Sequence[str] | None = None) -> bytes:
    items = "".join(
        f"<item><title>{title}</title><link>http://news.example/{number}</link>"
        f"<guid>{number}</guid></item>"
        for number, title in zip(ids or titles, titles, strict=True)
    )
    return f'<rss version="2.0"><channel><title>F</title>{items}</channel></rss>'.encode()


def classify(titles: Sequence[str]) -> list[Prediction]:
    return [
        Prediction("sports" if "match" in title else "tech", 0.9, "auto", "?" in title, "r1")
        for title in titles
    ]


class _Heard:
    """Parsers; ``on_parsed`` hears how many entries each document held."""

    def __init__(self, parsers: ParserPool, on_parsed: Callable[[int], None]) -> None:
        self._parsers = parsers
        self._on_parsed = on_parsed

    async def parse(self, kind: str, body: bytes, **said: Any) -> Document:
        document = await self._parsers.parse(kind, body, **said)
        self._on_parsed(len(document.keys))
        return document


class World:
    """A database, a server and a clock that polls move."""

    def __init__(self, database: Database, server: HttpServer) -> None:
        self.database = database
        self.server = server
        self.now = NOW
        self.headlines: list[Headline] = []
        self.on_headlines: Callable[[Sequence[Headline]], None] = self.headlines.extend
        self.on_classify: Callable[[], None] = lambda: None
        self.worker = "tester"
        self.ways = Ways()
        self.room = Room(ROOM)
        self.on_parsed: Callable[[int], None] = lambda _count: None
        self.on_owed: Callable[[], None] = lambda: None
        self.drain: Callable[[], object] = lambda: None

    def add(self, *paths: str, **fields: Any) -> None:
        new = [NewSource(self.server.url(path), name=path, **fields) for path in paths]
        with self.database.write() as connection:
            sources.add_many(connection, new, self.now)

    def rule(self, query: str, name: str = "rule", channels: Sequence[str] = ("hook",)) -> None:
        with self.database.write() as connection:
            rules.add(connection, name, query, channels, self.now)

    def poll(self, later: timedelta = timedelta(0), limit: int = 500) -> PollReport:
        self.now += later
        return asyncio.run(self._poll(limit))

    async def _poll(self, limit: int) -> PollReport:
        allowed = ClientSettings("test", allow_private=("127.0.0.1", NO_WAY_THERE))
        async with HttpClient(allowed) as client, ParserPool() as parsers:
            fetcher = Fetcher(client, FetchSettings(gap_s=0, no_gap_hosts=frozenset({"127.0.0.1"})))
            loop = asyncio.get_running_loop()
            self.drain = lambda: asyncio.run_coroutine_threadsafe(fetcher.drain(0.0), loop)
            kit = Kit(
                database=self.database,
                fetcher=fetcher,
                parsers=_Heard(parsers, self.on_parsed),
                classify=self._classify,
                rule_book=Rules().book,
                worker=self.worker,
                now=lambda: self.now,
                rng=random.Random(1),
                on_headlines=self.on_headlines,
                ways=self.ways,
                room=self.room,
                on_owed=self.on_owed,
                hubs=True,
            )
            return await poll(kit, limit)

    def _classify(self, titles: Sequence[str]) -> list[Prediction]:
        self.on_classify()
        return classify(titles)

    def all(self, column: sa.ColumnElement[Any]) -> list[Any]:
        with self.database.read() as connection:
            return list(connection.scalars(sa.select(column)))


LATER = timedelta(hours=1)


def test_the_first_poll_is_a_silent_baseline_and_the_next_alerts(
    world: World, server: HttpServer
) -> None:
    world.rule("chip")
    world.add("/a")
    server.route("/a", Reply(body=rss("old chip")))
    assert world.poll() == PollReport(sources=1, new_entries=1)
    server.route("/a", Reply(body=rss("new chip", "match report", "old chip")))
    assert world.poll(LATER) == PollReport(sources=1, new_entries=2, deliveries=1)
    assert world.all(entry.c.section) == ["tech", "tech", "sports"]
    [message] = world.all(delivery.c.message)
    assert message["entries"][0]["title"] == "new chip"
    assert [[start, end] for start, end in world.all(matched.c.spans)[0]] == [[4, 8]]
    assert world.poll(LATER) == PollReport(sources=1, not_modified=1)


def dated(*at: datetime) -> bytes:
    items = "".join(
        f"<item><title>news {each:%d %H:%M}</title><guid>{each:%d%H%M}</guid>"
        f"<pubDate>{format_datetime(each)}</pubDate></item>"
        for each in at
    )
    asks = "<skipHours><hour>20</hour></skipHours>"
    return f'<rss version="2.0"><channel><title>F</title>{asks}{items}</channel></rss>'.encode()


def test_a_source_is_looked_at_by_its_rhythm(world: World, server: HttpServer) -> None:
    world.add("/busy", "/slow", "/hourly")
    with world.database.write() as connection:
        hourly = sa.update(source).where(source.c.name == "/hourly")
        connection.execute(hourly.values(interval_s=3600.0))
    busy = [NOW - timedelta(minutes=3 * at) for at in range(30)]
    server.route("/busy", Reply(body=dated(*busy), headers={"ETag": '"1"'}))
    server.route(
        "/slow", Reply(body=dated(*(NOW - timedelta(days=at, hours=5) for at in range(30))))
    )
    server.route("/hourly", Reply(body=dated(*busy)))
    world.poll()
    with world.database.read() as connection:
        listed = sources.list_all(connection)
    waits = [(row["next_fetch_at"] - NOW).total_seconds() for row in listed]
    assert 60 <= waits[0] < 600
    assert 1800 < waits[1] <= 6 * 3600
    assert 3240 <= waits[2] <= 3600, "the user's own interval"
    assert [row["wait_s"] for row in listed] == [*waits[:2], None]
    before = rhythm.load(listed[0]["rhythm"])
    assert before is not None
    assert (before.skip_hours, round(before.count)) == ((20,), 30)
    # Nothing for hours: what was learnt fades, and what the document asked for is remembered.
    assert world.poll(timedelta(hours=7, minutes=58)).sources == 3
    with world.database.read() as connection:
        after = rhythm.load(sources.find(connection, "/busy")["rhythm"])
    assert after is not None
    assert after.count < before.count
    assert after.days > before.days
    assert after.skip_hours == (20,)
    assert world.poll(timedelta(minutes=30)).sources == 0, "an hour that it says to skip"


def test_all_sources_together_ask_as_often_as_the_settings_say(
    world: World, server: HttpServer
) -> None:
    world.add("/busy", "/slow")
    server.route("/busy", Reply(body=dated(*(NOW - timedelta(minutes=at) for at in range(60)))))
    server.route("/slow", Reply(body=dated(*(NOW - timedelta(days=at) for at in range(30)))))

    def waits() -> list[float]:
        with world.database.write() as connection:
            sources.make_all_due(connection, world.now)
        world.poll()
        return world.all(source.c.wait_s)

    first = waits()
    for _ in range(12):
        pace = keep_pace(world.database, Polling(interval_s=900.0))
        free = waits()
    assert sum(1 / each for each in free) == pytest.approx(2 / 900, rel=0.25)
    assert free != first
    assert pace != Timing().pace
    limited = Polling(requests_per_minute=1, interval_s=20.0)
    for _ in range(12):
        keep_pace(world.database, limited)
        few = waits()
    assert sum(1 / each for each in few) == pytest.approx(1 / 60, rel=0.25)


def test_a_new_interval_is_that_of_the_sources_that_had_the_old_one(world: World) -> None:
    world.add("/a")
    world.add("/chosen", interval_s=3600.0)
    for interval_s in (900.0, 600.0, 600.0, 1200.0, 900.0):
        follow_interval(world.database, Polling(interval_s=interval_s), NOW)
        assert sorted(world.all(source.c.interval_s)) == [interval_s, 3600.0]


def test_a_shorter_interval_counts_at_once(world: World) -> None:
    world.add(*(f"/{number}" for number in range(8)))
    follow_interval(world.database, Polling(interval_s=3600.0), NOW)
    with world.database.write() as connection:
        connection.execute(source.update().values(interval_s=3600.0, next_fetch_at=NOW + LATER))
    follow_interval(world.database, Polling(interval_s=300.0), NOW)
    due = world.all(source.c.next_fetch_at)
    assert all(NOW <= at <= NOW + timedelta(seconds=300) for at in due)
    assert len(set(due)) == 8


def test_history_is_alerted_when_asked_for(world: World, server: HttpServer) -> None:
    world.rule("chip", channels=("hook", "mail"))
    world.add("/a", history=True)
    server.route("/a", Reply(body=rss("old chip")))
    assert world.poll().deliveries == 2


def test_validators_are_sent_and_304_asks_nothing_of_the_entries(
    world: World, server: HttpServer
) -> None:
    async def answer(exchange: Exchange) -> None:
        if exchange.request.headers.get("if-none-match") == '"v1"':
            await exchange.send(Reply(304))
        else:
            await exchange.send(Reply(body=rss("a"), headers={"ETag": '"v1"'}))

    server.route("/a", answer)
    world.add("/a")
    world.poll()
    statements = count_statements(world.database)
    assert world.poll(LATER) == PollReport(sources=1, not_modified=1)
    assert not [text for text in statements if " entry" in text or " seen" in text]


def test_a_new_etag_on_the_same_body_is_not_read_again(world: World, server: HttpServer) -> None:
    world.add("/a")
    server.route("/a", Reply(body=rss("a"), headers={"ETag": '"1"'}))
    world.poll()
    server.route("/a", Reply(body=rss("a"), headers={"ETag": '"2"'}))
    assert world.poll(LATER) == PollReport(sources=1, not_modified=1)
    assert world.all(source.c.etag) == ['"2"']


def test_an_edited_title_is_kept_and_alerts_only_what_it_newly_matches(
    world: World, server: HttpServer
) -> None:
    world.rule("chip", "chips")
    world.rule("lawsuit", "lawsuits")
    world.add("/a", history=True)
    server.route("/a", Reply(body=rss("chip maker", ids=["1"])))
    assert world.poll().deliveries == 1
    server.route("/a", Reply(body=rss("chip maker faces lawsuit", ids=["1"])))
    assert world.poll(LATER) == PollReport(sources=1, new_entries=0, deliveries=1)
    assert world.all(entry.c.title) == ["chip maker faces lawsuit"]
    assert world.all(revision.c.title) == ["chip maker"]
    assert sorted(world.all(delivery.c.rule)) == ["chips", "lawsuits"]


def test_one_bad_source_does_not_hurt_the_others(world: World, server: HttpServer) -> None:
    world.add("/good", "/html", "/bomb", "/missing")
    server.route("/good", Reply(body=rss("a")))
    server.route("/html", Reply(body=b"<!doctype html><title>hello</title><p>no feed here"))
    bomb = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    document = f'<!DOCTYPE r [<!ENTITY l0 "ha">{bomb}]><rss><channel>&l9;</channel></rss>'
    server.route("/bomb", Reply(body=document.encode()))
    report = world.poll()
    assert (report.sources, report.failed, report.new_entries) == (4, 3, 1)
    errors = [text for text in world.all(source.c.last_error) if text]
    assert len(errors) == 3
    assert any("404" in text for text in errors)


def test_hostile_20_a_move_is_recorded_after_two_polls(world: World, server: HttpServer) -> None:
    world.add("/old")
    server.route("/new", Reply(body=rss("a")))
    server.route("/old", Reply(301, headers={"Location": server.url("/new")}))
    world.poll()
    assert world.all(source.c.url) == [server.url("/old")]
    world.poll(LATER)
    assert world.all(source.c.url) == [server.url("/new")]
    assert world.all(source_url.c.url) == [server.url("/old")]
    before = server.count("/old")
    assert world.poll(LATER).sources == 1
    assert server.count("/old") == before
    with world.database.write() as connection:
        again = [NewSource(server.url("/old"))]
        assert sources.add_many(connection, again, world.now) == 0


def test_hostile_20_a_failure_between_two_answers_makes_no_move(
    world: World, server: HttpServer
) -> None:
    world.add("/old")
    server.route("/old", Reply(301, headers={"Location": server.url("/new")}))
    for reply in (Reply(body=rss("a")), Reply(500), Reply(body=rss("a"))):
        server.route("/new", reply)
        world.poll(LATER)
    assert world.all(source.c.url) == [server.url("/old")]
    world.poll(LATER)
    assert world.all(source.c.url) == [server.url("/new")]


def test_hostile_20_a_move_onto_another_source_is_not_made(
    world: World, server: HttpServer
) -> None:
    world.add("/old", "/new")
    server.route("/new", Reply(body=rss("a")))
    server.route("/old", Reply(308, headers={"Location": server.url("/new")}))
    for _ in range(3):
        assert world.poll(LATER).failed == 0
    assert sorted(world.all(source.c.url)) == [server.url("/new"), server.url("/old")]


def closed_address() -> str:
    """Of a feed on a port where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}/feed"


# To every host of the local network: no kernel makes a connection of that.
NO_WAY_THERE = "255.255.255.255"


def test_our_network_being_down_costs_no_source_anything(world: World) -> None:
    closed = [closed_address() for _ in range(4)]
    with world.database.write() as connection:
        sources.add_many(connection, [NewSource(url) for url in closed], NOW)
    assert world.poll().network_down
    assert world.all(source.c.failures) == [0] * 4
    assert all(at <= NOW + timedelta(minutes=1) for at in world.all(source.c.next_fetch_at))


class Poisoned(World):
    """A classifier that says of some titles what no database takes."""

    def _classify(self, titles: Sequence[str]) -> list[Prediction]:
        said = super()._classify(titles)
        return [
            each._replace(section="\ud800") if "poison" in title else each
            for title, each in zip(titles, said, strict=True)
        ]


def test_what_no_database_takes_is_its_own_sources_failure(
    database: Database, server: HttpServer
) -> None:
    world = Poisoned(database, server)
    world.add("/a", "/poison", "/c")
    for name in ("a", "poison", "c"):
        server.route(f"/{name}", Reply(body=rss(f"news of {name}")))
    assert world.poll().sources == 3
    assert sorted(world.all(entry.c.title)) == ["news of a", "news of c"]
    assert sorted(world.all(source.c.failures)) == [0, 0, 1]
    (said,) = filter(None, world.all(source.c.last_error))
    assert "cannot be stored" in said
    assert world.poll().sources == 0, "it waits as failing sources do"
    server.route("/poison", Reply(body=rss("news of all")))
    world.poll(LATER)
    assert "news of all" in world.all(entry.c.title)
    assert world.all(source.c.failures) == [0, 0, 0]


def test_a_server_in_the_next_room_does_not_tell_of_the_internet(
    world: World, server: HttpServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.route("/near", Reply(body=rss("one")))
    world.add("/near")
    closed = [closed_address() for _ in range(4)]
    with world.database.write() as connection:
        sources.add_many(connection, [NewSource(url) for url in closed], NOW)
    world.ways = Ways(parse_allowed([server.url("/").removeprefix("http://").rstrip("/")]))
    reports = [world.poll(later=timedelta(minutes=20)) for _ in range(3)]
    assert all(report.network_down for report in reports)
    assert [report.failed for report in reports] == [4, 4, 4]
    assert world.all(source.c.failures) == [0] * 5
    assert world.ways.seen_down
    assert network_log(caplog) == [DOWN]


def test_an_outage_is_logged_when_it_begins_and_when_it_is_over(
    world: World, server: HttpServer, caplog: pytest.LogCaptureFixture
) -> None:
    with world.database.write() as connection:
        sources.add_many(connection, [NewSource(closed_address()) for _ in range(4)], NOW)
    for _ in range(3):
        assert world.poll(later=timedelta(minutes=20)).network_down
    assert network_log(caplog) == [DOWN]
    server.route("/a", Reply(body=rss("one")))
    world.add("/a")
    for _ in range(2):
        assert not world.poll(later=timedelta(minutes=20)).network_down
    assert network_log(caplog) == [DOWN, "sources answer again: our network is back"]


DOWN = "most sources did not answer: our network seems down, polling goes on"


def network_log(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if "our network" in record.message]


@pytest.mark.parametrize("offline", [True, False])
def test_being_offline_costs_not_even_the_only_source_anything(
    monkeypatch: pytest.MonkeyPatch, world: World, offline: bool
) -> None:
    monkeypatch.setattr("monitor.route.has_route", lambda: not offline)
    with world.database.write() as connection:
        sources.add_many(connection, [NewSource(f"http://{NO_WAY_THERE}/feed")], NOW)
    assert world.poll().network_down is offline
    assert world.all(source.c.failures) == [0 if offline else 1]
    assert ("offline" in world.all(source.c.last_error)[0]) is offline


@pytest.mark.parametrize("state", [SourceState.PAUSED, SourceState.ACTIVE])
def test_what_a_person_says_of_a_source_while_it_is_polled_holds(
    world: World, server: HttpServer, state: SourceState
) -> None:
    async def meanwhile(exchange: Exchange) -> None:
        def say(connection: Connection) -> None:
            sources.set_state(connection, 1, state, world.now)

        await asyncio.to_thread(world.database.run, say)
        await exchange.send(Reply(body=rss("one")))

    server.route("/feed", meanwhile)
    world.add("/feed")
    (number,) = world.all(source.c.id)
    assert number == 1
    world.poll()
    assert world.all(source.c.state) == [state]
    server.route("/feed", Reply(body=rss("one")))
    assert world.poll(LATER).sources == (state is SourceState.ACTIVE)
    assert world.all(source.c.state) == [state]
    with world.database.write() as connection:
        sources.set_state(connection, 1, SourceState.ACTIVE, world.now)
    world.poll(LATER)
    assert world.all(entry.c.title) == ["one"]


def test_an_outage_shows_in_polls_of_one_source_too(world: World, server: HttpServer) -> None:
    server.route("/a", Reply(body=rss("a")))
    world.add("/a")
    assert not world.poll().network_down
    with world.database.write() as connection:
        sources.add_many(connection, [NewSource(closed_address()) for _ in range(4)], NOW)
    assert [world.poll(limit=1).network_down for _ in range(4)] == [False, False, True, True]
    assert sorted(world.all(source.c.failures)) == [0, 0, 0, 1, 1]


def test_what_another_worker_took_meanwhile_is_left_to_it(world: World, server: HttpServer) -> None:
    async def steal(exchange: Exchange) -> None:
        with world.database.write() as connection:
            connection.execute(sa.update(source).values(claimed_by="thief"))
        await exchange.send(Reply(body=rss("a")))

    server.route("/a", steal)
    world.add("/a")
    world.poll()
    assert world.all(entry.c.id) == []
    assert world.all(source.c.claimed_by) == ["thief"]


def test_what_a_drain_left_unasked_is_due_at_once(world: World, server: HttpServer) -> None:
    async def end(_: Exchange) -> None:
        world.drain()
        await asyncio.Event().wait()

    server.route("/a", end)
    world.add("/a")
    assert world.poll().sources == 0
    with world.database.write() as connection:
        assert [each.url for each in sources.claim(connection, "next", NOW, 9, timedelta(1))]


def test_a_source_removed_during_its_poll_is_no_error(world: World, server: HttpServer) -> None:
    async def remove(exchange: Exchange) -> None:
        with world.database.write() as connection:
            sources.remove(connection, sources.find(connection, "/a")["id"])
        hub = {"Link": '<https://hub.example/>; rel="hub"'}
        await exchange.send(Reply(body=rss("a"), headers=hub))

    server.route("/a", remove)
    server.route("/b", Reply(body=rss("b")))
    world.add("/a", "/b")
    assert world.poll().new_entries == 1
    assert world.all(entry.c.title) == ["b"]


def count_statements(database: Database) -> list[str]:
    """From now on, every statement that the database is given."""
    statements: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith(("BEGIN", "SELECT pg_catalog", "PRAGMA")):
            statements.append(statement)

    sa.event.listen(database.engine, "before_cursor_execute", note)
    return statements


@pytest.mark.parametrize("per_feed", [2, 40])
def test_statements_do_not_grow_with_entries_or_sources(
    world: World, server: HttpServer, per_feed: int
) -> None:
    paths = [f"/{number}" for number in range(48)]
    for path in paths:
        # One number each: titles that tell the same numbers are one story.
        numbers = [1000 * int(path[1:]) + n for n in range(per_feed)]
        server.route(path, Reply(body=rss(*(f"match {n}" for n in numbers))))
    world.rule("match")
    world.add(*paths, history=True)
    statements = count_statements(world.database)
    report = world.poll()
    assert report.new_entries == report.deliveries == 48 * per_feed
    # One claim, four for the window of stories; then at most 22 a batch: one or two come of 48
    # sources, and one of each hundred entries that may owe alerts.
    batches = sum("INSERT INTO entry" in text for text in statements)
    assert batches <= 10 + report.new_entries / 100
    assert len(statements) <= 1 + 4 + 22 * batches


def test_headlines_are_told_with_section_and_rules(world: World, server: HttpServer) -> None:
    world.rule("section:sports", "sport")
    world.add("/a", history=True)
    server.route("/a", Reply(body=rss("match won", "what match?")))
    world.poll()
    told: Callable[[Headline], tuple[str, bool, tuple[str, ...]]] = lambda each: (  # noqa: E731
        each.entry.section,
        each.entry.unsure,
        each.rules,
    )
    assert sorted(map(told, world.headlines)) == [
        ("sports", False, ("sport",)),
        ("sports", True, ()),
    ]


def test_a_declared_section_counts_where_the_model_is_unsure(
    world: World, server: HttpServer
) -> None:
    world.rule("section:finance", "money")
    world.add("/a", history=True, section="finance")
    server.route("/a", Reply(body=rss("what match?", "match won")))
    world.poll()
    assert [each.entry.title for each in world.headlines if each.rules] == ["what match?"]


def test_hostile_28_a_list_that_shrinks_to_nothing_is_told_and_nothing_is_deleted(
    world: World, server: HttpServer
) -> None:
    watch = Watch(
        Path(), ["hook"], now=lambda: world.now, passed_s=world.now.timestamp,
        free=lambda _: DISK_FREE_BYTES,
    )  # fmt: skip

    def told() -> list[tuple[str, bool]]:
        events = watch.look(world.database, Rules().book, Vitals())
        lasting = [event for event in events if event.finding.kind is not EventKind.CLOCK]
        return [(event.finding.kind.value, event.over) for event in lasting]

    titles = [f"headline {number}" for number in range(20)]
    world.add("/a", history=True)
    server.route("/a", Reply(body=rss(*titles)))
    for _ in range(3):
        world.poll(LATER)
    assert told() == []
    server.route("/a", Reply(body=rss()))
    world.poll(LATER)
    world.poll(LATER)
    assert told() == [], "two low polls prove nothing"
    world.poll(LATER)
    assert told() == [("source-empty", False)]
    world.poll(LATER)
    assert told() == []
    assert len(world.all(entry.c.id)) == 20
    server.route("/a", Reply(body=rss(*titles, "headline 20")))
    world.poll(LATER)
    assert told() == [("source-empty", True)]
    assert len(world.all(entry.c.id)) == 21, "the old ones are no news"


def test_a_poll_teaches_how_often_news_comes(world: World, server: HttpServer) -> None:
    world.add("/a")
    for number in range(1, 4):
        server.route("/a", Reply(body=rss(*(f"headline {at}" for at in range(number)))))
        world.poll(LATER)
        world.poll(LATER)
    assert world.all(source.c.usual_gap_s) == [7200.0]
    assert world.all(source.c.last_new_at) == [NOW + 5 * LATER]
