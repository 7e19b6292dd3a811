"""What hubs send: counted when it is signed and whole, bounded in size, time and number."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import hmac
import logging
import random
import threading
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import RowMapping

from monitor.client import ClientSettings, HttpClient
from monitor.links import Linker
from monitor.linkserver import LinkServer
from monitor.storage import Database, sources, subscriptions
from monitor.storage.schema import source, subscription
from monitor.storage.sources import NewSource
from monitor.types import HubLink
from monitor.websub import PATH, WebSub
from tests.fakes import NOW

TOPIC = "https://a.example/feed?token=PLANTED"
LATER = NOW + timedelta(hours=1)
MIB = 1024 * 1024


@dataclass(slots=True)
class Door:
    """A server with one verified subscription, asked over plain sockets."""

    database: Database
    port: int
    token: str
    secret: str

    def signed(self, body: bytes) -> str:
        return "sha256=" + hmac.new(self.secret.encode(), body, hashlib.sha256).hexdigest()

    async def begin(
        self, body: bytes, *, length: int = -1, **headers: str
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A push whose body has begun; ``length`` may promise more than there is."""
        fields = {"Content-Length": str(len(body) if length < 0 else length), "Host": "x"}
        fields |= {name.replace("_", "-"): value for name, value in headers.items()}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(f"POST {PATH}{self.token} HTTP/1.1\r\n{head}\r\n".encode() + body)
        return reader, writer

    async def push(self, body: bytes, *, length: int = -1, **headers: str) -> int:
        headers = {"X_Hub_Signature": self.signed(body)} | headers
        reader, writer = await self.begin(body, length=length, **headers)
        return await status(reader, writer)

    async def ask(self, token: str = "", **query: str) -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        asked = urlencode({f"hub.{name}": value for name, value in query.items()})
        target = f"{PATH}{token or self.token}?{asked}"
        writer.write(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        return await status(reader, writer)

    @property
    def row(self) -> RowMapping:
        with self.database.read() as connection:
            return connection.execute(sa.select(subscription)).mappings().one()

    @property
    def due_at(self) -> datetime:
        with self.database.read() as connection:
            due_at: datetime = connection.execute(sa.select(source.c.next_fetch_at)).scalar_one()
            return due_at


async def status(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
    try:
        return int((await asyncio.wait_for(reader.readline(), 30)).split()[1])
    finally:
        writer.transport.abort()


@asynccontextmanager
async def opened(database: Database, *, read_s: float = 30.0) -> AsyncIterator[Door]:
    with database.write() as connection:
        sources.add_many(connection, [NewSource("https://a.example/feed")], NOW)
        number = connection.execute(sa.select(source.c.id)).scalar_one()
        subscriptions.note(connection, {number: HubLink("https://hub.example/", TOPIC)}, NOW)
        connection.execute(sa.update(source).values(next_fetch_at=LATER))
        connection.execute(sa.update(subscription).values(state="active", next_at=LATER))
        row = connection.execute(sa.select(subscription)).mappings().one()
    client = HttpClient(ClientSettings("test"))
    websub = WebSub(
        database, client, "https://news.example", lambda: NOW, random.Random(1), read_s=read_s
    )
    server = LinkServer(database, Linker(b"k" * 32, ""), "", lambda: NOW, websub)
    await server.start("127.0.0.1:0")
    try:
        yield Door(database, server.address[1], row["token"], row["secret"])
    finally:
        await server.close()


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 60))


@pytest.mark.parametrize(("size", "counts"), [(15 * MIB, True), (15 * MIB + 1, False)])
def test_at_most_15_mib_are_read(size: int, counts: bool, database: Database) -> None:
    async def one() -> None:
        async with opened(database) as door:
            assert await door.push(b"x" * size) == 202
            assert (door.due_at == NOW) == counts

    run(one())


def test_a_slow_body_is_given_up_and_ends_no_other(database: Database) -> None:
    async def slow() -> None:
        async with opened(database, read_s=0.2) as door:
            assert await door.push(b"x", length=10) == 408
            assert door.due_at == LATER
            assert await door.push(b"x") == 202
            assert door.due_at == NOW

    run(slow())


def test_eight_bodies_are_read_at_once_and_the_ninth_may_come_again(database: Database) -> None:
    async def crowd() -> None:
        async with opened(database) as door:
            begun = [
                await door.begin(b"x", length=2, X_Hub_Signature=door.signed(b"xy"))
                for _ in range(8)
            ]
            while await door.push(b"x", X_Hub_Signature="sha256=00") != 503:
                pass  # until all of them are being read
            for _ in range(8):
                assert await door.push(b"x") == 503
            assert door.due_at == LATER
            for _, writer in begun:
                writer.write(b"y")
            assert [await status(*each) for each in begun] == [202] * 8
            assert door.due_at == NOW

    run(crowd())


@pytest.mark.parametrize("signature", ["sha256=é", "sha256=", "é", "sha256", "md5=00", "\udcff=1"])
def test_a_signature_of_any_shape_is_taken_and_ignored(
    signature: str, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    async def odd() -> None:
        async with opened(database) as door:
            encoded = signature.encode("utf-8", "surrogateescape").decode("latin-1")
            assert await door.push(b"x", X_Hub_Signature=encoded) == 202
            assert door.due_at == LATER

    run(odd())
    assert [each.levelno for each in caplog.records if "signed" in each.message] == [
        logging.WARNING
    ]
    assert "Traceback" not in caplog.text
    assert "PLANTED" not in caplog.text


@pytest.mark.parametrize(
    "body", [b"abcd", gzip.compress(b"<rss/>", mtime=0)], ids=["plain", "packed"]
)
def test_the_signature_is_over_the_bytes_as_sent(
    body: bytes, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    async def packed() -> None:
        async with opened(database) as door:
            other = door.signed(b"<rss/>")
            assert await door.push(body, Content_Encoding="gzip", X_Hub_Signature=other) == 202
            assert door.due_at == LATER
            assert await door.push(body, Content_Encoding="gzip") == 202
            assert door.due_at == NOW

    run(packed())
    assert "Traceback" not in caplog.text


def test_a_push_that_breaks_off_is_one_line_of_the_log(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken() -> None:
        async with opened(database) as door:
            _, writer = await door.begin(b"x", length=9, X_Hub_Signature=door.signed(b"x"))
            await writer.drain()
            assert await door.ask() == 404  # it is being read meanwhile
            writer.transport.abort()
            async with asyncio.timeout(20):
                while "broke off" not in caplog.text and "Traceback" not in caplog.text:
                    await door.ask()
            assert door.due_at == LATER

    run(broken())
    assert len([each for each in caplog.records if each.levelno >= logging.WARNING]) == 1
    assert "Traceback" not in caplog.text


def test_many_pushes_are_one_write(database: Database) -> None:
    statements: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        statements.append(statement)

    async def flood() -> None:
        async with opened(database) as door:
            sa.event.listen(database.engine, "before_cursor_execute", note)
            for _ in range(20):
                assert await door.push(b"x") == 202

    run(flood())
    assert len([each for each in statements if "UPDATE source" in each]) == 1


def test_a_crowd_of_guesses_is_told_to_come_again_and_holds_few_threads(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused: list[int] = []
    release, inside, look = threading.Event(), [0, 0], database.look

    def held(work: Any) -> Any:
        inside[0] += 1
        inside[1] = max(inside)
        assert release.wait(20)
        inside[0] -= 1
        return look(work)

    async def ask(door: Door) -> int:
        found = await door.ask("g" * 32)
        refused.extend([found] * (found == 503))
        if len(refused) == 28:  # two are at the database, and 30 wait
            release.set()
        return found

    async def crowd() -> None:
        async with opened(database) as door:
            monkeypatch.setattr(database, "look", held)
            answers = await asyncio.gather(*(ask(door) for _ in range(60)))
            assert sorted(answers) == [404] * 32 + [503] * 28

    run(crowd())
    assert inside[1] == 2


@pytest.mark.parametrize("token", ["x", "%00" * 32, "%ff" * 32, "g" * 33])
def test_what_is_no_token_asks_no_database(token: str, database: Database) -> None:
    statements: list[Any] = []

    async def odd() -> None:
        async with opened(database) as door:
            sa.event.listen(
                database.engine, "before_cursor_execute", lambda *each: statements.append(each)
            )
            assert await door.ask(token) == 404

    run(odd())
    assert statements == []


def test_who_denies_is_asked_again_a_week_later(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    async def denied() -> None:
        async with opened(database) as door:
            reason = "no\x00 \x1b[31m https://a.example/?token=PLANTED"
            assert await door.ask(mode="denied", topic=TOPIC, reason=reason) == 200
            assert (door.row["state"], door.row["next_at"]) == ("denied", NOW + timedelta(days=7))
            assert await door.push(b"x") == 202
            assert door.due_at == LATER

    run(denied())
    assert "PLANTED" not in caplog.text
    with database.read() as connection:
        week = NOW + timedelta(days=7)
        assert subscriptions.due(connection, week - timedelta(seconds=1), 9) == []
        assert len(subscriptions.due(connection, week, 9)) == 1


def test_what_is_pushed_before_it_is_verified_is_ignored(database: Database) -> None:
    async def early() -> None:
        async with opened(database) as door:
            with database.write() as connection:
                connection.execute(sa.update(subscription).values(state="asked"))
            assert await door.push(b"x") == 202
            assert door.due_at == LATER
            assert await door.ask(mode="subscribe", topic=TOPIC, challenge="c") == 200
            assert await door.push(b"x") == 202
            assert door.due_at == NOW

    run(early())
