"""A server in a process of its own: as many feeds as asked for, with validators.

``/feed/N`` has 25 entries made from N; a request with the right ETag gets 304. The documents are
made before the first request: a portal's work is not the reader's.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import multiprocessing
import random
from collections.abc import Iterator
from multiprocessing.connection import Connection

ENTRIES = 25
TEXT = """
央行 利率 下调 股市 反弹 球队 逆转 夺冠 电影 票房 手机 芯片 发布 高考 报名 医院 疫苗 房价 回落
新能源 汽车 销量 导弹 演习 总统 会谈 地震 救援 景区 门票 美食 做法 宝宝 辅食 农民 丰收 博物馆 文物
market shares rally bank rate cut team wins final film award phone chip launch school exam
vaccine trial housing prices electric car sales missile test summit talks quake rescue
"""
WORDS = TEXT.split()


def document(number: int) -> bytes:
    """The RSS 2.0 document of feed ``number``; the same each time."""
    rng = random.Random(number)
    items = "".join(
        f"<item><title>{' '.join(rng.choices(WORDS, k=7))} {number}-{at}</title>"
        f"<link>http://portal{number}.example/{at}</link>"
        f'<guid isPermaLink="false">{number}-{at}</guid>'
        f"<pubDate>Tue, {1 + at % 28:02} Sep 2026 08:00:00 GMT</pubDate>"
        f"<description>{' '.join(rng.choices(WORDS, k=30))}</description></item>"
        for at in range(ENTRIES)
    )
    head = f"<title>Portal {number}</title><link>http://portal{number}.example/</link>"
    return (
        f'<?xml version="1.0"?><rss version="2.0"><channel>{head}{items}</channel></rss>'.encode()
    )


async def _answer(
    documents: list[bytes], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            request = await reader.readuntil(b"\r\n\r\n")
            number = int(request.split(b" ", 2)[1].rpartition(b"/")[2])
            etag = f'"{number}"'.encode()
            if etag in request:
                writer.write(b"HTTP/1.1 304 Not Modified\r\nETag: " + etag + b"\r\n\r\n")
            else:
                body = documents[number]
                writer.write(
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/rss+xml\r\nETag: " + etag
                    + b"\r\nContent-Length: " + str(len(body)).encode() + b"\r\n\r\n" + body
                )  # fmt: skip
            await writer.drain()
    writer.close()


async def _serve(count: int, ready: Connection) -> None:
    answer = functools.partial(_answer, [document(number) for number in range(count)])
    server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=1024)
    ready.send(server.sockets[0].getsockname()[1])
    await asyncio.Event().wait()


def _main(count: int, ready: Connection) -> None:
    try:
        import uvloop

        uvloop.run(_serve(count, ready))
    except ImportError:
        asyncio.run(_serve(count, ready))


@contextlib.contextmanager
def serving(count: int) -> Iterator[str]:
    """The address of a running server of ``count`` feeds, ``http://127.0.0.1:PORT``."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_main, args=(count, theirs), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        process.terminate()
        process.join()
