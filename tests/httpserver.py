"""A scriptable HTTP server on real loopback sockets, in a thread of its own.

    with HttpServer() as server:
        server.route("/feed", Reply(body=b"..."))         # a fixed answer
        server.route("/slow", slow_handler)               # async def slow_handler(exchange)
        server.url("/feed"), server.count("/feed"), server.requests

A handler may write any bytes at any pace through ``exchange.raw``. Usable from synchronous
tests and from any event loop; the server's own loop runs the handlers.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from types import TracebackType
from typing import Self


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it arrived. ``path`` has its query; header names are in lower case.

    ``at`` is ``time.monotonic()``; ``active`` counts the requests in progress, this one included.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    at: float
    active: int


@dataclass(frozen=True, slots=True)
class Reply:
    """A fixed answer; Content-Length is added unless ``headers`` frames the body itself."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0.0


class Exchange:
    """A request and the way to answer it. After ``raw`` the connection is closed."""

    def __init__(self, request: Request, writer: asyncio.StreamWriter) -> None:
        self.request = request
        self.writer = writer
        self.keep_alive = request.headers.get("connection", "").lower() != "close"

    async def send(self, reply: Reply) -> None:
        """Send a well-formed answer."""
        if reply.delay_s:
            await asyncio.sleep(reply.delay_s)
        names = {name.lower() for name in reply.headers}
        lines = [f"HTTP/1.1 {reply.status} {_phrase(reply.status)}"]
        lines += [f"{name}: {value}" for name, value in reply.headers.items()]
        if not names & {"content-length", "transfer-encoding"} and reply.status != 304:
            lines.append(f"Content-Length: {len(reply.body)}")
        self.writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + reply.body)
        await self.writer.drain()

    async def raw(self, data: bytes) -> None:
        """Send ``data`` as it is; returns when the peer has room for it."""
        self.keep_alive = False
        self.writer.write(data)
        await self.writer.drain()

    async def drip(self, data: bytes, *, every_s: float, piece: int = 1) -> None:
        """Send ``data`` in pieces, again and again from its start, until the peer hangs up."""
        while True:
            for start in range(0, len(data), piece):
                await self.raw(data[start : start + piece])
                await asyncio.sleep(every_s)


Handler = Callable[[Exchange], Awaitable[None]]


class HttpServer:
    """Listens on 127.0.0.1 from ``with`` on, and on ``also``; unknown paths answer 404.

    ``requests`` grows as they arrive, ``hung_up`` counts answers that the client cut short.
    """

    def __init__(self, tls: ssl.SSLContext | None = None, also: Sequence[str] = ()) -> None:
        self.port = 0
        self.requests: list[Request] = []
        self.hung_up = 0
        self.connections = 0
        self._tls = tls
        self._also = also
        self._routes: dict[str, Handler] = {}
        self._fallback: Handler = _not_found
        self._active = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="http-server", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._started.wait(10):
            raise RuntimeError("the test server did not start")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._loop is not None and self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def route(self, path: str, answer: Reply | Handler) -> None:
        """Answer ``path`` (without query) from now on."""
        self._routes[path] = _handler(answer)

    def fallback(self, answer: Reply | Handler) -> None:
        """Answer every path that has no route."""
        self._fallback = _handler(answer)

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        """The address of ``path``; ``host`` may be any name that the client resolves to here."""
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}{path}"

    def count(self, path: str) -> int:
        """How many requests there were for ``path`` (without query)."""
        return sum(request.path.split("?")[0] == path for request in list(self.requests))

    def wait_for(self, condition: Callable[[], bool], timeout_s: float = 60.0) -> None:
        """Return when ``condition`` holds; AssertionError after ``timeout_s``."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline, "the condition did not come true"
            time.sleep(0.01)

    def _serve(self) -> None:
        asyncio.run(self._main())

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        server = await self._listen("127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        others = [await self._listen(address, self.port) for address in self._also]
        self._started.set()
        await self._stop.wait()
        for each in (server, *others):
            each.close()

    async def _listen(self, address: str, port: int) -> asyncio.Server:
        return await asyncio.start_server(
            self._connection, address, port, ssl=self._tls, limit=2**20, backlog=1_024
        )

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while await self._exchange(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass  # the client went away between two requests
        except asyncio.CancelledError:
            writer.transport.abort()  # the server stops
        finally:
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        method, path, _ = first.split(" ", 2)
        pairs = (line.partition(":") for line in lines if line)
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        self._active += 1
        try:
            request = Request(method, path, headers, body, time.monotonic(), self._active)
            self.requests.append(request)
            exchange = Exchange(request, writer)
            try:
                await self._routes.get(path.split("?")[0], self._fallback)(exchange)
            except ConnectionError:
                self.hung_up += 1
                return False
            return exchange.keep_alive
        finally:
            self._active -= 1


async def _not_found(exchange: Exchange) -> None:
    await exchange.send(Reply(404))


def _handler(answer: Reply | Handler) -> Handler:
    if not isinstance(answer, Reply):
        return answer

    async def send(exchange: Exchange) -> None:
        await exchange.send(answer)

    return send


def _phrase(status: int) -> str:
    with contextlib.suppress(ValueError):
        return HTTPStatus(status).phrase
    return "Unknown"
