"""The dead man's switch asks, and says once that it cannot."""

from __future__ import annotations

import asyncio

import pytest

from monitor.client import ClientSettings, HttpClient
from monitor.heartbeat import Heartbeat
from tests.httpserver import HttpServer, Reply


def test_it_asks_and_trouble_is_logged_once_without_the_address(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def beats(url: str) -> list[bool]:
        heart = Heartbeat()
        allowed = ClientSettings("tester", allow_private=("127.0.0.1",))
        async with HttpClient(allowed) as client, HttpClient(ClientSettings("t")) as guarded:
            server.route("/ping/secret", Reply(200))
            found = [await heart.beat(client, url)]
            server.route("/ping/secret", Reply(500))
            found += [await heart.beat(client, url), await heart.beat(client, url)]
            server.route("/ping/secret", Reply(200))
            found += [await heart.beat(client, url), await heart.beat(guarded, url)]
        return found

    with HttpServer() as server, caplog.at_level("INFO"):
        assert asyncio.run(beats(server.url("/ping/secret"))) == [True, False, False, True, False]
        assert server.count("/ping/secret") == 4, "a private address is refused"
    told = [record.getMessage() for record in caplog.records]
    assert [line[:30] for line in told] == [
        "the heartbeat does not arrive:", "the heartbeat arrives again",
        "the heartbeat does not arrive:",
    ]  # fmt: skip
    assert "secret" not in caplog.text
