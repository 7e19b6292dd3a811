"""The one way out of a drawn page, spoken to as a browser speaks to a proxy."""

from __future__ import annotations

import asyncio
import socket

import pytest

from monitor.addresses import parse_allowed
from monitor.dns import Lookup
from monitor.rendering.gate import Gate
from monitor.types import FailureKind
from tests.httpserver import HttpServer, Reply


async def lookup(host: str, port: int) -> list[str]:
    """A name server that answers as its owner likes: inwards."""
    return {"inwards.example": ["127.0.0.1"], "both.example": ["93.184.216.34", "10.0.0.1"]}[host]


def ask(text: str, *allow: str, names: Lookup = lookup) -> tuple[str, Gate]:
    """The first line of the gate's answer, and the gate."""

    async def main() -> tuple[str, Gate]:
        async with Gate(parse_allowed(allow), 10**6, 10, names) as gate:
            reader, writer = await asyncio.open_connection("127.0.0.1", gate.port)
            writer.write(text.encode("latin-1"))
            line = (await asyncio.wait_for(reader.readline(), 10)).decode().strip()
            writer.close()
            return line, gate

    return asyncio.run(main())


@pytest.mark.parametrize("name", ["inwards.example", "both.example"])
def test_hostile_18_a_name_that_leads_inwards_is_refused(name: str) -> None:
    with HttpServer() as inner:
        for text in (
            f"CONNECT {name}:{inner.port} HTTP/1.1\r\n\r\n",
            f"GET http://{name}:{inner.port}/ HTTP/1.1\r\nHost: {name}\r\n\r\n",
        ):
            line, gate = ask(text)
            assert line == "HTTP/1.1 403 Forbidden"
            assert [*gate.failed] == [f"{name}:{inner.port}"]
        assert inner.connections == 0


@pytest.mark.parametrize(
    "text",
    [
        "\r\n\r\n",
        "CONNECT\r\n\r\n",
        "CONNECT a:b:c HTTP/1.1\r\n\r\n",
        "CONNECT [::1 HTTP/1.1\r\n\r\n",
        "CONNECT a.example:99999 HTTP/1.1\r\n\r\n",
        "GET nothing HTTP/1.1\r\n\r\n",
        "GET /path HTTP/1.1\r\n\r\n",
        "GET ftp://127.0.0.1/ HTTP/1.1\r\n\r\n",
        "\x16\x03\x01" + "x" * 70_000,
        f"GET http://a.example/{'x' * 70_000} HTTP/1.1\r\n\r\n",
    ],
)
def test_what_is_no_request_of_a_proxy_is_answered_so(text: str) -> None:
    assert ask(text, "127.0.0.1")[0].split(" ", 1)[1] in {"400 Bad Request", "403 Forbidden"}


def test_what_is_opened_passes_as_it_was_sent() -> None:
    with HttpServer() as inner:
        inner.route("/here", Reply(body=b"x"))
        head = "Host: x\r\nAccept: y\r\nProxy-Connection: keep-alive\r\nConnection: keep-alive"
        text = f"GET {inner.url('/here?a=1')} HTTP/1.1\r\n{head}\r\n\r\n"

        async def main() -> bytes:
            allowed = parse_allowed([f"127.0.0.1:{inner.port}"])
            async with Gate(allowed, 10**6, 10) as gate:
                reader, writer = await asyncio.open_connection("127.0.0.1", gate.port)
                writer.write(text.encode())
                answer = await reader.read()
                writer.close()
                return answer

        assert asyncio.run(main()).startswith(b"HTTP/1.1 200 ")
        (request,) = inner.requests
    assert request.path == "/here?a=1"
    assert request.headers == {"host": "x", "accept": "y", "connection": "close"}


def test_an_address_that_is_dead_is_not_the_only_one() -> None:
    async def both(host: str, port: int) -> list[str]:
        return ["127.0.0.9", "127.0.0.1"]

    async def main(port: int) -> bytes:
        async with Gate(parse_allowed(["127.0.0.1", "127.0.0.9"]), 10**6, 10, both) as gate:
            reader, writer = await asyncio.open_connection("127.0.0.1", gate.port)
            writer.write(f"CONNECT news.example:{port} HTTP/1.1\r\n\r\n".encode())
            line = await reader.readline()
            writer.close()
            return line

    with HttpServer() as inner:
        assert b" 200 " in asyncio.run(main(inner.port))


def test_the_dead_end_refuses() -> None:
    async def main() -> None:
        async with Gate(parse_allowed(()), 1, 1) as gate:
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.1", gate.dead_end)

    asyncio.run(main())


@pytest.mark.parametrize("opened", ["127.0.0.1", "intranet.example"])
def test_hostile_18_a_public_page_does_not_reach_what_is_open_to_private_ones(
    monkeypatch: pytest.MonkeyPatch, opened: str
) -> None:
    places = {"news.example": "93.184.216.34", "intranet.example": "127.0.0.1"}
    connect = asyncio.open_connection

    async def names(host: str, port: int) -> list[str]:
        return [places.get(host, host)]

    async def nearby(host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await connect("127.0.0.1", port)  # there is no internet here

    async def main(port: int, *hosts: str) -> list[str]:
        lines = []
        async with Gate(parse_allowed([opened]), 10**6, 10, names) as gate:
            for host in hosts:
                reader, writer = await connect("127.0.0.1", gate.port)
                writer.write(f"CONNECT {host}:{port} HTTP/1.1\r\n\r\n".encode())
                lines.append((await reader.readline()).decode().split(" ")[1])
                writer.close()
        return lines

    monkeypatch.setattr(asyncio, "open_connection", nearby)
    with HttpServer() as inner:
        public = asyncio.run(main(inner.port, "news.example", opened, "news.example"))
        private = asyncio.run(main(inner.port, opened, "news.example", opened))
    assert public == ["200", "403", "200"]
    assert private == ["200", "200", "200"]


@pytest.mark.parametrize(
    ("error", "route", "kind"),
    [
        (socket.gaierror(socket.EAI_NONAME, "no such name"), True, FailureKind.DNS),
        (socket.gaierror(socket.EAI_AGAIN, "try again"), True, FailureKind.DNS),
        (socket.gaierror(socket.EAI_AGAIN, "try again"), False, FailureKind.OFFLINE),
        (TimeoutError(), True, FailureKind.TIMEOUT),
    ],
)
def test_what_is_not_reached_fails_as_what_is_fetched_without_a_browser(
    monkeypatch: pytest.MonkeyPatch, error: OSError, route: bool, kind: FailureKind
) -> None:
    async def names(host: str, port: int) -> list[str]:
        raise error

    monkeypatch.setattr("monitor.route.has_route", lambda: route)
    line, gate = ask("CONNECT news.example:443 HTTP/1.1\r\n\r\n", names=names)
    assert line == "HTTP/1.1 502 Bad Gateway"
    assert gate.failed["news.example:443"][0] is kind
