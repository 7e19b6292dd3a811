"""Sources that move, feeds whose ids change, and pages that first show something else."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta

import pytest

from monitor.storage import Database, sources
from monitor.storage.schema import delivery, entry, revision, seen, source, source_url
from tests.httpserver import HttpServer, Reply
from tests.monitor.test_pipeline import LATER, World, rss
from tests.monitor.test_portal_polls import Portal


@pytest.fixture
def portal(database: Database) -> Iterator[Portal]:
    with HttpServer() as running:
        yield Portal(database, running)


def test_two_sources_that_move_to_one_address_stop_nobody(world: World, server: HttpServer) -> None:
    world.add("/apex", "/www", "/other")
    server.route("/new", Reply(body=rss("a")))
    server.route("/other", Reply(body=rss("o")))
    for path in ("/apex", "/www"):
        server.route(path, Reply(301, headers={"Location": server.url("/new")}))
    world.poll()
    server.route("/other", Reply(body=rss("p", "o")))
    for _ in range(3):
        assert world.poll(LATER).failed == 0
    urls = [server.url(path) for path in ("/new", "/other", "/www")]
    assert sorted(world.all(source.c.url)) == urls
    assert "p" in world.all(entry.c.title)


def test_a_source_may_move_back_to_where_it_was(
    world: World, server: HttpServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    world.add("/a")
    for here, there in ("/a", "/b"), ("/b", "/a"), ("/a", "/b"):
        server.route(there, Reply(body=rss("a")))
        server.route(here, Reply(301, headers={"Location": server.url(there)}))
        for _ in range(4):
            world.poll(LATER)
        assert world.all(source.c.url) == [server.url(there)]
        assert world.all(source_url.c.url) == [server.url(here)]
    assert sum("has moved to" in each.getMessage() for each in caplog.records) == 3


def test_a_source_that_leads_to_another_is_not_said_to_have_moved(
    world: World, server: HttpServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    world.add("/old", "/new")
    server.route("/new", Reply(body=rss("a")))
    server.route("/old", Reply(308, headers={"Location": server.url("/new")}))
    for _ in range(6):
        world.poll(LATER)
    assert not [each.getMessage() for each in caplog.records if "has moved" in each.getMessage()]


OLD = [
    f"{who} {what}"
    for who in ("Parliament", "Museum", "Airline", "Senate")
    for what in ("closes bridges", "buys jets", "bans drilling", "wins prize", "opens tunnel")
]
NEWS = [f"{what} arrives in town" for what in ("Apple", "Boat", "Crane", "Drum", "Eagle", "Fox")]


def feed(titles: list[str], site: str) -> bytes:
    return rss(*titles, ids=[f"{site}/{each}".replace(" ", "-") for each in titles])


@pytest.mark.parametrize(("hours", "history"), [(1, False), (1, True), (14, False), (14, True)])
def test_hostile_26_ids_that_change_once_make_no_news_later(
    world: World, server: HttpServer, hours: int, history: bool
) -> None:
    world.rule("NOT nothing")
    world.add("/a", history=history)
    server.route("/a", Reply(body=feed(OLD, "old")))
    world.poll()
    told = len(world.all(delivery.c.id))
    world.now += timedelta(hours=hours)
    titles = list(OLD)
    server.route("/a", Reply(body=feed(titles, "relaunched")))
    assert world.poll(LATER).new_entries == 0
    for title in NEWS:
        titles = [title, *titles][:20]
        server.route("/a", Reply(body=feed(titles, "relaunched")))
        report = world.poll(LATER)
        assert (report.new_entries, report.deliveries) == (1, 1)
    assert len(world.all(entry.c.id)) == len(OLD) + len(NEWS)
    assert len(world.all(delivery.c.id)) == told + len(NEWS)


def test_a_title_that_is_edited_after_a_change_to_https_is_no_news(
    world: World, server: HttpServer
) -> None:
    titles = [f"{each} makes headlines in the paper" for each in ("Alpha", "Beta", "Gamma")]

    def feed(scheme: str) -> Reply:
        ids = [f"{scheme}://news.example/{number}" for number in range(3)]
        body = rss(*titles, ids=ids).replace(b"http://news.example/http", b"http")
        return Reply(body=body)

    world.rule("NOT nothing")
    world.add("/a")
    server.route("/a", feed("http"))
    world.poll()
    server.route("/a", feed("https"))
    assert world.poll(LATER).new_entries == 0
    titles[0] = "Alpha makes other headlines in the paper"
    server.route("/a", feed("https"))
    assert world.poll(LATER).new_entries == 0


WALL = b"<!doctype html><title>Just a moment...</title><p>Checking your browser</p>"


def test_a_page_that_first_shows_a_wall_makes_no_news_of_what_is_old(
    world: World, server: HttpServer
) -> None:
    links = "".join(
        f'<li><a href="/2026/{n}">Headline number {n} of the old page</a>' for n in range(30)
    )
    world.rule("headline")
    world.add("/page", kind="page", options={"selector": "ul.news a"})
    server.route("/page", Reply(body=WALL, headers={"Content-Type": "text/html"}))
    world.poll()
    body = f"<!doctype html><title>P</title><ul class=news>{links}</ul>".encode()
    server.route("/page", Reply(body=body, headers={"Content-Type": "text/html"}))
    report = world.poll(LATER)
    assert (report.new_entries, report.deliveries) == (30, 0)


def test_a_source_without_a_name_takes_its_title_after_a_move(
    world: World, server: HttpServer
) -> None:
    with world.database.write() as connection:
        sources.add_many(connection, [sources.NewSource(server.url("/old"))], world.now)
    server.route("/new", Reply(body=rss("a").replace(b"<title>F</title>", b"")))
    server.route("/old", Reply(301, headers={"Location": server.url("/new")}))
    for _ in range(2):
        world.poll(LATER)
    server.route("/new", Reply(body=rss("a", "b")))
    world.poll(LATER)
    assert world.all(source.c.name) == ["F"]


def test_ids_that_change_with_every_poll_leave_no_more_marks(
    world: World, server: HttpServer
) -> None:
    world.add("/a")
    counts = []
    for poll in range(4):
        ids = [f"{poll}/{number}" for number in range(8)]
        server.route("/a", Reply(body=rss(*OLD[:8], ids=ids)))
        world.poll(LATER)
        counts.append((len(world.all(entry.c.id)), len(world.all(seen.c.key))))
    assert counts[1:] == [(8, counts[1][1])] * 3


def test_what_two_items_stand_for_is_written_once(world: World, server: HttpServer) -> None:
    world.add("/a")
    twice = [*OLD[:5], OLD[0]]
    server.route("/a", Reply(body=rss(*OLD[:5], ids=[f"old/{n}" for n in range(5)])))
    world.poll()
    server.route("/a", Reply(body=rss(*twice, ids=[f"new/{n}" for n in range(6)])))
    world.poll(LATER)
    marks = sorted(world.all(seen.c.key))
    for title in NEWS[:4]:  # by now too few are strangers to tell that ids have changed
        twice = [title, *twice]
        ids = [*(f"news/{each}".replace(" ", "-") for each in twice[:-6])]
        server.route("/a", Reply(body=rss(*twice, ids=[*ids, *(f"new/{n}" for n in range(6))])))
        assert world.poll(LATER).new_entries == 1
        assert set(marks) <= set(world.all(seen.c.key))
    assert len(world.all(entry.c.id)) == 9


TRAIN, BANK = "Rail strike enters second week here", "Central bank holds chip rates steady"


def page(*rows: tuple[str, str]) -> Reply:
    links = "".join(f'<li><a href="{link}">{title}</a>' for link, title in rows)
    body = f"<!doctype html><title>P</title><ul class=news>{links}</ul>".encode()
    return Reply(body=body, headers={"Content-Type": "text/html"})


def linked(*rows: tuple[str, str]) -> Reply:
    items = "".join(f"<item><title>{t}</title><link>{link}</link></item>" for link, t in rows)
    body = f'<rss version="2.0"><channel><title>F</title>{items}</channel></rss>'
    return Reply(body=body.encode())


def test_two_headlines_of_one_link_that_take_turns_are_no_news(
    world: World, server: HttpServer
) -> None:
    world.rule("chip")
    world.add("/a")
    live, other = "http://n.example/live", ("http://n.example/9", "Something else stands here")
    server.route("/a", linked((live, TRAIN), (live, BANK), other))
    assert world.poll().new_entries == 3
    for title in (TRAIN, BANK, TRAIN, BANK):
        server.route("/a", linked((live, title), other))
        report = world.poll(LATER)
        assert (report.new_entries, report.deliveries) == (0, 0), title
    assert world.all(revision.c.title) == []


def test_ids_that_change_and_change_back_make_no_news(world: World, server: HttpServer) -> None:
    world.rule("NOT nothing")
    world.add("/a")
    server.route("/a", Reply(body=feed(OLD[:8], "www")))
    world.poll()
    server.route("/a", Reply(body=feed(OLD[:8], "staging")))  # a mishap for an hour
    assert world.poll(LATER).new_entries == 0
    now = [*OLD[8:14], *OLD[:2]]  # undone, after some news
    server.route("/a", Reply(body=feed(now, "www")))
    report = world.poll(LATER)
    assert (report.new_entries, report.deliveries) == (6, 6)


def test_an_edit_after_one_odd_answer_is_no_news(world: World, server: HttpServer) -> None:
    titles = ["Alpha opens a port", "Beta sells a mill", "Gamma finds a comet"]

    def answer(prefix: str) -> Reply:
        body = rss(*titles, ids=["0", "1", "2"]).replace(b"<guid>", b"<guid>" + prefix.encode())
        return Reply(body=body)

    world.rule("NOT nothing")
    world.add("/a")
    server.route("/a", answer("http:"))
    world.poll()
    server.route("/a", answer("https:"))  # another machine of theirs answers once
    assert world.poll(LATER).new_entries == 0
    titles[0] = "Alpha opens a second port"
    server.route("/a", answer("http:"))
    report = world.poll(LATER)
    assert (report.new_entries, report.deliveries) == (0, 0)


def test_the_first_headline_of_a_page_that_was_empty_is_told(
    world: World, server: HttpServer
) -> None:
    world.rule("recall")
    world.add("/page", kind="page", options={"selector": "ul.news a"}, interval_s=900.0)
    server.route("/page", page())
    for _ in range(50):
        world.poll(LATER)
    server.route("/page", page(("/1", "Recall of a chip fryer that burns houses")))
    report = world.poll(LATER)
    assert (report.new_entries, report.deliveries) == (1, 1)


def test_an_id_that_several_shared_names_nobody(world: World, server: HttpServer) -> None:
    """The next lone headline under it is no edit of the last one."""
    world.rule("alarm")
    world.add("/f")
    told = []
    for titles in (
        ["Calm day now", "Mild day"],
        ["Bridge closed after alarm in Lyon", "Calm day now"],
        ["Bridge closed after alarm in Lyon"],
        ["Gas leak alarm at a school in Porto"],
    ):
        body = "".join(
            f"<item><title>{title}</title><link>http://news.example/{len(title)}</link>"
            "<guid isPermaLink='false'>0</guid></item>"
            for title in titles
        )
        document = f"<rss version='2.0'><channel><title>F</title>{body}</channel></rss>"
        server.route("/f", Reply(body=document.encode()))
        told.append(world.poll(LATER).deliveries)
    assert told == [0, 1, 0, 1]
    assert len(world.all(entry.c.id)) == 4


def test_a_wall_that_is_seen_once_is_no_empty_day(portal: Portal) -> None:
    portal.rule("quake")
    portal.add("/list", kind="page", options={"selector": "li a"})
    portal.now += timedelta(days=1, hours=1)
    portal.server.route("/list", Reply(body=b"<html><body><ul></ul></body></html>"))
    portal.poll()
    links = "".join(f'<li><a href="/n/{n}.html">Old quake number {n}</a></li>' for n in range(9))
    page = f"<html><body><ul>{links}</ul></body></html>"
    portal.server.route("/list", Reply(body=page.encode()))
    portal.poll(LATER)
    assert len(portal.all(entry.c.id)) == 9
    assert portal.all(delivery.c.id) == []
