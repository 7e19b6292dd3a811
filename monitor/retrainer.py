"""Retraining by the clock: in a process of its own, which gives way to everything else.

The instant of the last one stands in the database, so that a restart neither repeats one nor
forgets one. A process that is killed or fails changes nothing: what served goes on serving.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from typing import Any

from sqlalchemy.engine import Connection

from monitor import timetable
from monitor.config import Settings
from monitor.house import zone_of
from monitor.storage import Database, moments
from monitor.telemetry import logger

log = logger("retrain")
NAME = "retrained"
NICENESS = 10
LONGEST_S = 6 * 3600.0
GRACE_S = 2.0
AHEAD = timedelta(days=1)  # a clock that is put right by less begins nothing anew
# The child lowers its own priority: nothing has to run between fork and exec. A hardened
# service may forbid it, and is retrained all the same.
PROGRAM = f"""
import contextlib, os, sys
with contextlib.suppress(OSError):
    os.nice({NICENESS})
with contextlib.suppress(OSError, AttributeError):  # where there is such a thing: waiting polls go
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))  # first at once
from monitor.cli import main
sys.exit(main())
"""
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
TOLD = 2_000  # characters of what a failed process said


def due(database: Database, settings: Settings, now: datetime) -> bool:
    """Whether it is time; if so, says at once that it was done, so that it is begun once.

    The first look at a schedule counts as a retraining: nobody who sets one wants it now.
    Raises StorageError.
    """
    table = timetable.parse(settings.retrain.schedule)
    if table is None:
        return False
    zone: tzinfo = zone_of(settings.alerts.timezone)

    def work(connection: Connection) -> bool:
        last = moments.get(connection, NAME)
        if last is not None and not _is_over(last, table, zone, now):
            return False
        moments.put(connection, NAME, now)
        return last is not None and last <= now

    return database.run(work) if _may_be_due(database, table, zone, now) else False


def _may_be_due(
    database: Database, table: timetable.Timetable, zone: tzinfo, now: datetime
) -> bool:
    """A look that writes nothing, for all the times when it is not."""
    last = database.look(lambda connection: moments.get(connection, NAME))
    return last is None or _is_over(last, table, zone, now)


def _is_over(last: datetime, table: timetable.Timetable, zone: tzinfo, now: datetime) -> bool:
    """Whether the wait that began at ``last`` has an end, or none: a clock was far ahead then."""
    return now >= table.after(last, zone) or last - now > AHEAD


def command(settings: Settings) -> list[str]:
    """How the process is started."""
    wanted = settings.retrain
    argv = [sys.executable, "-c", PROGRAM, "retrain", "--json", "--data", str(settings.data)]
    if settings.file:
        argv += ["--config", str(settings.file)]
    for spec in wanted.corpora:
        argv += ["--corpus", spec]
    return [*argv, "--from-feeds"] if wanted.from_feeds else argv


async def retrain(
    settings: Settings, *, start: Callable[..., Any] = asyncio.create_subprocess_exec
) -> None:
    """Run it to its end and log what came of it. Cancelled, it takes the process along."""
    log.info("retraining begins, as scheduled (%s)", settings.retrain.schedule)
    process = await start(
        *command(settings),
        cwd=settings.file.parent if settings.file else None,  # what corpora's paths start from
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **dict.fromkeys(ONE_THREAD, "1")},
    )
    try:
        out, error = await asyncio.wait_for(process.communicate(), LONGEST_S)
    except TimeoutError:
        log.error("retraining took longer than %.0f h and is ended", LONGEST_S / 3600)
    else:
        tell(process.returncode, out, error.decode("utf-8", "replace"))
    finally:
        await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), GRACE_S)
        except TimeoutError:
            process.kill()
            await process.wait()


def tell(code: int | None, out: bytes, error: str) -> None:
    """Log how it ended: promoted, nothing new, refused, or failed."""
    try:
        found = json.loads(out)
    except ValueError:
        log.error("retraining failed (%s), the old model serves: %s", code, error[-TOLD:].strip())
        return
    facts = {
        "release": found["release"],
        "accuracy": [found["before"].get("accuracy"), found["after"].get("accuracy")],
        "corrections": found["corrections"],
        "fixed": found["fixed"],
        "broken": found["broken"],
    }
    if found["nothing_new"]:
        log.info("retraining found nothing new to learn")
    elif found["promoted"]:
        log.info("retraining has promoted release %s", found["release"], extra=facts)
    else:
        log.warning("retraining promoted nothing: %s", found["refusal"], extra=facts)
