"""Whole polls beside ``reader``: fetch, parse, store; ours also classifies and matches 100 rules.

Both poll the same feeds (25 entries each) from a server in another process, first with an
empty database, then again with every feed answering 304. Each runs in a process of its own,
on a database file of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.benchmarks.feedserver import serving

SIZES = (300, 2_000, 10_000)
QUICK = (300,)
# reader needs minutes for more; its rate does not depend on the number of feeds.
READER_FEEDS = 600
READER_QUICK = 150
RULES = 100


def peak_rss_mb(pids: Callable[[], set[int]], stop: threading.Event) -> float:
    """The largest sum of resident memory of the processes, looked at every 50 ms."""
    most = 0
    while not stop.wait(0.05):
        most = max(most, sum(_rss_kb(pid) for pid in pids()))
    return most / 1024


def _rss_kb(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
    except OSError:
        return 0
    return 0


def family(pid: int) -> set[int]:
    """``pid`` and its children."""
    found = {pid}
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found.update(int(child) for child in task.read_text().split())
        except OSError:
            continue
    return found


def our_settings(folder: str) -> Any:
    """Settings that open the loopback."""
    from monitor.config import Polling, Settings

    return Settings(
        data=Path(folder),
        database=f"sqlite:///{folder}/ours.db",
        polling=replace(Polling(), allow_private=("127.0.0.1",)),
    )


def fill_ours(base: str, count: int, folder: str) -> dict[str, Any]:
    """Add the feeds and the rules, as a user does before the daemon starts."""
    from monitor.service import open_database, utc_now
    from monitor.storage import rules, sources
    from monitor.storage.sources import NewSource

    with open_database(our_settings(folder)).write() as connection:
        new = [NewSource(f"{base}/feed/{at}", name=f"feed {at}") for at in range(count)]
        sources.add_many(connection, new, utc_now())
        for at in range(RULES):
            query = f"词{at}号 OR keyword{at} OR (利率 AND x{at})"
            rules.add(connection, f"rule {at}", query, [], utc_now())
    return {}


def run_ours(base: str, count: int, folder: str) -> dict[str, Any]:
    """Two polls of ``count`` feeds by this package."""
    import sqlalchemy as sa

    from monitor import memory
    from monitor.pipeline import PollReport, poll
    from monitor.service import Service, open_database
    from monitor.signals import run
    from monitor.worker import worker_name

    memory.share_arenas()  # this, freezing and tidying: as 'headlines run' does
    gc.freeze()
    tidier = memory.Tidier()
    del base, count  # they are in the database
    ahead = timedelta(0)

    def now() -> datetime:
        return datetime.now(UTC) + ahead

    settings = our_settings(folder)
    database = open_database(settings)
    statements = 0

    def count_statement(*_: object) -> None:
        nonlocal statements
        statements += 1

    sa.event.listen(database.engine, "before_cursor_execute", count_statement)

    async def main() -> list[dict[str, Any]]:
        nonlocal ahead, statements
        rounds = []
        async with Service(settings, database, worker=worker_name(), now=now) as service:
            for _ in range(2):
                statements = 0
                started, total = time.perf_counter(), PollReport()
                while (report := await poll(service.kit)).sources:
                    total += report
                    await asyncio.to_thread(tidier.tidy, total.new_entries)
                seconds = time.perf_counter() - started
                rounds.append(
                    {
                        "feeds_per_s": total.sources / seconds,
                        "entries_per_s": total.new_entries / seconds,
                        "entries": total.new_entries,
                        "failed": total.failed,
                        "not_modified": total.not_modified,
                        "seconds": seconds,
                        "statements": statements,
                    }
                )
                ahead += timedelta(hours=3)
        return rounds

    stop, figures = threading.Event(), {}

    def watch() -> None:
        figures["rss_mb"] = peak_rss_mb(lambda: family(os.getpid()), stop)

    watcher = threading.Thread(target=watch)
    watcher.start()
    rounds = run(main())
    stop.set()
    watcher.join()
    return {"rounds": rounds, **figures}


def run_reader(base: str, count: int, folder: str) -> dict[str, Any]:
    """Two polls of ``count`` feeds by ``reader``, with 20 workers as its manual suggests."""
    from reader import make_reader

    rounds = []
    with make_reader(f"{folder}/reader.db") as reader:
        for at in range(count):
            reader.add_feed(f"{base}/feed/{at}")
        for _ in range(2):
            started = time.perf_counter()
            failed = sum(
                isinstance(result.value, Exception)
                for result in reader.update_feeds_iter(workers=20, scheduled=False)
            )
            seconds = time.perf_counter() - started
            rounds.append(
                {"feeds_per_s": count / seconds, "seconds": seconds, "failed": failed,
                 "entries": reader.get_entry_counts().total}
            )  # fmt: skip
    return {"rounds": rounds}


def apart(which: str, base: str, count: int) -> dict[str, Any]:
    """Run one contender in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        for step in ("fill", "ours") if which == "ours" else (which,):
            command = [sys.executable, "-m", "tests.benchmarks.poll", "--run", step]
            done = subprocess.run(
                [*command, base, str(count), folder],
                capture_output=True,
                text=True,
                check=False,
                timeout=1800,
            )
            if done.returncode:
                raise SystemExit(f"{step} failed:\n{done.stderr[-3000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def compare(sizes: tuple[int, ...], reader_feeds: int) -> dict[str, Any]:
    """The document of the contract, with a row for each number of sources.

    The machine's speed drifts: ``reader`` runs before and after each of our runs, and a ratio is
    against the mean of the two.
    """
    rows = []
    with serving(max(*sizes, reader_feeds)) as base:
        before = apart("reader", base, reader_feeds)
        for count in sizes:
            ours = apart("ours", base, count)
            after = apart("reader", base, reader_feeds)
            rows.append({"sources": count, **ours, "against": [before, after]})
            before = after
    for row in rows:
        row["first"], row["second"] = (versus(row, at) for at in (0, 1))
    last = rows[-1]
    return {
        "first": last["first"],
        "second": last["second"],
        "rss_mb": last["rss_mb"],
        "sources": last["sources"],
        "rows": rows,
    }


def versus(row: dict[str, Any], at: int) -> dict[str, float]:
    """One poll's feeds/s beside the rival's."""
    ours = row["rounds"][at]["feeds_per_s"]
    rival = sum(run["rounds"][at]["feeds_per_s"] for run in row["against"]) / len(row["against"])
    return {"ours": ours, "reader": rival, "ratio": ours / rival}


def show(result: dict[str, Any]) -> None:
    """The table."""
    print(f"{'':>8} | {'first poll':^45} | {'second poll (304)':^34} |")
    print(
        f"{'sources':>8} | {'feeds/s':>8} {'entries/s':>10} {'statements':>11} {'reader':>7}"
        f" {'ratio':>5} | {'feeds/s':>8} {'statements':>11} {'reader':>7} {'ratio':>5} |"
        f" {'failed':>6} {'RSS MB':>6}"
    )
    for row in result["rows"]:
        (one, two), first, second = row["rounds"], row["first"], row["second"]
        print(
            f"{row['sources']:>8} | {first['ours']:>8.0f} {one['entries_per_s']:>10.0f}"
            f" {one['statements']:>11} {first['reader']:>7.0f} {first['ratio']:>5.1f} |"
            f" {second['ours']:>8.0f} {two['statements']:>11} {second['reader']:>7.0f}"
            f" {second['ratio']:>5.1f} | {one['failed'] + two['failed']:>6} {row['rss_mb']:>6.0f}"
        )


def main() -> None:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="300 sources, within a minute")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--sources", type=int, metavar="N", help="only this many")
    parser.add_argument("--run", nargs=4, metavar=("WHO", "BASE", "COUNT", "FOLDER"),
                        help=argparse.SUPPRESS)  # fmt: skip
    arguments = parser.parse_args()
    if arguments.run:
        who, base, count, folder = arguments.run
        contender = {"fill": fill_ours, "ours": run_ours, "reader": run_reader}[who]
        print(json.dumps(contender(base, int(count), folder)))
        return
    sizes = (arguments.sources,) if arguments.sources else QUICK if arguments.quick else SIZES
    result = compare(sizes, READER_QUICK if arguments.quick else READER_FEEDS)
    print(json.dumps(result)) if arguments.json else show(result)


if __name__ == "__main__":
    main()
