"""For each kind of channel: a receiver that can be told how to behave, and a channel to it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import html
import json
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any, Protocol
from urllib.parse import quote

from monitor import channels
from monitor.channels import Channel, Means
from monitor.client import ClientSettings, HttpClient
from monitor.messages import Message
from tests.httpserver import Exchange, HttpServer, Reply
from tests.mailserver import MailServer, TcpServer

PASSWORD = "correct-horse-battery"
KEY = b"0123456789abcdef0123456789abcdef"
SECRET = "whsec_" + base64.b64encode(KEY).decode()
TOKEN = "token-of-the-address-and-headers"


@contextlib.asynccontextmanager
async def opened(table: Mapping[str, object], *ports: int) -> AsyncIterator[Channel]:
    """The channel of a settings table; private ``ports`` of this machine are open to it."""
    allow = tuple(f"127.0.0.1:{port}" for port in ports)
    async with HttpClient(ClientSettings("tester", allow_private=allow)) as client:
        yield channels.build("one", table, Means(client))


def deliver(table: Mapping[str, object], *messages: Message, deadline_s: float = 0.0) -> list[Any]:
    """Send ``messages`` one after the other; receipts, and the errors in their places."""

    async def main() -> list[Any]:
        found: list[Any] = []
        port = int(str(table.get("port", 0)))
        url = str(table.get("url", ""))
        if not port:
            port = int((re.findall(r"127\.0\.0\.1:(\d+)", url) or ["80"])[0])
        async with opened(table, port) as channel:
            if deadline_s:
                channel.deadline_s = deadline_s  # type: ignore[misc]
            for message in messages:
                try:
                    found.append(await channel.send(message))
                except Exception as error:
                    found.append(error)
        return found

    return asyncio.run(main())


class Rig(Protocol):
    """What the conformance suite asks of a kind's receiver."""

    table: Mapping[str, object]
    secrets: tuple[str, ...]

    def refuse(self, *, permanent: bool, text: str = "no") -> None: ...
    def be_silent(self) -> None: ...
    def taken(self) -> list[tuple[str, str]]:
        """The id and the title of each message that arrived."""
        ...

    def documents(self) -> list[Any]:
        """What arrived, as JSON; without what differs from run to run."""
        ...


class WebhookRig:
    """An HTTP server."""

    secrets = (SECRET, SECRET.removeprefix("whsec_"), TOKEN)

    def __init__(self, stack: contextlib.ExitStack) -> None:
        self.server = stack.enter_context(HttpServer())
        self.server.fallback(Reply(204))
        self.table = {
            "kind": "webhook",
            "url": self.server.url(f"/hooks/{TOKEN}"),
            "secrets": [SECRET],
            "headers": {"Authorization": f"Bearer {TOKEN}"},
        }

    def refuse(self, *, permanent: bool, text: str = "no") -> None:
        self.server.fallback(Reply(410 if permanent else 500, text.encode()))

    def be_silent(self) -> None:
        async def wait(exchange: Exchange) -> None:
            await exchange.writer.wait_closed()

        self.server.fallback(wait)

    def taken(self) -> list[tuple[str, str]]:
        return [
            (each.headers["webhook-id"], json.loads(each.body)["data"]["entries"][0]["title"])
            for each in self.server.requests
        ]

    def documents(self) -> list[Any]:
        return [
            {"content-type": each.headers["content-type"], "body": json.loads(each.body)}
            for each in self.server.requests
        ]


class AppriseRig:
    """An HTTP server; Apprise posts JSON to it."""

    secrets = (TOKEN, quote(TOKEN, safe=""))

    def __init__(self, stack: contextlib.ExitStack) -> None:
        self.server = stack.enter_context(HttpServer())
        self.server.fallback(Reply(204))
        url = f"json://127.0.0.1:{self.server.port}/hooks/{TOKEN}"
        self.table = {"kind": "apprise", "url": url}

    def refuse(self, *, permanent: bool, text: str = "no") -> None:
        self.server.fallback(Reply(410 if permanent else 500, text.encode()))

    def be_silent(self) -> None:
        async def wait(exchange: Exchange) -> None:
            await exchange.writer.wait_closed()

        self.server.fallback(wait)

    def taken(self) -> list[tuple[str, str]]:
        return [
            (each.headers["webhook-id"], json.loads(each.body)["message"].split("\n")[0])
            for each in self.server.requests
        ]

    def documents(self) -> list[Any]:
        return [json.loads(each.body) for each in self.server.requests]


class EmailRig:
    """A mail server, behind a door that can be shut."""

    secrets = (
        PASSWORD,
        base64.b64encode(f"\0me\0{PASSWORD}".encode()).decode(),
        base64.b64encode(PASSWORD.encode()).decode(),
    )

    def __init__(self, stack: contextlib.ExitStack) -> None:
        self.stack = stack
        self.server = stack.enter_context(MailServer(login=("me", PASSWORD)))
        self.table: dict[str, object] = {
            "kind": "email",
            "host": "127.0.0.1",
            "port": self.server.port,
            "tls": "none",
            "plain_login": True,
            "username": "me",
            "password": PASSWORD,
            "sender": "Monitor <monitor@news.example>",
            "recipients": ["reader@news.example"],
        }

    def refuse(self, *, permanent: bool, text: str = "no") -> None:
        self.server.answer("DATA", f"{554 if permanent else 451} {text}")

    def be_silent(self) -> None:
        async def wait(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await writer.wait_closed()

        self.table["port"] = self.stack.enter_context(TcpServer(wait)).port

    def taken(self) -> list[tuple[str, str]]:
        return [
            (str(mail.message["Message-ID"])[1:].partition("@")[0], mail.text().split("\n")[0])
            for mail in self.server.mails
        ]

    def documents(self) -> list[Any]:
        names = ("Subject", "Message-ID", "List-Id", "List-Unsubscribe", "Auto-Submitted")
        return [
            {
                "headers": {name: mail.message[name] for name in names if mail.message[name]},
                "text": mail.text().split("\n"),
                "html": [line for line in shown(mail.text("html")) if line],
            }
            for mail in self.server.mails
        ]


def shown(page: str) -> list[str]:
    """The text of an HTML part, a line for each block."""
    body = re.sub(r"<br>|</(?:p|div)>", "\n", page.partition("<body")[2].partition(">")[2])
    text = html.unescape(re.sub(r"<[^>]*>", "", body))
    return [" ".join(line.split()) for line in text.split("\n")]


RIGS = {"apprise": AppriseRig, "email": EmailRig, "webhook": WebhookRig}
