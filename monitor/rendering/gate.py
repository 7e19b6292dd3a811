"""A forward proxy on loopback through which a browser reaches the public internet, and no more.

The browser resolves no name and opens no other connection: names are looked up here, each
address is judged before it is connected to, and bytes and connections are counted. Plain HTTP
goes through with one request a connection (RFC 9112, 3.2.2), all else through CONNECT tunnels
(RFC 9110, 9.3.6).
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from dataclasses import dataclass, field
from typing import Self

from yarl import URL

from monitor.addresses import NOTHING_ALLOWED, Allowed, check_host, check_peer, safe_url
from monitor.dns import Lookup, system_lookup
from monitor.errors import FetchError
from monitor.route import is_ours
from monitor.types import FailureKind

MARK = "headlines-gate"
_HEAD_BYTES = 64 * 1024
_CHUNK = 64 * 1024
_CONNECT_S = 10.0
_TARGET = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\s:/\[\]]+):([0-9]{1,5})")
# Of a hop, not of the message (RFC 9110, 7.6.1); one request a connection needs no keeping alive.
_OF_A_HOP = ("connection:", "proxy-connection:", "proxy-authorization:", "keep-alive:", "upgrade:")

Pipe = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(slots=True)
class Gate:
    """An async context manager; ``port`` is where it listens on 127.0.0.1, and ``dead_end`` a port
    that refuses everything.

    ``allow`` opens private places to a page that is in one itself, by the first place that is
    asked for: a page of the public internet has no business there.

    ``most_bytes`` in both directions and ``most_connections`` are of one page: what is over is
    refused. ``failed`` says why the browser did not get to a place, by ``HOST:PORT``. An answer
    that is the gate's own has the header ``MARK``.
    """

    allow: Allowed
    most_bytes: int
    most_connections: int
    lookup: Lookup = system_lookup
    port: int = 0
    dead_end: int = 0
    failed: dict[str, tuple[FailureKind, str]] = field(default_factory=dict)
    _inside: bool | None = None
    _bytes: int = 0
    _connections: int = 0
    _closed: socket.socket = field(default_factory=socket.socket)
    _server: asyncio.Server | None = None
    _working: set[asyncio.Task[None]] = field(default_factory=set)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=_HEAD_BYTES)
        self.port = self._server.sockets[0].getsockname()[1]
        self._closed.bind(("127.0.0.1", 0))  # ours, and nobody listens
        self.dead_end = self._closed.getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        self._closed.close()
        for task in self._working:
            task.cancel()
        await asyncio.gather(*self._working, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._working.add(task)
        place = ""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            line, _, fields = head.partition("\r\n")
            method, target, version = line.split(" ")
            place = _place(method, target)
            self._count()
            if method == "CONNECT":
                await self._tunnel((reader, writer), target)
            else:
                await self._pass((reader, writer), (method, target, version), fields)
        except FetchError as error:
            self.failed.setdefault(place, (error.kind, str(error)))
            await _say(writer, "403 Forbidden")
        except OSError as error:
            self.failed.setdefault(place, _unreached(error))
            await _say(writer, "502 Bad Gateway")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            await _say(writer, "400 Bad Request")
        finally:
            self._working.discard(task)
            writer.close()

    def _count(self) -> None:
        self._connections += 1
        if self._connections > self.most_connections:
            raise ConnectionError("the page opens too many connections")

    async def _tunnel(self, near: Pipe, target: str) -> None:
        match = _TARGET.fullmatch(target)
        if match is None:
            raise ValueError(target)
        far = await self._connect(match[1].strip("[]").lower(), int(match[2]))
        near[1].write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await self._relay(near, far)

    async def _pass(self, near: Pipe, line: tuple[str, str, str], fields: str) -> None:
        method, target, version = line
        url = safe_url(target, self._open)
        far = await self._connect(url.raw_host or "", url.port or 80)
        far[1].write(_request(method, url, version, fields).encode("latin-1"))
        await self._relay(near, far)

    @property
    def _open(self) -> Allowed:
        return NOTHING_ALLOWED if self._inside is False else self.allow

    async def _connect(self, host: str, port: int) -> Pipe:
        """A connection to an address that was judged itself, whatever its name says later."""
        check_host(host, port, self._open)
        async with asyncio.timeout(_CONNECT_S):
            addresses = await self.lookup(host, port)
            for address in addresses:
                check_peer(address, host, port, self._open)
            if self._inside is None:
                self._inside = not _is_anybodys(host, port, addresses)
            return await _first_of(list(dict.fromkeys(addresses)), host, port)

    async def _relay(self, near: Pipe, far: Pipe) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._copy(near[0], far[1]))
                group.create_task(self._copy(far[0], near[1]))
        except* OSError:
            pass  # either end is gone, or the page has had its share
        finally:
            far[1].close()

    async def _copy(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(_CHUNK):
            self._bytes += len(data)
            if self._bytes > self.most_bytes:
                raise ConnectionError("the page loads too much")
            sink.write(data)
            await sink.drain()
        with contextlib.suppress(OSError):
            if sink.can_write_eof():
                sink.write_eof()


def _is_anybodys(host: str, port: int, addresses: list[str]) -> bool:
    """Whether nothing needs to be opened for it."""
    try:
        check_host(host, port)
        for address in addresses:
            check_peer(address, host, port)
    except FetchError:
        return False
    return True


async def _first_of(addresses: list[str], host: str, port: int) -> Pipe:
    """A connection to the first address that takes one; each but the last has its share of time."""
    for left in range(len(addresses) - 1, 0, -1):
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(_CONNECT_S / (left + 2)):
                return await asyncio.open_connection(addresses[-left - 1], port)
    if not addresses:
        raise ConnectionError(f"{host} has no address")
    return await asyncio.open_connection(addresses[-1], port)


def _unreached(error: OSError) -> tuple[FailureKind, str]:
    """As the client says it of what it fetches itself."""
    if is_ours(error):
        return FailureKind.OFFLINE, "this machine is offline"
    if isinstance(error, socket.gaierror):
        return FailureKind.DNS, "the name does not resolve"
    if isinstance(error, TimeoutError):
        return FailureKind.TIMEOUT, "no connection in time"
    return FailureKind.CONNECT, str(error)


def _place(method: str, target: str) -> str:
    """The ``HOST:PORT`` that is asked for; ValueError when it cannot be read."""
    url = URL(f"https://{target}" if method == "CONNECT" else target)
    return f"{url.raw_host}:{url.port}"


def _request(method: str, url: URL, version: str, fields: str) -> str:
    """What the server itself is asked: a path, and an end of the connection after the answer."""
    lines = [line for line in fields.split("\r\n") if line]
    kept = [line for line in lines if not line.lower().startswith(_OF_A_HOP)]
    return "\r\n".join(
        [f"{method} {url.raw_path_qs} {version}", *kept, "Connection: close", "", ""]
    )


async def _say(writer: asyncio.StreamWriter, status: str) -> None:
    head = f"HTTP/1.1 {status}\r\n{MARK}: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    with contextlib.suppress(OSError):
        writer.write(head.encode())
        await writer.drain()
