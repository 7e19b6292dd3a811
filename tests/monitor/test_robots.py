"""robots.txt: asked for pages, kept for a day, and what holds while it cannot be read."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from monitor.client import ClientSettings, HttpClient
from monitor.fetch import Fetcher, FetchSettings
from monitor.robots import Robots
from monitor.types import Failed, FailureKind, Fetched, FetchRequest, Outcome
from tests.httpserver import HttpServer, Reply

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FORBIDS = b"User-agent: *\nDisallow: /private/*.html$\nAllow: /private/open.html$"


class World:
    """A fetcher that asks robots.txt, and a clock."""

    def __init__(self, server: HttpServer) -> None:
        self.server = server
        self.now = NOW
        for path in ("/page", "/private/a.html", "/private/open.html"):
            server.route(path, Reply(body=b"<html>"))

    def ask(self, *paths: str, robots: bool = True) -> list[Outcome]:
        """The outcomes of ``paths``, one after the other, an hour apart."""
        return asyncio.run(self._ask(paths, robots))

    async def _ask(self, paths: tuple[str, ...], robots: bool) -> list[Outcome]:
        settings = FetchSettings(gap_s=0, no_gap_hosts=frozenset({"127.0.0.1"}))
        async with HttpClient(ClientSettings("t", allow_private=("127.0.0.1",))) as client:
            asked = Robots(client, "HeadlineMonitor/1.0 (+https://here.example)", lambda: self.now)
            fetcher = Fetcher(client, settings, robots=asked)
            found = []
            for path in paths:
                url = self.server.url(path)
                found.append(await fetcher.fetch(FetchRequest(1, url, robots=robots)))
                self.now += timedelta(hours=1)
            return found


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with HttpServer() as running:
        yield running


def kinds(outcomes: list[Outcome]) -> list[str]:
    return [str(each.kind) if isinstance(each, Failed) else "fetched" for each in outcomes]


def test_what_is_forbidden_is_not_asked_for(server: HttpServer) -> None:
    server.route("/robots.txt", Reply(body=FORBIDS))
    world = World(server)
    found = world.ask("/page", "/private/a.html", "/private/open.html")
    assert kinds(found) == ["fetched", "robots", "fetched"]
    assert server.count("/private/a.html") == 0
    assert server.count("/robots.txt") == 1, "it is kept"
    assert isinstance(found[1], Failed)
    assert "robots = false" in found[1].message


def test_where_a_redirect_leads_is_asked_too(server: HttpServer) -> None:
    with HttpServer() as other:
        other.route("/robots.txt", Reply(body=b"User-agent: *\nDisallow: /shut"))
        for path in ("/open", "/shut"):
            other.route(path, Reply(body=b"<html>"))
            server.route(f"/to{path}", Reply(302, headers={"Location": other.url(path)}))
        world = World(server)
        assert kinds(world.ask("/to/open", "/to/shut")) == ["fetched", "robots"]
        assert kinds(world.ask("/to/shut", robots=False)) == ["fetched"]
        asked = [each.path for each in other.requests]
        assert asked == ["/robots.txt", "/open", "/shut"]


def test_feeds_do_not_ask(server: HttpServer) -> None:
    server.route("/robots.txt", Reply(body=b"User-agent: *\nDisallow: /"))
    assert kinds(World(server).ask("/page", robots=False)) == ["fetched"]
    assert server.count("/robots.txt") == 0


def test_our_own_name_is_known(server: HttpServer) -> None:
    forbids = b"User-agent: *\nAllow: /\n\nUser-agent: headlinemonitor\nDisallow: /page"
    server.route("/robots.txt", Reply(body=b"\xef\xbb\xbf" + forbids))
    assert kinds(World(server).ask("/page", "/private/a.html")) == ["robots", "fetched"]


def test_it_is_read_again_after_a_day(server: HttpServer) -> None:
    server.route("/robots.txt", Reply(body=FORBIDS))
    world = World(server)
    paths = ["/private/a.html"] * 26
    assert kinds(world.ask(*paths)) == ["robots"] * 26
    assert server.count("/robots.txt") == 2


@pytest.mark.parametrize("status", [404, 403, 401, 410])
def test_without_one_everything_is_allowed(server: HttpServer, status: int) -> None:
    server.route("/robots.txt", Reply(status))
    assert kinds(World(server).ask("/page")) == ["fetched"]


@pytest.mark.parametrize("status", [500, 503, 429])
def test_while_the_server_is_in_trouble_nothing_is_read(server: HttpServer, status: int) -> None:
    server.route("/robots.txt", Reply(status))
    world = World(server)
    [found] = world.ask("/page")
    assert isinstance(found, Failed)
    assert found.kind is FailureKind.ROBOTS
    assert str(status) in found.message
    assert server.count("/page") == 0


def test_what_was_known_holds_while_the_server_is_in_trouble(server: HttpServer) -> None:
    world = World(server)
    server.route("/robots.txt", Reply(body=FORBIDS))

    async def two_days() -> list[Outcome]:
        async with HttpClient(ClientSettings("t", allow_private=("127.0.0.1",))) as client:
            asked = Robots(client, "HeadlineMonitor", lambda: world.now)
            fetcher = Fetcher(client, FetchSettings(gap_s=0), robots=asked)
            found = []
            for path in ("/private/a.html", "/private/a.html", "/page"):
                url = server.url(path)
                found.append(await fetcher.fetch(FetchRequest(1, url, robots=True)))
                world.now += timedelta(days=2)
                server.route("/robots.txt", Reply(503))
            return found

    assert kinds(asyncio.run(two_days())) == ["robots", "robots", "fetched"]


def test_a_network_that_is_down_is_told_as_such() -> None:
    async def ask() -> Outcome:
        async with HttpClient(ClientSettings("t", allow_private=("127.0.0.1",))) as client:
            asked = Robots(client, "HeadlineMonitor", lambda: NOW)
            fetcher = Fetcher(client, FetchSettings(gap_s=0), robots=asked)
            return await fetcher.fetch(FetchRequest(1, "http://127.0.0.1:8990/page", robots=True))

    found = asyncio.run(ask())
    assert isinstance(found, Failed)
    assert found.kind.is_network


@pytest.mark.parametrize("url", ["", "//", "/page", "http://[", "no address"])
def test_what_is_no_address_fails_as_such(url: str) -> None:
    async def ask() -> Outcome:
        async with HttpClient(ClientSettings("t")) as client:
            fetcher = Fetcher(client, robots=Robots(client, "HeadlineMonitor", lambda: NOW))
            return await fetcher.fetch(FetchRequest(1, url, robots=True))

    found = asyncio.run(ask())
    assert isinstance(found, Failed)
    assert found.kind in {FailureKind.BAD_URL, FailureKind.REFUSED_ADDRESS}


def test_a_huge_one_is_read_in_part_and_a_larger_one_not_at_all(
    server: HttpServer,
) -> None:
    rule = b"User-agent: *\nDisallow: /private/\n"
    server.route("/robots.txt", Reply(body=rule + b"Disallow: /*a*a*a*a*b$\n" * 40_000))
    world = World(server)
    assert kinds(world.ask("/private/a.html", "/page")) == ["robots", "fetched"]
    server.route("/robots.txt", Reply(body=b"#" * 3_000_000))
    found = world.ask("/page")
    assert kinds(found) == ["robots"]
    assert isinstance(found[0], Failed)
    assert not isinstance(found[0], Fetched)
