"""Trying many addresses: politely, and without waiting for what is dead."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from pathlib import Path

from monitor.actions.checking import OFFLINE, PROBES, Checked, check
from monitor.config import Polling, Settings
from tests.httpserver import HttpServer, Reply

FEED = b"<rss version='2.0'><channel><title>t</title><item><title>a</title></item></channel></rss>"


def try_all(urls: list[str], **polling: float) -> list[Checked]:
    settings = Settings(
        Path("unused"),
        "sqlite://",
        polling=Polling(allow_private=("127.0.0.1",), **polling),  # type: ignore[arg-type]
    )
    return asyncio.run(check(settings, [(f"n{at}", url) for at, url in enumerate(urls)]))


def closed_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
        for server in servers:
            stack.enter_context(server)
        return [server.getsockname()[1] for server in servers]


def test_answers_come_in_the_order_of_the_questions() -> None:
    with HttpServer() as one, HttpServer() as two:
        for server in (one, two):
            server.route("/feed", Reply(body=FEED))
        urls = [one.url("/feed"), two.url("/none"), one.url("/none"), two.url("/feed"), "ftp://x/"]
        found = try_all(urls)
        assert [(each.url, each.entries) for each in found] == list(
            zip(urls, [1, None, None, 1, None], strict=True)
        )
        assert (len(one.requests), len(two.requests)) == (2, 2)


def test_three_hundred_dead_hosts_are_no_long_wait() -> None:
    started = time.monotonic()
    found = try_all([f"http://127.0.0.1:{port}/rss" for port in closed_ports(300)])
    assert time.monotonic() - started < 60
    assert all(each.entries is None for each in found)
    assert all(each.message.startswith("connect: ") for each in found[:PROBES])
    assert all(each.message == OFFLINE for each in found[PROBES:])


def test_a_dead_host_is_asked_once_and_the_others_go_on() -> None:
    (port,) = closed_ports(1)
    with HttpServer() as alive:
        alive.fallback(Reply(body=FEED))
        dead = [f"http://127.0.0.1:{port}/{number}" for number in range(5)]
        found = try_all([*dead, *(alive.url(f"/{number}") for number in range(3))])
    assert found[0].message.startswith("connect: ")
    assert {each.message for each in found[1:5]} == {"not tried: its host failed before: connect"}
    assert [each.entries for each in found[5:]] == [1, 1, 1]


def test_a_host_that_never_answers_is_cut() -> None:
    with HttpServer() as server:
        server.route("/slow", Reply(body=FEED, delay_s=60))
        server.route("/feed", Reply(body=FEED))
        found = try_all([server.url("/slow")], timeout_s=0.5)
    assert found[0].message.startswith("timeout: ")
