"""Crowded, slow and hostile hosts, as the server's log and the other hosts see them."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator

import pytest

from monitor.client import ClientSettings, HttpClient
from monitor.fetch import Fetcher, FetchSettings
from monitor.types import Failed, FailureKind, Fetched, FetchRequest, Outcome
from tests.httpserver import Exchange, HttpServer, Reply


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with HttpServer() as running:
        running.fallback(Reply(body=b"feed"))
        yield running


def play(
    server: HttpServer, requests: list[FetchRequest], settings: FetchSettings, rounds: int = 1
) -> dict[int, tuple[Outcome, float]]:
    """Outcomes with the seconds after which they came; every name resolves to ``server``."""

    async def loopback(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    async def one(fetcher: Fetcher, got: dict[int, tuple[Outcome, float]]) -> None:
        started = time.monotonic()
        async for outcome in fetcher.fetch_all(requests):
            got[outcome.source_id] = outcome, time.monotonic() - started

    async def main() -> dict[int, tuple[Outcome, float]]:
        hosts = {request.url.split("/")[2] for request in requests}
        client = HttpClient(ClientSettings("test", allow_private=tuple(hosts)), lookup=loopback)
        got: dict[int, tuple[Outcome, float]] = {}
        async with client:
            fetcher = Fetcher(client, settings)
            await asyncio.gather(*(one(fetcher, got) for _ in range(rounds)))
        return got

    return asyncio.run(main())


def on_one_host(server: HttpServer, count: int) -> list[FetchRequest]:
    return [FetchRequest(n, server.url(f"/{n}", "busy.example")) for n in range(count)]


def test_hostile_30_two_at_once_and_a_gap_by_the_servers_log(server: HttpServer) -> None:
    server.fallback(Reply(body=b"feed", delay_s=0.25))
    settings = FetchSettings(gap_s=0.1, gap_jitter=0.0)
    got = play(server, on_one_host(server, 10), settings)
    assert len(got) == 10
    assert max(request.active for request in server.requests) == 2
    assert server.requests[-1].at - server.requests[0].at >= 9 * 0.1 - 0.05


def test_hostile_30_overlapping_rounds_share_a_hosts_limits(server: HttpServer) -> None:
    server.fallback(Reply(body=b"feed", delay_s=0.1))
    play(server, on_one_host(server, 6), FetchSettings(gap_s=0.0), rounds=3)
    assert len(server.requests) == 18
    assert max(request.active for request in server.requests) == 2


def test_hostile_30_five_hundred_due_at_once_on_one_host_are_spread(server: HttpServer) -> None:
    """What does not fit into the window is not asked now and not failed either."""
    settings = FetchSettings(gap_s=0.05, gap_jitter=0.5, window_s=1.0)
    started = time.monotonic()
    got = play(server, on_one_host(server, 500), settings)
    assert time.monotonic() - started < 5
    assert 5 <= len(got) <= 21
    assert len(server.requests) == len(got)
    assert all(isinstance(outcome, Fetched) for outcome, _ in got.values())
    assert sorted(got) == list(range(len(got)))


def test_hostile_30_a_thousand_hosts_due_after_a_restart_come_in_turns(
    server: HttpServer,
) -> None:
    requests = [FetchRequest(n, server.url("/", f"host{n}.example")) for n in range(1_000)]
    got = play(server, requests, FetchSettings(concurrency=16))
    assert len(got) == 1_000
    assert max(request.active for request in server.requests) <= 16


def test_a_slow_host_never_delays_the_others(server: HttpServer) -> None:
    server.route("/slow", Reply(body=b"feed", delay_s=1.5))
    slow = [FetchRequest(n, server.url("/slow", "slow.example")) for n in range(200)]
    quick = [FetchRequest(1_000 + n, server.url("/", f"host{n}.example")) for n in range(40)]
    got = play(server, slow + quick, FetchSettings(concurrency=6, gap_s=0.0, window_s=0.5))
    delays = [delay for number, (_, delay) in got.items() if number >= 1_000]
    assert len(delays) == 40
    assert max(delays) < 1.4
    assert server.count("/slow") == 2


async def endless(exchange: Exchange) -> None:
    await exchange.raw(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        await exchange.raw(b"x" * 65_536)


async def crawl(exchange: Exchange) -> None:
    await exchange.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")
    await exchange.drip(b"x", every_s=0.05)


async def slow_headers(exchange: Exchange) -> None:
    await exchange.raw(b"HTTP/1.1 200 OK\r\n")
    await exchange.drip(b"X-A: b\r\n", every_s=0.05)


async def silence(exchange: Exchange) -> None:
    await asyncio.sleep(60)


async def header_flood(exchange: Exchange) -> None:
    await exchange.raw(b"HTTP/1.1 200 OK\r\n")
    for number in range(100_000):
        await exchange.raw(b"X-%d: 1\r\n" % number)


HOSTILE: dict[str, tuple[Callable[[Exchange], Awaitable[None]], FailureKind]] = {
    "endless": (endless, FailureKind.TOO_LARGE),
    "crawl": (crawl, FailureKind.TIMEOUT),
    "slow-headers": (slow_headers, FailureKind.TIMEOUT),
    "silence": (silence, FailureKind.TIMEOUT),
    "flood": (header_flood, FailureKind.HEADERS_TOO_LARGE),
}


def test_hostile_22_other_hosts_do_not_feel_the_hostile_ones(server: HttpServer) -> None:
    settings = FetchSettings(timeout_s=2.0, gap_s=0.0, max_bytes=4 * 1024 * 1024)
    quick = [FetchRequest(1_000 + n, server.url("/", f"host{n}.example")) for n in range(100)]
    alone = play(server, quick, settings)
    hostile = []
    with HttpServer() as enemy:
        for number, (name, (handler, _)) in enumerate(HOSTILE.items()):
            enemy.route(f"/{name}", handler)
            url = enemy.url(f"/{name}", f"{name}.example")
            hostile += [FetchRequest(number * 10 + copy, url) for copy in range(2)]
        together = play(server, hostile + quick, settings)
    for number, (_, expected) in enumerate(HOSTILE.values()):
        outcome, delay = together[number * 10]
        assert isinstance(outcome, Failed)
        assert outcome.kind is expected
        assert delay < 8
    assert percentile_95(together, 1_000) < percentile_95(alone, 1_000) + 1.0


def percentile_95(got: dict[int, tuple[Outcome, float]], first: int) -> float:
    delays = [delay for number, (_, delay) in got.items() if number >= first]
    assert len(delays) == 100
    return statistics.quantiles(delays, n=20)[-1]
