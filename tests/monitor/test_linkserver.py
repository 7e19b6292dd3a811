"""Links of alerts over HTTP: looking changes nothing, a POST acts once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import aiohttp
import pytest

from monitor.links import PATH, Action, Linker, Ticket
from monitor.linkserver import LinkServer
from monitor.messages import Message, RuleCount
from monitor.storage import Database, deliveries, retention, rules, secrets, telling
from tests.fakes import NOW, make_entry, make_message

BASE = "https://news.example"


class Site:
    """A database with one alert, and the server that answers its links."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.now = NOW
        key = database.run(lambda connection: secrets.key(connection, "links"))
        self.linker = Linker(key, BASE)
        self.entry = make_entry("<b>降息</b>", story_id=77, rule="rates")
        self.message = make_message("msg_1", entries=(self.entry,), channel="mail")
        with database.write() as connection:
            rules.add(connection, "rates", "降息", ["mail", "hook"], NOW)
            rules.add(connection, "banks", "央行", ["mail"], NOW)
            deliveries.insert_many(connection, [self.message], NOW)

    def ask(self, *steps: tuple[str, str]) -> list[tuple[int, str]]:
        """Statuses and pages of requests, each a method and a link."""
        return asyncio.run(self._ask(steps))

    async def _ask(self, steps: tuple[tuple[str, str], ...]) -> list[tuple[int, str]]:
        server = LinkServer(self.database, self.linker, "hook", lambda: self.now)
        await server.start("127.0.0.1:0")
        host, port = server.address
        answers = []
        try:
            async with aiohttp.ClientSession() as session:
                for method, url in steps:
                    path = url.removeprefix(BASE)
                    data = "List-Unsubscribe=One-Click" if method == "POST" else None
                    async with session.request(
                        method, f"http://{host}:{port}{path}", data=data
                    ) as response:
                        answers.append((response.status, await response.text()))
                        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
                        assert response.headers["Server"] == "headlines"
        finally:
            await server.close()
        return answers

    def rule(self, name: str = "rates") -> Any:
        with self.database.read() as connection:
            return rules.get(connection, name)

    @property
    def muted(self) -> set[int]:
        with self.database.read() as connection:
            return telling.muted_among(connection, [77])

    @property
    def owed(self) -> list[Message]:
        with self.database.read() as connection:
            return [
                row["message"]
                for row in deliveries.list_by_state(connection)
                if row["id"] != "msg_1"
            ]


@pytest.fixture
def site(database: Database) -> Site:
    return Site(database)


def test_looking_shows_and_changes_nothing(site: Site) -> None:
    links = (
        site.linker.mute(site.message, site.entry),
        site.linker.snooze(site.message),
        site.linker.unsubscribe(site.message),
    )
    answers = site.ask(*(("GET", link) for link in links), *(("HEAD", link) for link in links))
    assert [status for status, _ in answers] == [200] * 6
    assert "&lt;b&gt;降息" in answers[0][1]
    assert "rates" in answers[1][1]
    assert "<form" in answers[2][1]
    assert (site.muted, site.rule().snoozed_until, site.rule().version) == (set(), None, 1)


def test_a_story_is_muted_once(site: Site) -> None:
    link = site.linker.mute(site.message, site.entry)
    assert [status for status, _ in site.ask(("POST", link), ("POST", link))] == [200, 410]
    assert site.muted == {77}


def test_a_rule_is_snoozed_for_a_day_once(site: Site) -> None:
    link = site.linker.snooze(site.message)
    assert [status for status, _ in site.ask(("POST", link), ("POST", link))] == [200, 410]
    assert site.rule().snoozed_until == NOW + timedelta(days=1)


def test_a_longer_snooze_is_not_made_shorter(site: Site) -> None:
    longer = NOW + timedelta(days=7)
    with site.database.write() as connection:
        rules.snooze(connection, "rates", longer)
    assert [status for status, _ in site.ask(("POST", site.linker.snooze(site.message)))] == [200]
    assert site.rule().snoozed_until == longer


def test_unsubscribing_takes_the_channel_from_the_rule_and_tells_the_owner(site: Site) -> None:
    link = site.linker.unsubscribe(site.message)
    assert [status for status, _ in site.ask(("POST", link), ("POST", link))] == [200, 200]
    assert (site.rule().channels, site.rule().version) == (("hook",), 2)
    (notice,) = site.owed
    assert "unsubscribed" in notice["notice"]  # type: ignore[index]
    undo = "headlines rules edit rates --channel mail --channel hook"
    assert undo in notice["notice"]  # type: ignore[index]


def test_unsubscribing_from_a_digest_takes_the_channel_from_all_its_rules(site: Site) -> None:
    counts = (RuleCount("rates", 1, "降息", 2), RuleCount("gone", 1, "x", 1),
              RuleCount("banks", 1, "央行", 1))  # fmt: skip
    digest = make_message("msg_d", rule="", channel="mail", digest=True, total=4, counts=counts)
    with site.database.write() as connection:
        deliveries.insert_many(connection, [digest], NOW)
    ((status, _),) = site.ask(("POST", site.linker.unsubscribe(digest)))
    assert status == 200
    assert (site.rule().channels, site.rule("banks").channels) == (("hook",), ())


def expired(site: Site) -> str:
    site.now = NOW + timedelta(days=7)
    return site.linker.snooze(site.message)


def forged(site: Site) -> str:
    return Linker(b"another key", BASE).snooze(site.message)


def forgotten(site: Site) -> str:
    return site.linker.snooze(make_message("msg_gone"))


def nonsense(_: Site) -> str:
    return f"{BASE}{PATH}{'x' * 5000}"


@pytest.mark.parametrize("make", [expired, forged, forgotten, nonsense])
def test_what_is_no_link_of_ours_any_more_does_nothing(
    site: Site, make: Callable[[Site], str]
) -> None:
    link = make(site)
    assert [status for status, _ in site.ask(("GET", link), ("POST", link))] == [404, 404]
    assert site.rule().snoozed_until is None


def test_there_is_nothing_else_to_ask_for(site: Site) -> None:
    answers = site.ask(("GET", f"{BASE}/"), ("PUT", site.linker.snooze(site.message)))
    assert [status for status, _ in answers] == [404, 405]


def test_the_key_stays_and_used_links_are_forgotten_after_they_expire(site: Site) -> None:
    with site.database.write() as connection:
        assert Linker(secrets.key(connection, "links"), BASE).snooze(site.message) == (
            site.linker.snooze(site.message)
        )
        assert secrets.key(connection, "other") != secrets.key(connection, "links")
        assert secrets.use(connection, "a", NOW)
        assert not secrets.use(connection, "a", NOW)

    def forget(now: datetime) -> bool:
        retention.forget(site.database, lambda: now, 90, 730, lambda: True)
        with site.database.write() as connection:
            return secrets.use(connection, "a", NOW)

    assert not forget(NOW)
    assert forget(NOW + timedelta(seconds=1))


def test_links_of_an_alert_that_arrived_late_work_for_as_long(site: Site) -> None:
    arrived = NOW + timedelta(days=8)
    with site.database.write() as connection:
        deliveries.settle_sent(connection, {"msg_1": "ok"}, arrived)
    link = site.linker.mute(site.message, site.entry)
    site.now = arrived + timedelta(days=7)
    assert site.ask(("GET", link))[0][0] == 404
    site.now -= timedelta(hours=1)
    assert [status for status, _ in site.ask(("GET", link), ("POST", link))] == [200, 200]


def test_a_link_mutes_no_story_that_its_alert_does_not_tell(site: Site) -> None:
    ticket = Ticket(Action.MUTE, "msg_1", 78, NOW + timedelta(days=1))
    link = f"{BASE}{PATH}{site.linker.token(ticket)}"
    answers = site.ask(("GET", link), ("POST", link))
    assert [status for status, _ in answers] == [404, 404]
    with site.database.read() as connection:
        assert telling.muted_among(connection, [78]) == set()
