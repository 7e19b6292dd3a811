"""Answers that do not end, or grow, or lie: cut by name, while memory stays flat."""

from __future__ import annotations

import asyncio
import gzip
import random
import re
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import brotli
import pytest
import uvloop

from monitor.client import DEFAULT_LIMITS, ClientSettings, HttpClient, Limits, Response
from monitor.errors import FetchError
from monitor.types import FailureKind
from tests.httpserver import Exchange, HttpServer, Reply

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MIB = 1024 * 1024
QUICK = Limits(connect_s=1.0, total_s=1.0)
OK = b"HTTP/1.1 200 OK\r\n"


def ask(server: HttpServer, *paths: str, limits: Limits = DEFAULT_LIMITS) -> Response:
    async def main() -> Response:
        settings = ClientSettings("test", allow_private=(f"127.0.0.1:{server.port}",))
        async with HttpClient(settings) as client:
            for path in paths:
                answer = await client.get(server.url(path), limits=limits)
        return answer

    return asyncio.run(main())


def failure(server: HttpServer, limits: Limits = DEFAULT_LIMITS) -> FetchError:
    with pytest.raises(FetchError) as caught:
        ask(server, "/", limits=limits)
    return caught.value


@pytest.fixture(autouse=True, params=["asyncio", "uvloop"])
def event_loop_of(request: pytest.FixtureRequest) -> Iterator[None]:
    """Both event loops that the daemon runs on: they buffer and cancel in ways of their own."""
    if request.param == "uvloop":
        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    yield
    asyncio.set_event_loop_policy(None)


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with HttpServer() as running:
        yield running


def grown_by(action: Callable[[], object]) -> int:
    """By how many bytes the process's peak of resident memory passes what it is now."""
    Path("/proc/self/clear_refs").write_text("5")
    before = _status("VmRSS")
    action()
    return _status("VmHWM") - before


def _status(name: str) -> int:
    text = Path("/proc/self/status").read_text()
    match = re.search(rf"{name}:\s+(\d+) kB", text)
    assert match is not None
    return int(match[1]) * 1024


# 22: bodies and headers without end


async def endless_body(exchange: Exchange) -> None:
    await exchange.raw(OK + b"\r\n")
    while True:
        await exchange.raw(b"x" * 65_536)


async def endless_chunks(exchange: Exchange) -> None:
    await exchange.raw(OK + b"Transfer-Encoding: chunked\r\n\r\n")
    while True:
        await exchange.raw(b"10000\r\n" + b"x" * 65_536 + b"\r\n")


async def endless_chunk_extension(exchange: Exchange) -> None:
    await exchange.raw(OK + b"Transfer-Encoding: chunked\r\n\r\n1;")
    while True:
        await exchange.raw(b"x" * 65_536)


async def one_byte_at_a_time(exchange: Exchange) -> None:
    await exchange.raw(OK + b"Content-Length: 1000\r\n\r\n")
    await exchange.drip(b"x", every_s=0.05)


async def headers_at_a_crawl(exchange: Exchange) -> None:
    await exchange.raw(OK)
    await exchange.drip(b"X-A: b\r\n", every_s=0.02)


async def silence(exchange: Exchange) -> None:
    await asyncio.sleep(60)


async def informational_for_ever(exchange: Exchange) -> None:
    await exchange.drip(b"HTTP/1.1 103 Early Hints\r\n\r\n", every_s=0.001, piece=1_000)


@pytest.mark.parametrize(
    "handler",
    [one_byte_at_a_time, headers_at_a_crawl, silence, informational_for_ever],
    ids=lambda handler: handler.__name__,
)
def test_hostile_22_slowness_is_cut_at_the_total_time(
    server: HttpServer, handler: Callable[..., None]
) -> None:
    server.route("/", handler)  # type: ignore[arg-type]
    started = time.monotonic()
    error = failure(server, QUICK)
    assert error.kind is FailureKind.TIMEOUT
    assert 0.9 < time.monotonic() - started < 5


def test_hostile_22_redirects_share_one_total_time(server: HttpServer) -> None:
    for hop in range(5):
        reply = Reply(302, headers={"Location": f"/{hop + 1}"}, delay_s=0.4)
        server.route(f"/{hop}" if hop else "/", reply)
    assert failure(server, QUICK).kind is FailureKind.TIMEOUT
    assert len(server.requests) <= 3


@pytest.mark.parametrize(
    "handler", [endless_body, endless_chunks], ids=lambda handler: handler.__name__
)
def test_hostile_22_an_endless_body_is_cut_at_15_mib(
    server: HttpServer, handler: Callable[..., None]
) -> None:
    server.route("/", Reply(body=b"x"))
    ask(server, "/")
    server.route("/", handler)  # type: ignore[arg-type]
    errors: list[FetchError] = []
    grown = grown_by(lambda: errors.append(failure(server)))
    assert errors[0].kind is FailureKind.TOO_LARGE
    assert "15 MiB" in str(errors[0])
    assert grown < 50 * MIB
    server.wait_for(lambda: server.hung_up == 1)


def test_hostile_22_many_endless_bodies_at_once_stay_within_the_same_memory(
    server: HttpServer,
) -> None:
    server.route("/", endless_body)

    async def main() -> list[object]:
        settings = ClientSettings("test", allow_private=(f"127.0.0.1:{server.port}",))
        async with HttpClient(settings) as client:
            tasks = [client.get(server.url("/")) for _ in range(16)]
            return list(await asyncio.gather(*tasks, return_exceptions=True))

    outcomes: list[object] = []
    grown = grown_by(lambda: outcomes.extend(asyncio.run(main())))
    kinds = {error.kind for error in outcomes if isinstance(error, FetchError)}
    assert kinds == {FailureKind.TOO_LARGE}
    assert len(outcomes) == 16
    assert grown < 80 * MIB


def test_hostile_22_a_declared_length_beyond_the_limit_is_not_read(server: HttpServer) -> None:
    async def five_gigabytes(exchange: Exchange) -> None:
        await exchange.raw(OK + b"Content-Length: 5368709120\r\n\r\n")
        await asyncio.sleep(60)

    server.route("/", five_gigabytes)
    assert failure(server, QUICK).kind is FailureKind.TOO_LARGE


def test_hostile_22_chunk_extensions_without_end_are_cut(server: HttpServer) -> None:
    server.route("/", endless_chunk_extension)
    errors: list[FetchError] = []
    grown = grown_by(lambda: errors.append(failure(server, QUICK)))
    assert errors[0].kind in {FailureKind.TIMEOUT, FailureKind.PROTOCOL}
    assert grown < 50 * MIB


def header_flood(line: Callable[[int], bytes], count: int) -> Callable[..., object]:
    async def handler(exchange: Exchange) -> None:
        await exchange.raw(OK)
        for number in range(count):
            await exchange.raw(line(number))
        await exchange.raw(b"Content-Length: 0\r\n\r\n")

    return handler


@pytest.mark.parametrize(
    ("line", "count"),
    [
        (lambda n: b"X-%d: " % n + b"a" * 1_000 + b"\r\n", 10_000),  # 10 MB
        (lambda n: b"X-%d: 1\r\n" % n, 100_000),  # 100,000 lines
        (lambda n: (b"X: " if n == 0 else b"") + b"a" * 10_000, 1_000),  # one line of 10 MB
        (lambda n: b"X-%d: " % n + b"a" * 4_000 + b"\r\n", 17),  # just over 64 KiB
    ],
)
def test_hostile_22_headers_beyond_64_kib_are_refused(
    server: HttpServer, line: Callable[[int], bytes], count: int
) -> None:
    server.route("/", header_flood(line, count))  # type: ignore[arg-type]
    errors: list[FetchError] = []
    grown = grown_by(lambda: errors.append(failure(server)))
    assert errors[0].kind is FailureKind.HEADERS_TOO_LARGE
    assert grown < 50 * MIB


def test_headers_just_below_64_kib_are_read(server: HttpServer) -> None:
    flood = header_flood(lambda n: b"X-%d: " % n + b"a" * 4_000 + b"\r\n", 16)
    server.route("/", flood)  # type: ignore[arg-type]
    assert ask(server, "/").status == 200


@pytest.mark.parametrize(
    "raw",
    [
        OK + b"Content-Length: 100\r\n\r\nshort",
        OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
        OK + b"Content-Length: 5\r\nContent-Length: 7\r\n\r\nhello!!",
        OK + b"Content-Length: -5\r\n\r\nhello",
        OK + b"No colon here\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"<html>not http</html>\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"",
    ],
)
def test_hostile_22_what_is_not_http_is_named_so(server: HttpServer, raw: bytes) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.raw(raw)

    server.route("/", handler)
    assert failure(server, QUICK).kind is FailureKind.PROTOCOL


def test_bytes_after_the_declared_length_are_not_the_next_answer(server: HttpServer) -> None:
    async def too_much(exchange: Exchange) -> None:
        await exchange.raw(OK + b"Content-Length: 5\r\n\r\nhello" + OK + b"\r\nforged")

    server.route("/", too_much)
    server.route("/next", Reply(body=b"real"))
    assert ask(server, "/").body == b"hello"
    assert ask(server, "/", "/next").body == b"real"


def test_a_cut_body_keeps_its_status(server: HttpServer) -> None:
    server.route("/", endless_body)
    limits = Limits(max_bytes=65_536, cut_body=True)
    answer = ask(server, "/", limits=limits)
    assert (answer.status, len(answer.body)) == (200, 65_536)


def test_hostile_13_a_receiver_that_trickles_is_cut_at_the_total_time(server: HttpServer) -> None:
    server.route("/", one_byte_at_a_time)

    async def main() -> None:
        settings = ClientSettings("test", allow_private=(f"127.0.0.1:{server.port}",))
        limits = Limits(total_s=1.0, max_bytes=65_536, cut_body=True)
        async with HttpClient(settings) as client:
            await client.request("POST", server.url("/"), body=b"{}", limits=limits)

    started = time.monotonic()
    with pytest.raises(FetchError) as caught:
        asyncio.run(main())
    assert caught.value.kind is FailureKind.TIMEOUT
    assert time.monotonic() - started < 5


# 23: what grows when it is decompressed


def gzip_bomb() -> bytes:
    """10 GiB as gzip members of 10 MiB each."""
    return gzip.compress(bytes(10 * MIB)) * 1_024


def deflate_bomb(bits: int) -> bytes:
    """10 GiB in one stream: a flushed block repeats without reference to what went before."""
    stream = zlib.compressobj(wbits=bits)
    start = stream.compress(bytes(10 * MIB)) + stream.flush(zlib.Z_FULL_FLUSH)
    again = stream.compress(bytes(10 * MIB)) + stream.flush(zlib.Z_FULL_FLUSH)
    return start + again * 1_023


def brotli_bomb() -> bytes:
    return bytes(brotli.compress(bytes(200 * MIB), quality=5))


def zstd_bomb() -> bytes:
    return zstd.compress(bytes(200 * MIB)) * 50


def wide_zstd() -> bytes:
    """A frame that asks for a window of 128 MiB."""
    options = {int(zstd.CompressionParameter.window_log): 27}
    stream = zstd.ZstdCompressor(options=options)
    return stream.compress(random.Random(1).randbytes(1_000)) + stream.flush()


@pytest.mark.parametrize(
    ("coding", "bomb"),
    [
        ("gzip", gzip_bomb),
        ("x-gzip", gzip_bomb),
        ("deflate", lambda: deflate_bomb(15)),
        ("deflate", lambda: deflate_bomb(-15)),
        ("br", brotli_bomb),
        ("zstd", zstd_bomb),
    ],
)
def test_hostile_23_a_bomb_is_refused_by_its_ratio(
    server: HttpServer, coding: str, bomb: Callable[[], bytes]
) -> None:
    server.route("/", Reply(body=bomb(), headers={"Content-Encoding": coding}))
    errors: list[FetchError] = []
    started = time.monotonic()
    grown = grown_by(lambda: errors.append(failure(server)))
    assert errors[0].kind is FailureKind.RATIO
    assert grown < 50 * MIB
    assert time.monotonic() - started < 5


def test_hostile_23_a_body_that_grows_modestly_is_cut_at_15_mib(server: HttpServer) -> None:
    line = random.Random(1).randbytes(4_096)
    body = gzip.compress(b"".join(line + bytes(60_000) for _ in range(300)))
    assert 15 * MIB < 64_096 * 300 < 100 * len(body)
    server.route("/", Reply(body=body, headers={"Content-Encoding": "gzip"}))
    errors: list[FetchError] = []
    grown = grown_by(lambda: errors.append(failure(server)))
    assert errors[0].kind is FailureKind.TOO_LARGE
    assert grown < 50 * MIB


@pytest.mark.parametrize("header", ["gzip, gzip", "gzip,br", "deflate, gzip, identity"])
def test_hostile_23_more_than_one_compression_is_refused(server: HttpServer, header: str) -> None:
    body = gzip.compress(gzip.compress(bytes(MIB)))
    server.route("/", Reply(body=body, headers={"Content-Encoding": header}))
    error = failure(server)
    assert error.kind is FailureKind.PROTOCOL
    assert "more than once" in str(error)


def test_hostile_23_a_zstd_window_of_128_mib_is_refused(server: HttpServer) -> None:
    body = wide_zstd()
    server.route("/", Reply(body=body, headers={"Content-Encoding": "zstd"}))
    errors: list[FetchError] = []
    grown = grown_by(lambda: errors.append(failure(server)))
    assert errors[0].kind is FailureKind.PROTOCOL
    assert grown < 50 * MIB
