"""What a retraining beside it costs polling: a daemon's poll ticks, with and without.

A daemon polls 20 feeds a second. ``tick_ms`` is how late its poll ticks begin, ``loop_ms`` how
late its event loop turns (asked every 10 ms), ``poll_ms`` how long a poll takes from its claim to
its commit. First without, then while ``headlines retrain`` learns a corpus, started as
the schedule starts it. Figures of a machine that is busy otherwise say nothing.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import random
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from monitor import retrainer
from monitor.config import Polling, Retrain, Settings
from monitor.daemon import Daemon
from monitor.service import Service
from monitor.storage import Database, migrate, sources
from monitor.storage.sources import NewSource
from tests.benchmarks.feedserver import TEXT, serving
from tests.benchmarks.report import options, show

FEEDS = 20
QUICK_S, WHOLE_S = 15.0, 60.0
STEP_S, TICK_S = 0.01, 1.0
TITLES = 20_000


class Watched(Daemon):
    """Writes down when its ticks begin, and how long its polls take."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, tick_s=TICK_S)
        self.ticks: list[float] = []
        self.took: list[float] = []

    async def _poll_tick(self) -> None:
        self.ticks.append(time.perf_counter())
        await super()._poll_tick()

    async def _poll(self, service: Service, limit: int) -> None:
        before = time.perf_counter()
        await super()._poll(service, limit)
        self.took.append(time.perf_counter() - before)


async def lateness(seconds: float) -> list[float]:
    """How late each of many short sleeps ends."""
    found = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        before = time.perf_counter()
        await asyncio.sleep(STEP_S)
        found.append(time.perf_counter() - before - STEP_S)
    return found


async def measure(daemon: Watched, seconds: float) -> dict[str, object]:
    """What ``seconds`` of the daemon look like."""
    daemon.ticks.clear()
    daemon.took.clear()
    turns = await lateness(seconds)
    late = [abs(after - before - TICK_S) for before, after in itertools.pairwise(daemon.ticks)]
    return {
        "tick_ms": summary(late),
        "loop_ms": summary(turns),
        "poll_ms": summary(daemon.took),
        "ticks": len(daemon.ticks),
    }


def summary(values: Sequence[float]) -> dict[str, float]:
    """Median, 99th percentile and largest, in milliseconds."""
    ordered = sorted(values) or [0.0]
    at = [ordered[len(ordered) // 2], ordered[int(0.99 * (len(ordered) - 1))], ordered[-1]]
    return {name: 1000 * each for name, each in zip(("p50", "p99", "max"), at, strict=True)}


def write_corpus(path: Path) -> None:
    """Titles of two made-up kinds, as many as make a training long."""
    rng, words = random.Random(1), TEXT.split()
    with path.open("w", encoding="utf-8") as file:
        for number in range(TITLES):
            section, ours = rng.choice((("sports", words[::2]), ("finance", words[1::2])))
            title = f"{' '.join(rng.choices(ours, k=6))} {number}"
            file.write(json.dumps({"title": title, "label": section}) + "\n")


async def compare(settings: Settings, seconds: float) -> dict[str, object]:
    """The same daemon without and with a retraining."""
    daemon = Watched(settings)
    running = asyncio.create_task(daemon.run())
    await asyncio.sleep(5)  # the first polls store everything
    found: dict[str, object] = {"without": await measure(daemon, seconds)}
    beside = asyncio.create_task(retrainer.retrain(settings))
    await asyncio.sleep(1)
    found["with"] = await measure(daemon, seconds)
    found["still_training"] = not beside.done()
    beside.cancel()
    with suppress(asyncio.CancelledError):
        await beside
    daemon.stop()
    await running
    return found


def main() -> None:
    chosen = options(__doc__ or "")
    with tempfile.TemporaryDirectory() as name, serving(FEEDS) as address:
        folder = Path(name)
        corpus = folder / "made" / "corpus.jsonl"
        corpus.parent.mkdir()
        write_corpus(corpus)
        settings = Settings(
            folder, f"sqlite:///{folder / 'headlines.db'}",
            polling=Polling(allow_private=("127.0.0.1",), per_host=FEEDS, gap_s=0),
            retrain=Retrain("daily@04:00", (f"jsonl:{corpus}",)),
        )  # fmt: skip
        database = Database(settings.database)
        migrate.ensure(database)
        new = [NewSource(f"{address}/feed/{at}", interval_s=1.0) for at in range(FEEDS)]
        with database.write() as connection:
            sources.add_many(connection, new, datetime.now(UTC))
        database.close()
        gc.freeze()  # as `headlines run` does: a whole collection takes as long as what is measured
        found = asyncio.run(compare(settings, QUICK_S if chosen.quick else WHOLE_S))
    show(found, as_json=chosen.json)


if __name__ == "__main__":
    main()
