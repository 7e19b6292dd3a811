"""The fetcher against real servers: outcomes, rounds, draining, the verdict on our network."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import aclosing
from datetime import UTC, datetime
from typing import TypeVar

import pytest
import uvloop

from monitor.client import ClientSettings, HttpClient
from monitor.fetch import Fetcher, FetchSettings
from monitor.reach import Reach, looks_like_our_network_is_down
from monitor.types import Failed, FailureKind, Fetched, FetchRequest, NotModified, Outcome
from tests.httpserver import Exchange, HttpServer, Reply

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
OWN = frozenset({"127.0.0.1"})
T = TypeVar("T")


@pytest.fixture(autouse=True, params=["asyncio", "uvloop"])
def event_loop_of(request: pytest.FixtureRequest) -> Iterator[None]:
    """Both event loops that the daemon runs on: they buffer and cancel in ways of their own."""
    if request.param == "uvloop":
        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    yield
    asyncio.set_event_loop_policy(None)


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with HttpServer() as running:
        yield running


async def loopback(host: str, port: int) -> list[str]:
    """A name server that knows every name, and all of them are here."""
    return ["127.0.0.1"]


def names(server: HttpServer, count: int, prefix: str = "host") -> list[str]:
    return [f"{prefix}{number}.example" for number in range(count)]


def fetching(
    server: HttpServer,
    act: Callable[[Fetcher], Awaitable[T]],
    settings: FetchSettings,
    *hosts: str,
) -> T:
    """What ``act`` gives with a fetcher that may reach ``server`` as 127.0.0.1 and as ``hosts``."""

    async def main() -> T:
        allow = tuple(f"{host}:{server.port}" for host in ("127.0.0.1", *hosts))
        client_settings = ClientSettings("test", allow_private=allow)
        async with HttpClient(client_settings, lookup=loopback) as client:
            return await act(Fetcher(client, settings, lambda: NOW, lambda: 0.5))

    return asyncio.run(main())


def collect(
    server: HttpServer, requests: list[FetchRequest], settings: FetchSettings, *hosts: str
) -> dict[int, Outcome]:
    async def act(fetcher: Fetcher) -> dict[int, Outcome]:
        return {outcome.source_id: outcome async for outcome in fetcher.fetch_all(requests)}

    return fetching(server, act, settings, *hosts)


HURRY = FetchSettings(no_gap_hosts=OWN)


def test_hostile_21_a_feed_that_has_not_changed_is_not_sent_again(server: HttpServer) -> None:
    async def conditional(exchange: Exchange) -> None:
        validators = {"ETag": '"v1"', "Last-Modified": "Sun, 01 Mar 2026 00:00:00 GMT"}
        known = exchange.request.headers.get("if-none-match") == '"v1"'
        await exchange.send(Reply(304 if known else 200, b"" if known else b"feed", validators))

    server.route("/feed", conditional)
    first = collect(server, [FetchRequest(1, server.url("/feed"))], HURRY)[1]
    assert isinstance(first, Fetched)
    assert (first.body, first.etag) == (b"feed", '"v1"')
    again = FetchRequest(1, server.url("/feed"), first.etag, first.last_modified)
    second = collect(server, [again], HURRY)[1]
    assert isinstance(second, NotModified)
    assert second.etag == '"v1"'
    sent = server.requests[1].headers
    assert sent["if-modified-since"] == "Sun, 01 Mar 2026 00:00:00 GMT"


def test_hostile_21_every_trouble_is_an_outcome_of_its_source(server: HttpServer) -> None:
    server.route("/gone", Reply(410))
    server.route("/busy", Reply(429, headers={"Retry-After": "Sun, 01 Mar 2026 13:00:00 GMT"}))
    server.route("/login", Reply(200, b"<html>", {"Content-Type": "text/html"}))
    server.route("/moved", Reply(301, headers={"Location": "/login"}))
    paths = ["/gone", "/missing", "/busy", "/moved"]
    requests = [FetchRequest(n, server.url(path)) for n, path in enumerate(paths)]
    requests += [FetchRequest(10, "http://10.0.0.1/"), FetchRequest(11, "not an address")]
    outcomes = collect(server, requests, HURRY)
    kinds = {n: o.kind for n, o in outcomes.items() if isinstance(o, Failed)}
    assert kinds == {
        0: FailureKind.GONE,
        1: FailureKind.HTTP_STATUS,
        2: FailureKind.RATE_LIMITED,
        10: FailureKind.REFUSED_ADDRESS,
        11: FailureKind.REFUSED_ADDRESS,
    }
    busy, moved = outcomes[2], outcomes[3]
    assert isinstance(busy, Failed)
    assert busy.retry_after_s == 3_600
    assert isinstance(moved, Fetched)
    assert moved.permanent_url == server.url("/login")


def test_hostile_21_a_host_that_asks_for_rest_is_left_alone(server: HttpServer) -> None:
    """Its other sources are not done: no request, no failure, and they come up again later."""
    server.fallback(Reply(429, headers={"Retry-After": "3600"}))
    requests = [FetchRequest(n, server.url(f"/{n}")) for n in range(50)]
    settings = FetchSettings(gap_s=0.0, per_host=2, window_s=5.0)
    outcomes = collect(server, requests, settings)
    assert len(outcomes) <= 4
    assert len(server.requests) == len(outcomes)


def test_one_request_by_itself(server: HttpServer) -> None:
    server.route("/feed", Reply(body=b"feed"))
    request = FetchRequest(5, server.url("/feed"))
    outcome = fetching(server, lambda fetcher: fetcher.fetch(request), HURRY)
    assert isinstance(outcome, Fetched)
    assert (outcome.source_id, outcome.body) == (5, b"feed")
    assert outcome.elapsed_s > 0


def test_no_requests_make_an_empty_round(server: HttpServer) -> None:
    assert collect(server, [], HURRY) == {}


def test_connections_are_kept_only_while_a_host_has_more(server: HttpServer) -> None:
    """Thousands of hosts with one source each must not leave thousands of open sockets."""
    server.fallback(Reply(body=b"x"))
    hosts = names(server, 5)
    single = [FetchRequest(n, server.url("/", host)) for n, host in enumerate(hosts)]
    collect(server, single, FetchSettings(), *hosts)
    assert all(request.headers["connection"] == "close" for request in server.requests)
    before = server.connections
    crowd = [FetchRequest(n, server.url("/")) for n in range(100)]
    collect(server, crowd, FetchSettings(concurrency=4, no_gap_hosts=OWN))
    assert server.connections - before < 20


# rounds


def test_a_slow_consumer_slows_the_fetching(server: HttpServer) -> None:
    server.fallback(Reply(body=b"x"))
    requests = [FetchRequest(n, server.url(f"/{n}")) for n in range(60)]

    async def act(fetcher: Fetcher) -> int:
        async with aclosing(fetcher.fetch_all(requests)) as outcomes:
            await anext(outcomes)
            while True:
                asked = len(server.requests)
                await asyncio.sleep(0.2)
                if len(server.requests) == asked:
                    return asked

    assert fetching(server, act, FetchSettings(concurrency=4, no_gap_hosts=OWN)) <= 12


def test_a_round_that_is_given_up_stops_its_requests(server: HttpServer) -> None:
    async def hang(exchange: Exchange) -> None:
        await exchange.raw(b"HTTP/1.1 200 OK\r\n\r\n")
        await exchange.drip(b"x", every_s=0.05)

    server.route("/", Reply(body=b"x"))
    server.route("/hang", hang)
    paths = ["/", *["/hang"] * 5]

    async def act(fetcher: Fetcher) -> None:
        requests = [FetchRequest(n, server.url(path)) for n, path in enumerate(paths)]
        async with aclosing(fetcher.fetch_all(requests)) as outcomes:
            await anext(outcomes)
            await asyncio.to_thread(server.wait_for, lambda: server.count("/hang") == 5)
        await asyncio.to_thread(server.wait_for, lambda: server.hung_up == 5)
        after = await fetcher.fetch(FetchRequest(9, server.url("/")))
        assert isinstance(after, Fetched)

    started = time.monotonic()
    fetching(server, act, FetchSettings(concurrency=6, no_gap_hosts=OWN))
    assert time.monotonic() - started < 5


def test_a_programming_error_reaches_the_consumer() -> None:
    class Broken(HttpClient):
        async def get(self, *arguments: object, **named: object) -> object:  # type: ignore[override]
            raise KeyError("a bug")

    async def main() -> None:
        fetcher = Fetcher(Broken(ClientSettings("test")))
        async for _ in fetcher.fetch_all([FetchRequest(1, "http://portal.example/")]):
            pass

    with pytest.raises(KeyError):
        asyncio.run(main())


# draining


def test_draining_finishes_what_is_nearly_done_and_gives_back_the_rest(
    server: HttpServer,
) -> None:
    server.route("/soon", Reply(body=b"x", delay_s=0.3))
    server.route("/late", Reply(body=b"x", delay_s=30))
    server.route("/never", Reply(body=b"x"))
    paths = {1: "/soon", 2: "/late", 3: "/never", 4: "/never"}

    async def act(fetcher: Fetcher) -> list[int]:
        done: list[int] = []

        async def consume() -> None:
            requests = [FetchRequest(n, server.url(path)) for n, path in paths.items()]
            done.extend([o.source_id async for o in fetcher.fetch_all(requests)])

        round_ = asyncio.create_task(consume())
        while len(server.requests) < 2:  # noqa: ASYNC110 - the server has no event for this
            await asyncio.sleep(0.01)
        started = time.monotonic()
        await fetcher.drain(grace_s=1.0)
        assert 0.9 < time.monotonic() - started < 10
        await asyncio.wait_for(round_, 2)
        assert [o async for o in fetcher.fetch_all([FetchRequest(5, server.url("/soon"))])] == []
        with pytest.raises(asyncio.CancelledError):
            await fetcher.fetch(FetchRequest(6, server.url("/soon")))
        return done

    settings = FetchSettings(concurrency=2, no_gap_hosts=OWN)
    assert fetching(server, act, settings) == [1]
    assert server.count("/never") == 0


def test_draining_with_nothing_in_flight_takes_no_time(server: HttpServer) -> None:
    started = time.monotonic()
    fetching(server, lambda fetcher: fetcher.drain(grace_s=5.0), HURRY)
    assert time.monotonic() - started < 4


# our own network


def silent(number: int, host: str, kind: FailureKind = FailureKind.DNS) -> Failed:
    return Failed(number, kind, "no answer", host=host)


def test_when_all_hosts_fail_for_network_reasons_it_is_our_network() -> None:
    kinds = [FailureKind.DNS, FailureKind.CONNECT, FailureKind.TIMEOUT]
    outcomes = [silent(n, f"host{n}", kinds[n % 3]) for n in range(5)]
    assert looks_like_our_network_is_down(outcomes)
    assert looks_like_our_network_is_down(outcomes[:3])


def test_a_few_answers_before_the_line_went_dead_do_not_acquit_it() -> None:
    outcomes: list[Outcome] = [silent(n, f"host{n}") for n in range(100)]
    outcomes += [NotModified(200 + n) for n in range(10)]
    assert looks_like_our_network_is_down(outcomes)
    outcomes += [Fetched(300, "http://x/", b"")]
    assert not looks_like_our_network_is_down(outcomes)


def test_dead_hosts_alone_are_not_our_network() -> None:
    many_of_one = [silent(n, "dead.example") for n in range(500)]
    assert not looks_like_our_network_is_down(many_of_one)
    two = [silent(1, "a"), silent(2, "b")]
    assert not looks_like_our_network_is_down(two)
    assert not looks_like_our_network_is_down([])


def test_servers_that_answer_badly_prove_that_the_network_works() -> None:
    outcomes: list[Outcome] = [silent(n, f"host{n}") for n in range(5)]
    angry = Failed(9, FailureKind.HTTP_STATUS, "no", status=500, host="x")
    assert not looks_like_our_network_is_down([*outcomes, angry])
    refused = [Failed(n, FailureKind.REFUSED_ADDRESS, "no", host=f"r{n}") for n in range(9)]
    assert looks_like_our_network_is_down([*outcomes, *refused])
    assert not looks_like_our_network_is_down(refused)


def test_silence_adds_up_over_rounds_until_somebody_answers() -> None:
    reach = Reach()
    assert [reach.is_down([silent(n, f"host{n}")]) for n in (1, 1, 2, 3)] == [False] * 3 + [True]
    assert reach.is_down([silent(1, "host1")])
    assert not reach.is_down([NotModified(4)])
    assert not reach.is_down([silent(1, "host1")])
    assert not reach.is_down([silent(2, "host2"), NotModified(4)])
    assert not reach.is_down([silent(3, "host3")])


def test_what_was_seen_of_the_network_holds_until_a_round_shows_something_else() -> None:
    reach, seen = Reach(), []
    rounds: list[list[Outcome]] = [
        [],
        [silent(1, "host1")],
        [silent(n, f"host{n}") for n in range(3)],
        [],
        [Failed(9, FailureKind.BAD_URL, "no", host="x")],
        [NotModified(4)],
        [silent(1, "host1")],
        [silent(1, "host1", FailureKind.OFFLINE)],
    ]
    for outcomes in rounds:
        reach.is_down(outcomes)
        seen.append(reach.seen_down)
    assert seen == [None, None, True, True, True, False, False, True]


def test_a_machine_that_is_offline_needs_no_second_host_to_tell() -> None:
    reach = Reach()
    assert reach.is_down([silent(1, "host1", FailureKind.OFFLINE)])
    assert not reach.is_down([silent(1, "host1", FailureKind.OFFLINE), NotModified(4)])


def test_a_round_in_which_nobody_was_silent_is_no_outage() -> None:
    reach = Reach()
    assert reach.is_down([silent(n, f"host{n}") for n in range(3)])
    assert not reach.is_down([])
    assert not reach.is_down([Failed(9, FailureKind.BAD_URL, "no", host="x")])
    assert reach.is_down([silent(1, "host1")])


def test_a_network_that_is_really_down_is_recognised(server: HttpServer) -> None:
    async def no_name_server(host: str, port: int) -> list[str]:
        raise OSError("temporary failure in name resolution")

    async def main() -> list[Outcome]:
        async with HttpClient(ClientSettings("test"), lookup=no_name_server) as client:
            requests = [FetchRequest(n, f"http://host{n}.example/") for n in range(10)]
            return [outcome async for outcome in Fetcher(client).fetch_all(requests)]

    assert looks_like_our_network_is_down(asyncio.run(main()))
