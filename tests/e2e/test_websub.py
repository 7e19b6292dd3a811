"""A hub tells of news: subscribed, verified, pushed, looked at at once; and a hub that lies."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import signal
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlencode

import sqlalchemy as sa

from monitor.storage.schema import source, subscription
from tests.e2e.conftest import World
from tests.e2e.process import until
from tests.e2e.test_links import free_port
from tests.httpserver import Exchange, HttpServer, Reply

HOUR_S = 3600.0


def feed(server: HttpServer, *titles: str) -> Reply:
    pages = {title: server.url("/" + title.replace(" ", "-")) for title in titles}
    items = "".join(
        f"<item><title>{title}</title><link>{page}</link></item>" for title, page in pages.items()
    )
    links = (
        f"<atom:link rel='hub' href='{server.url('/hub')}'/>"
        f"<atom:link rel='self' href='{server.url('/feed')}'/>"
    )
    body = (
        "<rss version='2.0' xmlns:atom='http://www.w3.org/2005/Atom'><channel>"
        f"<title>F</title>{links}{items}</channel></rss>"
    )
    return Reply(body=body.encode(), headers={"Content-Type": "application/rss+xml"})


class Hub:
    """Notes what it is asked, and says to the callback what a test wants it to say."""

    def __init__(self, server: HttpServer, status: int = 202) -> None:
        self.asked: list[dict[str, str]] = []
        self.status = status
        server.route("/hub", self._answer)

    async def _answer(self, exchange: Exchange) -> None:
        form = parse_qs(exchange.request.body.decode())
        self.asked.append({name: values[0] for name, values in form.items()})
        await exchange.send(Reply(self.status))

    def verify(self, **changes: str) -> tuple[int, str]:
        last = self.asked[-1]
        query = {
            "hub.mode": "subscribe",
            "hub.topic": last["hub.topic"],
            "hub.challenge": "c-1",
            "hub.lease_seconds": "86400",
        } | {f"hub.{name}": value for name, value in changes.items()}
        return call(f"{last['hub.callback']}?{urlencode(query)}")

    def push(self, body: bytes, secret: str = "") -> int:
        last = self.asked[-1]
        key = (secret or last["hub.secret"]).encode()
        signature = "sha256=" + hmac.new(key, body, hashlib.sha256).hexdigest()
        return call(last["hub.callback"], body, {"X-Hub-Signature": signature})[0]


def call(
    url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> tuple[int, str]:
    request = urllib.request.Request(url, data=body, headers=dict(headers or {}))
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, ""


def begin(world: World, hub: Hub) -> None:
    base = f"http://127.0.0.1:{free_port()}"
    world.write_settings(web={"listen": base.removeprefix("http://"), "public_url": base})
    server = world.portal.server
    server.route("/feed", feed(server, "chip 1"))
    world.add(server.url("/feed"), every_s=HOUR_S)
    world.rule("chip", "hook")
    world.start().ready(60)
    until(lambda: hub.asked, 60, "the hub is asked")


def state(world: World) -> str:
    return next(iter(world.all(subscription.c.state)), "")


def test_what_a_hub_pushes_is_news_at_once(world: World) -> None:
    server = world.portal.server
    hub = Hub(server)
    begin(world, hub)
    asked = hub.asked[0]
    assert (asked["hub.mode"], asked["hub.topic"]) == ("subscribe", server.url("/feed"))
    assert hub.verify(topic="http://other.example/") == (404, "")
    assert state(world) == "asked"
    assert hub.verify() == (200, "c-1")
    assert state(world) == "active"
    (lease_ends_at,) = world.all(subscription.c.lease_ends_at)
    assert timedelta(hours=23) < lease_ends_at - datetime.now(UTC) < timedelta(hours=25)
    looked = server.count("/feed")
    server.route("/feed", feed(server, "chip 2", "chip 1"))
    assert hub.push(b"<rss/>", secret="another") == 202
    assert call(asked["hub.callback"], b"<rss/>")[0] == 202
    assert hub.push(b"<rss/>") == 202
    until(lambda: world.all_settled(1), 60, "the alert")
    assert server.count("/feed") == looked + 1
    assert world.all(source.c.next_fetch_at)[0] > datetime.now(UTC) + timedelta(minutes=30)
    assert sorted(world.stored) == ["chip 1", "chip 2"]


def test_a_push_while_its_feed_is_being_read_is_not_lost(world: World) -> None:
    server = world.portal.server
    hub = Hub(server)
    begin(world, hub)
    hub.verify()
    old = feed(server, "chip 1")

    async def too_early(exchange: Exchange) -> None:
        server.route("/feed", feed(server, "chip 2", "chip 1"))
        await asyncio.to_thread(hub.push, b"<rss/>")
        await exchange.send(old)

    server.route("/feed", too_early)
    with world.database.write() as connection:
        connection.execute(sa.update(source).values(next_fetch_at=datetime.now(UTC)))
    until(lambda: world.all_settled(1), 60, "the alert")
    assert sorted(world.stored) == ["chip 1", "chip 2"]


def test_a_forged_push_changes_nothing(world: World) -> None:
    hub = Hub(world.portal.server)
    begin(world, hub)
    hub.verify()
    before = world.all(source.c.next_fetch_at)
    assert hub.push(b"<rss/>", secret="another") == 202
    assert call(hub.asked[0]["hub.callback"], b"<rss/>")[0] == 202
    assert world.all(source.c.next_fetch_at) == before
    assert call(hub.asked[0]["hub.callback"] + "x", b"<rss/>")[0] == 410
    assert call(hub.asked[0]["hub.callback"] + "x?hub.mode=subscribe")[0] == 404


def test_a_hub_that_fails_is_asked_again_and_polling_goes_on(world: World) -> None:
    server = world.portal.server
    hub = Hub(server, status=500)
    begin(world, hub)
    until(lambda: world.all(subscription.c.failures) == [1], 60, "the failure is noted")
    assert "500" in world.all(subscription.c.last_error)[0]
    server.route("/feed", feed(server, "chip 2", "chip 1"))
    with world.database.write() as connection:
        connection.execute(sa.update(source).values(next_fetch_at=datetime.now(UTC)))
    until(lambda: world.all_settled(1), 60, "the alert")
    hub.status = 202
    with world.database.write() as connection:
        connection.execute(sa.update(subscription).values(next_at=datetime.now(UTC)))
    until(lambda: len(hub.asked) == 2, 60, "the hub is asked again")
    assert hub.verify() == (200, "c-1")
    assert world.all(subscription.c.failures) == [0]


def test_a_subscription_is_renewed_denied_and_ends_with_its_source(world: World) -> None:
    server = world.portal.server
    hub = Hub(server)
    begin(world, hub)
    hub.verify()
    with world.database.write() as connection:
        connection.execute(sa.update(subscription).values(next_at=datetime.now(UTC)))
    until(lambda: len(hub.asked) == 2, 60, "the lease is renewed")
    assert hub.asked[0]["hub.callback"] == hub.asked[1]["hub.callback"]
    assert state(world) == "active"
    assert hub.verify(mode="denied", reason="not any more") == (200, "")
    assert (state(world), world.all(subscription.c.last_error)) == ("denied", ["not any more"])
    assert hub.verify() == (404, "")
    world.command("feeds", "remove", server.url("/feed"))
    assert hub.push(b"<rss/>") == 410


def test_a_daemon_killed_before_the_hub_verifies_is_verified_later(world: World) -> None:
    hub = Hub(world.portal.server)
    begin(world, hub)
    world.daemons[-1].kill()
    world.start().ready(60)
    until(lambda: call(hub.asked[0]["hub.callback"])[0] == 404, 60, "the door is open")
    assert hub.verify() == (200, "c-1")
    assert hub.push(b"<rss/>") == 202


def test_a_reload_lets_a_hub_that_is_being_asked_answer(world: World) -> None:
    server = world.portal.server
    hub = Hub(server)
    answer = threading.Event()

    async def slow(exchange: Exchange) -> None:
        hub.asked.append({})
        await asyncio.to_thread(answer.wait, 12)
        await exchange.send(Reply(202))

    server.route("/hub", slow)
    begin(world, hub)
    (daemon,) = world.daemons
    looked = server.count("/feed")
    daemon.signal(signal.SIGHUP)
    daemon.hear("settings reloaded")
    for times in (1, 2):  # the new service works: the old one has nothing else left to do
        with world.database.write() as connection:
            connection.execute(sa.update(source).values(next_fetch_at=datetime.now(UTC)))
        until(lambda times=times: server.count("/feed") == looked + times, 60, "a poll")
        until(lambda: world.all(source.c.next_fetch_at)[0] > datetime.now(UTC), 60, "its end")
    answer.set()
    daemon.end()
    assert world.all(subscription.c.failures) == [0]
    assert "ended" not in daemon.text()
    assert len(hub.asked) == 1
