"""Hubs are asked side by side, and what they answer wrongly is theirs alone."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import RowMapping

from monitor.client import ClientSettings, HttpClient
from monitor.storage import Database, sources, subscriptions
from monitor.storage.schema import source, subscription
from monitor.storage.sources import NewSource
from monitor.types import HubLink
from monitor.websub import WebSub
from tests.fakes import NOW
from tests.httpserver import Exchange, HttpServer, Reply

BASE = "https://news.example"
WEEK = timedelta(days=7)


@pytest.fixture
def server() -> Iterator[HttpServer]:
    """Where hubs are, by path: /good takes what it is asked."""
    with HttpServer() as found:
        found.route("/good", Reply(202))
        yield found


def want(database: Database, *hubs: str, topic: str = "https://a.example/feed") -> list[int]:
    with database.write() as connection:
        added = [NewSource(f"https://a.example/{number}") for number in range(len(hubs))]
        sources.add_many(connection, added, NOW)
        ids = list(connection.scalars(sa.select(source.c.id).order_by(source.c.id)))
        links = {number: HubLink(hub, topic) for number, hub in zip(ids, hubs, strict=True)}
        subscriptions.note(connection, links, NOW)
    return ids


def rows(database: Database) -> list[RowMapping]:
    with database.read() as connection:
        query = sa.select(subscription).order_by(subscription.c.source_id)
        return list(connection.execute(query).mappings())


def states(database: Database) -> list[tuple[str, int]]:
    return [(row["state"], row["failures"]) for row in rows(database)]


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 60))


@asynccontextmanager
async def opened(
    database: Database, server: HttpServer, public_url: str = BASE, **limits: float
) -> AsyncIterator[WebSub]:
    open_to_us = (f"127.0.0.1:{server.port}", "127.0.0.1:1", "localhost")
    settings = ClientSettings("test", allow_private=open_to_us)
    async with HttpClient(settings) as client:
        yield WebSub(database, client, public_url, lambda: NOW, random.Random(1), **limits)


def ask(database: Database, server: HttpServer, public_url: str = BASE) -> None:
    async def once() -> None:
        async with opened(database, server, public_url) as websub:
            await websub.ask_due()

    run(once())


def test_a_hub_that_hangs_keeps_no_other_waiting(database: Database, server: HttpServer) -> None:
    async def handler(exchange: Exchange) -> None:
        await asyncio.to_thread(server.wait_for, lambda: server.count("/good") > 0, 30)
        await exchange.send(Reply(202))

    server.route("/hangs", handler)
    want(database, server.url("/hangs"), server.url("/good", host="localhost"))
    ask(database, server)
    assert states(database) == [("asked", 0), ("asked", 0)]


def test_a_hub_is_asked_one_thing_at_a_time(database: Database, server: HttpServer) -> None:
    active: list[int] = []

    async def note(exchange: Exchange) -> None:
        active.append(exchange.request.active)
        await asyncio.sleep(0.02)
        await exchange.send(Reply(202))

    server.route("/hub", note)
    want(database, *[server.url("/hub")] * 4)
    ask(database, server)
    assert active == [1, 1, 1, 1]


def test_a_host_that_does_not_answer_is_asked_once_a_turn(
    database: Database, server: HttpServer
) -> None:
    want(database, *["http://127.0.0.1:1/hub"] * 3, "http://127.0.0.1:1/other")
    ask(database, server)
    assert states(database) == [("asked", 1), ("wanted", 1), ("wanted", 1), ("wanted", 0)]
    assert rows(database)[3]["next_at"] == NOW + timedelta(minutes=1)


def test_a_slow_host_leaves_the_rest_of_its_subscriptions_for_the_next_turn(
    database: Database, server: HttpServer
) -> None:
    want(database, *[server.url("/good")] * 3)

    async def turns() -> None:
        async with opened(database, server, turn_s=0.0) as websub:
            for asked in (1, 2, 3, 3):
                await websub.ask_due()
                assert server.count("/good") == asked

    run(turns())


@pytest.mark.parametrize("location", ["http://[::1", "http://127.0.0.1:2/", "ftp://a.example/"])
def test_a_bad_location_is_a_refusal_of_that_hub_alone(
    location: str, database: Database, server: HttpServer
) -> None:
    server.route("/bad", Reply(307, headers={"Location": location}))
    want(database, server.url("/bad"), server.url("/good"))
    ask(database, server)
    assert states(database) == [("asked", 1), ("asked", 0)]
    assert server.count("/good") == 1


@pytest.mark.parametrize(
    ("status", "hops", "asked"),
    [(307, 3, 1), (308, 3, 1), (307, 4, 0), (301, 1, 0), (302, 1, 0), (303, 1, 0)],
)
def test_requests_are_repeated_elsewhere_where_that_keeps_them_whole(
    status: int, hops: int, asked: int, database: Database, server: HttpServer
) -> None:
    bodies: list[bytes] = []

    async def good(exchange: Exchange) -> None:
        bodies.append(exchange.request.body)
        await exchange.send(Reply(202))

    server.route("/0", good)
    for hop in range(1, hops + 1):
        server.route(f"/{hop}", Reply(status, headers={"Location": f"/{hop - 1}"}))
    want(database, server.url(f"/{hops}"))
    ask(database, server)
    assert len(bodies) == asked
    assert all(parse_qs(body.decode())["hub.mode"] == ["subscribe"] for body in bodies)
    assert states(database) == [("asked", 1 - asked)]


@pytest.mark.parametrize("status", [202, 500])
def test_an_answer_to_a_replaced_subscription_leaves_the_new_one_due(
    status: int, database: Database, server: HttpServer
) -> None:
    (number,) = want(database, server.url("/old"))
    link = HubLink(server.url("/good"), "https://a.example/feed")

    async def old(exchange: Exchange) -> None:
        await asyncio.to_thread(
            database.run, lambda each: subscriptions.note(each, {number: link}, NOW)
        )
        await exchange.send(Reply(status))

    server.route("/old", old)
    ask(database, server)
    assert [(row["hub"], row["next_at"]) for row in rows(database)] == [(link.hub, NOW)]
    assert states(database) == [("wanted", 0)]


def test_what_is_cut_short_is_due_at_once(database: Database, server: HttpServer) -> None:
    async def hang(_: Exchange) -> None:
        await asyncio.Event().wait()

    server.route("/hangs", hang)
    want(database, server.url("/hangs"))

    async def cut() -> None:
        async with opened(database, server) as websub:
            turn = asyncio.create_task(websub.ask_due())
            await asyncio.to_thread(server.wait_for, lambda: server.count("/hangs") == 1)
            turn.cancel()
            await asyncio.gather(turn, return_exceptions=True)

    run(cut())
    assert [row["next_at"] for row in rows(database)] == [NOW]


def test_another_public_address_is_told_at_once(database: Database, server: HttpServer) -> None:
    want(database, server.url("/good"))
    ask(database, server)
    with database.write() as connection:
        later = NOW + timedelta(days=8)
        connection.execute(sa.update(subscription).values(state="active", next_at=later))
    ask(database, server)
    assert server.count("/good") == 1
    ask(database, server, "https://moved.example")
    ask(database, server, "https://moved.example")
    assert server.count("/good") == 2
    assert states(database) == [("active", 0)]


def test_no_secret_of_hub_or_topic_is_told(
    database: Database, server: HttpServer, caplog: pytest.LogCaptureFixture
) -> None:
    hub = server.url("/hub?token=PLANTED").replace("//", "//user:PLANTED@")
    server.route("/hub?token=PLANTED", Reply(307, headers={"Location": "http://u:PLANTED@[::1"}))
    want(database, hub, topic="https://a.example/feed?token=PLANTED")
    with caplog.at_level(logging.DEBUG, "headlines"):
        ask(database, server)
    assert "hub " in caplog.text
    assert "PLANTED" not in caplog.text
    assert [row["failures"] for row in rows(database)] == [1]
    assert "PLANTED" not in rows(database)[0]["last_error"]
