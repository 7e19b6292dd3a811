"""Receivers in trouble: real servers, a real outbox, and a clock that is moved by hand."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import socket
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
import trustme
from standardwebhooks import Webhook as Receiver

from monitor.attempts import JITTER, WAITS_S
from monitor.channels import Channel, Means, build_all
from monitor.client import ClientSettings, HttpClient
from monitor.messages import Message
from monitor.outbox import Outbox, OutboxSettings
from monitor.storage import Database, deliveries
from tests.fakes import NOW, make_message
from tests.httpserver import HttpServer, Reply
from tests.mailserver import Handler, MailServer, TcpServer, server_tls
from tests.monitor.channels.rigs import SECRET

HOUR = timedelta(hours=1)


class House:
    """A database, channels as settings describe them, and the time."""

    def __init__(self, url: str) -> None:
        self.database = Database(url)
        self.now = NOW
        self.tables: dict[str, Mapping[str, object]] = {}
        self.rng = random.Random(7)

    def owe(self, *messages: Message) -> None:
        self.database.run(lambda c: deliveries.insert_many(c, messages, self.now))

    @contextlib.asynccontextmanager
    async def outbox(self, owner: str = "") -> AsyncIterator[Outbox]:
        async with HttpClient(ClientSettings("tester", allow_private=("127.0.0.1",))) as client:
            channels: dict[str, Channel] = build_all(self.tables, Means(client))
            yield Outbox(
                self.database, channels, OutboxSettings(owner=owner), worker="w",
                now=lambda: self.now, rng=self.rng,
            )  # fmt: skip

    def deliver(self, owner: str = "") -> None:
        """What is due now, until nothing is."""

        async def main() -> None:
            async with self.outbox(owner) as outbox:
                await outbox.deliver_due()

        asyncio.run(main())

    def row(self, number: str = "msg_1") -> sa.RowMapping:
        with self.database.read() as connection:
            rows = deliveries.list_by_state(connection, None, 1_000)
        return next(row for row in rows if row["id"] == number)

    def pass_time(self) -> timedelta:
        """To the next attempt; how long that took."""
        before, self.now = self.now, self.row()["next_attempt_at"]
        return self.now - before


@pytest.fixture
def house(sqlite_url: str) -> House:
    return House(sqlite_url)


def mail_to(port: int, **fields: object) -> dict[str, object]:
    return {
        "kind": "email", "host": "127.0.0.1", "port": port, "tls": "none",
        "sender": "monitor@news.example", "recipients": ["reader@news.example"], **fields,
    }  # fmt: skip


def hook_to(server: HttpServer, path: str = "/hook") -> dict[str, object]:
    return {"kind": "webhook", "url": server.url(path), "secrets": [SECRET]}


@pytest.fixture
def closed_port() -> int:
    """A port where nobody listens yet."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_hostile_11_a_server_that_is_down_for_an_hour_has_the_mail_afterwards(
    house: House, closed_port: int
) -> None:
    house.tables = {"one": mail_to(closed_port)}
    house.owe(make_message())
    house.deliver()
    while house.now < NOW + HOUR:
        assert house.row()["state"] == "pending"
        house.pass_time()
        if house.now < NOW + HOUR:
            house.deliver()
    assert 4 <= house.row()["attempts"] <= 5
    with MailServer(port=closed_port) as server:
        house.deliver()
        assert [mail.message["Message-ID"] for mail in server.mails] == ["<msg_1@news.example>"]
    assert house.row()["state"] == "sent"


@pytest.mark.parametrize("reply", ["451 greylisted, come back", "421 too busy"])
def test_hostile_11_15_minutes_of_greylisting_end_with_one_mail(house: House, reply: str) -> None:
    with MailServer() as server:
        house.tables = {"one": mail_to(server.port)}
        server.answer("RCPT", reply)
        house.owe(make_message())
        house.deliver()
        while house.row()["state"] == "pending":
            house.pass_time()
            if house.now >= NOW + timedelta(minutes=15):
                server.heal()
            house.deliver()
        assert len(server.mails) == 1
        assert house.row()["attempts"] == 4
        assert house.now - NOW < timedelta(minutes=45)


def test_hostile_11_550_is_asked_once(house: House) -> None:
    with MailServer() as server:
        house.tables = {"one": mail_to(server.port)}
        server.answer("RCPT", "550 no such user")
        house.owe(make_message())
        house.deliver()
        house.now += 7 * 24 * HOUR
        house.deliver()
        assert server.commands.count("RCPT reader@news.example") == 1
    row = house.row()
    assert (row["state"], row["attempts"]) == ("dead", 1)
    assert "550 no such user" in row["detail"]


def test_hostile_11_without_the_tls_that_was_asked_for_the_mail_waits(
    house: House, authority: trustme.CA, tmp_path: Path, closed_port: int
) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    house.tables = {"one": mail_to(closed_port, tls="starttls", ca_file=str(tmp_path / "ca.pem"))}
    house.owe(make_message())
    stranger = trustme.CA()
    for tls in (None, server_tls(stranger), server_tls(authority, "other.example")):
        with MailServer(tls, port=closed_port) as server:
            house.deliver()
            assert (server.mails, server.commands) == ([], [])
        assert house.row()["state"] == "pending"
        house.pass_time()
    with MailServer(server_tls(authority), port=closed_port) as server:
        house.deliver()
        assert [mail.encrypted for mail in server.mails] == [True]


async def late_banner(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)
    writer.write(b"220 mail\r\n")


async def slow_data(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for answer in (b"220 mail\r\n", *[b"250 OK\r\n"] * 3, b"354 go\r\n"):
        writer.write(answer)
        await reader.readline()
    while True:
        await reader.read(1)
        await asyncio.sleep(10)


async def never_answers(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.read(10**6)
    await asyncio.sleep(600)


def chat_to(port: int) -> dict[str, object]:
    return {"kind": "apprise", "url": f"ntfy://127.0.0.1:{port}/topic"}


@pytest.mark.parametrize(
    ("handler", "slow"),
    [(late_banner, mail_to), (slow_data, mail_to), (never_answers, chat_to)],
    ids=["banner", "data", "service"],
)
def test_hostile_11_a_server_that_stalls_keeps_one_sender_and_no_other_channel(
    house: House, handler: Handler, slow: Callable[[int], dict[str, object]]
) -> None:
    with TcpServer(handler) as stalls, HttpServer() as hooks, MailServer() as mails:
        hooks.fallback(Reply(204))
        house.tables = {
            "slow": slow(stalls.port), "hook": hook_to(hooks), "mail": mail_to(mails.port),
        }  # fmt: skip
        for at in range(5):
            for name in house.tables:
                house.owe(make_message(f"msg_{name}_{at}", channel=name))

        async def main() -> float:
            async with house.outbox() as outbox:
                work = asyncio.create_task(outbox.deliver_due())
                started = time.monotonic()
                while len(hooks.requests) < 5 or len(mails.mails) < 5:
                    assert time.monotonic() - started < 30
                    await asyncio.sleep(0.01)
                took_s = time.monotonic() - started
                while not stalls.connections:
                    assert time.monotonic() - started < 60
                    await asyncio.sleep(0.01)
                assert not work.done()
                await outbox.drain(0.0)
                await work
                return took_s

        assert asyncio.run(main()) < 20
        assert stalls.connections == 1


def test_hostile_12_the_tenth_attempt_arrives_and_the_gaps_are_the_schedules(house: House) -> None:
    with HttpServer() as server:
        server.fallback(Reply(500, b"out of order"))
        house.tables = {"one": hook_to(server)}
        house.owe(make_message())
        house.deliver()
        gaps = []
        for attempt in range(2, 11):
            gaps.append(house.pass_time().total_seconds())
            if attempt == 10:
                server.fallback(Reply(200))
            house.deliver()
        requests = list(server.requests)
    assert house.row()["state"] == "sent"
    assert len(requests) == 10
    assert {each.headers["webhook-id"] for each in requests} == {"msg_1"}
    assert len({each.body for each in requests}) == 1
    ratios = [gap / wait for gap, wait in zip(gaps, WAITS_S, strict=True)]
    assert all(1 - JITTER <= ratio <= 1 + JITTER for ratio in ratios)
    assert len({round(ratio, 6) for ratio in ratios}) > 5
    assert Receiver(SECRET).verify(requests[-1].body, dict(requests[-1].headers))


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("as_date", [False, True])
def test_hostile_12_retry_after_is_waited_for(house: House, status: int, as_date: bool) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    with HttpServer() as server:
        server.fallback(Reply(status, headers={"Retry-After": date if as_date else "30"}))
        house.tables = {"one": hook_to(server)}
        house.owe(make_message())
        house.deliver()
    waited_s = house.pass_time().total_seconds()
    low, high = (75, 91) if as_date else (30, 30)
    assert low <= waited_s <= high


def test_hostile_14_gone_switches_the_webhook_off_and_the_owner_has_a_mail(house: House) -> None:
    with HttpServer() as hooks, MailServer() as mails:
        hooks.fallback(Reply(410))
        house.tables = {"hook": hook_to(hooks), "mail": mail_to(mails.port)}
        house.owe(make_message("msg_1", channel="hook"), make_message("msg_2", channel="hook"))
        house.deliver(owner="mail")
        house.now += 24 * HOUR
        house.deliver(owner="mail")
        assert len(hooks.requests) == 1
        (mail,) = mails.mails
    assert "[Headline Monitor] The channel 'hook' is switched off" in mail.message["Subject"]
    assert "410" in mail.text()
    assert house.row("msg_2")["state"] == "pending"


@pytest.fixture
def daily() -> Sequence[Message]:
    return [make_message(f"msg_{day}", channel="hook") for day in range(1, 8)]


def test_hostile_14_five_days_of_failures_switch_off_and_the_owner_has_a_mail(
    house: House, daily: Sequence[Message]
) -> None:
    with HttpServer() as hooks, MailServer() as mails:
        hooks.fallback(Reply(503))
        house.tables = {"hook": hook_to(hooks), "mail": mail_to(mails.port)}
        for day, message in enumerate(daily):
            house.owe(message)
            house.deliver(owner="mail")
            assert len(mails.mails) == (1 if day >= 5 else 0)
            house.now += 24 * HOUR
        asked = len(hooks.requests)
        house.now += 24 * HOUR
        house.deliver(owner="mail")
        assert len(hooks.requests) == asked
        assert "nothing has arrived for 5 days" in mails.mails[0].text()


def test_hostile_15_no_secret_is_in_what_is_kept(house: House, caplog: object) -> None:
    with HttpServer() as hooks:
        hooks.fallback(Reply(500, f"you are {SECRET} at /hook-of-mine".encode()))
        house.tables = {"one": hook_to(hooks, "/hook-of-mine")}
        house.owe(make_message())
        house.deliver()
    kept = json.dumps(dict(house.row()), default=str) + str(getattr(caplog, "text", ""))
    assert "you are" in kept
    assert SECRET.removeprefix("whsec_") not in kept
    assert "hook-of-mine" not in kept


def test_hostile_32_the_alert_is_sent_and_the_owner_told_once(house: House, tmp_path: Path) -> None:
    (tmp_path / "subject").write_text("{{ entries[5].title }}", encoding="utf-8")
    with MailServer() as mails, MailServer() as owners:
        house.tables = {
            "one": mail_to(mails.port, subject_template=str(tmp_path / "subject")),
            "owner": mail_to(owners.port),
        }
        house.owe(make_message("msg_1"), make_message("msg_2"))
        house.deliver(owner="owner")
        house.now += HOUR
        house.owe(make_message("msg_3"))
        house.deliver(owner="owner")
        assert {mail.message["Subject"] for mail in mails.mails} == {"[rates] 央行宣布降息"}
        assert len(mails.mails) == 3
        (told,) = owners.mails
    assert "a template failed" in told.text()
    assert f"{tmp_path / 'subject'}:1: " in told.text()
