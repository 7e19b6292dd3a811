"""Whole polls beside ``reader``: fetch, parse, store; ours also classifies and matches 100 rules.

Both poll the same feeds (25 entries each) from a server in another process, first with an
empty database, then again with every feed answering 304. Each runs in a process of its own,
on a database file of its own.
"""

from __future__ import annotations

import argparse
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
READER_MOST = 1_000
READER_QUICK = 200
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

    from monitor.daemon import run
    from monitor.pipeline import PollReport, poll
    from monitor.service import Service, open_database
    from monitor.worker import worker_name

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


def compare(sizes: tuple[int, ...], reader_most: int) -> dict[str, Any]:
    """The document of the contract, with a row for each number of sources."""
    with serving() as base:
        rival = apart("reader", base, min(reader_most, max(sizes)))
        rows = [{"sources": count, **apart("ours", base, count)} for count in sizes]
    first, second = (
        {
            "ours": rows[-1]["rounds"][at]["feeds_per_s"],
            "reader": rival["rounds"][at]["feeds_per_s"],
            "ratio": rows[-1]["rounds"][at]["feeds_per_s"] / rival["rounds"][at]["feeds_per_s"],
        }
        for at in (0, 1)
    )
    return {
        "first": first,
        "second": second,
        "rss_mb": rows[-1]["rss_mb"],
        "sources": rows[-1]["sources"],
        "rows": rows,
        "reader": rival,
    }


def show(result: dict[str, Any]) -> None:
    """The table."""
    print(f"{'':>16} {'first poll':>32} {'second poll (304)':>34}")
    print(
        f"{'sources':>16} {'feeds/s':>9} {'entries/s':>10} {'statements':>11}"
        f" {'feeds/s':>9} {'statements':>11} {'failed':>7} {'RSS MB':>7}"
    )
    for row in result["rows"]:
        one, two = row["rounds"]
        print(
            f"{'ours ' + str(row['sources']):>16} {one['feeds_per_s']:>9.0f}"
            f" {one['entries_per_s']:>10.0f} {one['statements']:>11} {two['feeds_per_s']:>9.0f}"
            f" {two['statements']:>11} {one['failed'] + two['failed']:>7} {row['rss_mb']:>7.0f}"
        )
    one, two = result["reader"]["rounds"]
    print(f"{'reader':>16} {one['feeds_per_s']:>9.0f} {'':>10} {'':>11} {two['feeds_per_s']:>9.0f}")
    print(f"ratio: first {result['first']['ratio']:.1f}, second {result['second']['ratio']:.1f}")


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
    result = compare(sizes, READER_QUICK if arguments.quick else READER_MOST)
    print(json.dumps(result)) if arguments.json else show(result)


if __name__ == "__main__":
    main()
