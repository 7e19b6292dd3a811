"""The event loop of a process, and what its signals say to the daemon."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

from monitor.daemon import Daemon
from monitor.pipeline import PollReport
from monitor.telemetry import logger

Result = TypeVar("Result")
log = logger("daemon")
# A database that does not answer must not keep us: what it did not take is done again.
END_S = 9.5


def run_until_signalled(daemon: Daemon) -> PollReport:
    """Run in this process: SIGTERM and SIGINT drain, a second one ends at once, SIGHUP reloads."""
    return run(_with_signals(daemon))


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """``asyncio.run`` on uvloop, where it is installed."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(work)
    return uvloop.run(work)


async def _with_signals(daemon: Daemon) -> PollReport:
    loop = asyncio.get_running_loop()
    reloads: set[asyncio.Task[None]] = set()

    def end() -> None:
        if daemon.stopping:
            os._exit(1)  # everything decided is in the database
        daemon.stop()
        loop.call_later(END_S, give_up)

    def give_up() -> None:
        log.warning("the end takes too long: what is not stored is done again by the next daemon")
        os._exit(0)

    def reload() -> None:
        task = asyncio.create_task(daemon.reload())
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    loop.add_signal_handler(signal.SIGHUP, reload)
    return await daemon.run()
