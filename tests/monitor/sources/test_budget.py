"""Parsing in other processes, each document within its time and memory."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from monitor.errors import BudgetExceeded, ParseError
from monitor.identity import keys_of
from monitor.sources import feed
from monitor.sources.budget import ParserPool
from monitor.types import ParsedFeed
from tests.benchmarks.damage import make
from tests.monitor.sources.bombs import BOMBS

URL = "https://p.example/feed"
GOOD = make(1)[0].encode()
# Five million start tags: more than a worker may hold.
HEAVY = b"<rss><channel>" + b"<a>" * 5_000_000
REFUSED = {
    "billion_laughs": "nested entity &a1;",
    "quadratic": "entity &a; expands",
    "external_file": "external entity &x;",
    "external_address": "external entity &x;",
    "json_depth": "nested deeper than 100",
    "json_nan": "NaN is not JSON",
}


def run(body: Callable[[ParserPool], Awaitable[None]], **settings: float) -> None:
    async def main() -> None:
        async with ParserPool(
            workers=int(settings.get("workers", 1)),
            cpu_s=settings.get("cpu_s", 5.0),
            memory_mb=int(settings.get("memory_mb", 200)),
        ) as pool:
            await asyncio.wait_for(body(pool), 60)

    asyncio.run(main())


async def parse(pool: ParserPool, body: bytes, url: str = URL) -> ParsedFeed:
    return (await pool.parse("feed", body, url=url)).feed


def test_the_pool_gives_what_parsing_here_gives() -> None:
    async def body(pool: ParserPool) -> None:
        for seed in range(6):
            document = make(seed)[0].encode()
            assert await parse(pool, document) == feed.parse(document, url=URL)

    run(body)


def test_a_document_brings_the_keys_that_its_entries_have_under_its_source() -> None:
    async def body(pool: ParserPool) -> None:
        for number in (1, 2):
            document = await pool.parse("feed", GOOD, url=URL, source_id=number)
            assert document.keys == tuple(keys_of(number, document.feed.entries))

    run(body)


def test_a_parse_error_comes_back_as_one() -> None:
    async def body(pool: ParserPool) -> None:
        with pytest.raises(ParseError, match="HTML page"):
            await parse(pool, b"<html><body>x<br></body></html>")
        with pytest.raises(ParseError, match="empty"):
            await parse(pool, b"")
        assert (await parse(pool, GOOD)).entries

    run(body)


def test_options_that_a_kind_does_not_have_are_an_error_of_that_document() -> None:
    async def body(pool: ParserPool) -> None:
        with pytest.raises(ParseError, match="colour"):
            await pool.parse("feed", GOOD, url=URL, options={"colour": 1})
        with pytest.raises(ParseError, match="gopher"):
            await pool.parse("gopher", GOOD, url=URL)
        assert (await parse(pool, GOOD)).entries

    run(body)


@pytest.mark.parametrize("name", list(BOMBS))
def test_hostile_23_a_bomb_is_refused_or_read_within_its_budget(name: str) -> None:
    async def body(pool: ParserPool) -> None:
        await parse(pool, GOOD)
        started = time.monotonic()
        try:
            parsed = await parse(pool, BOMBS[name]())
        except ParseError as error:
            assert name in REFUSED
            assert REFUSED[name] in str(error)
        else:
            assert name not in REFUSED
            assert not any("root:" in entry.title for entry in parsed.entries)
        assert time.monotonic() - started < 15
        (pid,) = pool.pids
        assert peak_mb(pid) <= 200

    run(body)


def test_hostile_23_too_much_memory_is_named_and_costs_only_that_document() -> None:
    async def body(pool: ParserPool) -> None:
        before, heavy, after = await asyncio.gather(
            parse(pool, GOOD), parse(pool, HEAVY, "https://bad.example/"), parse(pool, GOOD),
            return_exceptions=True,
        )  # fmt: skip
        assert isinstance(before, ParsedFeed)
        assert isinstance(after, ParsedFeed)
        assert isinstance(heavy, BudgetExceeded)
        assert "https://bad.example/" in str(heavy)
        assert "200 MB" in str(heavy)

    run(body)


def test_hostile_23_too_much_time_is_named_and_costs_only_that_document() -> None:
    slow = b"<rss><channel><item><title>" + b"<b a='1'>&amp" * 400_000

    async def body(pool: ParserPool) -> None:
        await parse(pool, GOOD)
        results = await asyncio.gather(
            *(parse(pool, document) for document in (GOOD, slow, GOOD, GOOD)),
            return_exceptions=True,
        )
        assert [type(result) for result in results] == [
            ParsedFeed,
            BudgetExceeded,
            ParsedFeed,
            ParsedFeed,
        ]
        assert "too much time" in str(results[1])

    run(body, cpu_s=0.2, memory_mb=400)


def test_a_worker_killed_from_outside_is_replaced() -> None:
    async def body(pool: ParserPool) -> None:
        await parse(pool, GOOD)
        (pid,) = pool.pids
        os.kill(pid, signal.SIGKILL)
        results = await asyncio.gather(
            *(parse(pool, GOOD) for _ in range(5)), return_exceptions=True
        )
        assert sum(isinstance(result, ParsedFeed) for result in results) >= 4
        assert (await parse(pool, GOOD)).entries
        assert pool.pids != (pid,)

    run(body)


def test_a_worker_that_has_grown_is_replaced_and_another_is_not() -> None:
    ballast = bytearray(120_000_000)  # what this process holds is not the worker's doing

    async def body(pool: ParserPool) -> None:
        await parse(pool, GOOD)
        (pid,) = pool.pids
        await parse(pool, GOOD)
        assert pool.pids == (pid,)
        titles = "".join(f"<item><title>{n}{'题' * 900}</title></item>" for n in range(5000))
        await parse(pool, f"<rss><channel>{titles}</channel></rss>".encode())
        await parse(pool, GOOD)
        assert pool.pids != (pid,)

    run(body, memory_mb=100)
    assert len(ballast) == 120_000_000


def test_many_documents_at_once_keep_the_loop_free_and_their_order() -> None:
    async def body(pool: ParserPool) -> None:
        await parse(pool, GOOD)
        worst = 0.0
        done = False

        async def watch() -> None:
            nonlocal worst
            while not done:
                started = time.perf_counter()
                await asyncio.sleep(0.005)
                worst = max(worst, time.perf_counter() - started - 0.005)

        watcher = asyncio.create_task(watch())
        documents = [make(seed, entries=5)[0].encode() for seed in range(120)]
        results = await asyncio.gather(*(parse(pool, document) for document in documents))
        done = True
        await watcher
        for seed, result in enumerate(results):
            assert result.entries[0].title == make(seed, entries=5)[1][0].title
        assert worst < 0.25

    run(body, workers=2)


def test_a_caller_that_gives_up_leaves_the_others_alone() -> None:
    async def body(pool: ParserPool) -> None:
        first = asyncio.ensure_future(parse(pool, GOOD))
        second = asyncio.ensure_future(parse(pool, GOOD))
        await asyncio.sleep(0)
        first.cancel()
        assert (await second).entries
        assert first.cancelled()

    run(body)


def test_closing_leaves_no_process_and_no_waiting_caller() -> None:
    async def main() -> None:
        pool = ParserPool(workers=2)
        await asyncio.gather(*(parse(pool, GOOD) for _ in range(20)))
        pids = pool.pids
        waiting = [asyncio.ensure_future(parse(pool, HEAVY)) for _ in range(4)]
        await asyncio.sleep(0)
        await pool.close()
        assert pids
        assert not any(is_alive(pid) for pid in pids)
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert all(isinstance(result, ParseError) for result in results)
        with pytest.raises(ParseError, match="closed"):
            await parse(pool, GOOD)

    asyncio.run(main())


PARENT = """
import asyncio, os
from monitor.sources.budget import ParserPool

async def main():
    pool = ParserPool()
    await pool.parse("feed", b"<rss><channel/></rss>", url="http://p.example/")
    print(pool.pids[0], flush=True)
    os.kill(os.getpid(), 9)

asyncio.run(main())
"""


def test_a_worker_ends_when_its_parent_dies() -> None:
    found = subprocess.run(
        [sys.executable, "-c", PARENT],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[3],
        check=False,
        timeout=30,
    )
    assert found.returncode == -signal.SIGKILL
    pid = int(found.stdout)
    deadline = time.monotonic() + 10
    while is_alive(pid):
        assert time.monotonic() < deadline, f"process {pid} outlived its parent"
        time.sleep(0.02)


def test_a_worker_loads_neither_feedparser_nor_lxml_nor_numpy_for_a_good_feed() -> None:
    script = (
        "import sys; from monitor.sources import worker; from monitor.sources import feed; "
        f"feed.parse({GOOD!r}, url='http://p.example/'); "
        "print([name for name in ('feedparser', 'lxml', 'numpy', 'asyncio', 'opencc')"
        " if name in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=30
    )
    assert found.stdout.strip() == "[]"


def peak_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def is_alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
