"""The processes that draw a page: watched and ended as a family."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path

import psutil

from monitor.rendering.bounds import Bounds

_LOOK_S = 0.1
_ROUNDS = 20
_MB = 1024 * 1024


async def exceeded(bounds: Bounds, folder: str) -> str:
    """Returns when the processes below this one cost too much, or what they wrote in ``folder``
    does, and says what; they are gone."""
    own = psutil.Process()
    while True:
        if what := _too_much(own.children(recursive=True), folder, bounds):
            end_all()
            return what
        await asyncio.sleep(_LOOK_S)


def _too_much(processes: list[psutil.Process], folder: str, bounds: Bounds) -> str:
    memory_mb, processor_s = cost(processes)
    if memory_mb > bounds.memory_mb:
        return f"takes more than {bounds.memory_mb} MB of memory (browser_mb of [polling])"
    if processor_s > bounds.processor_s:
        return f"takes more than {bounds.processor_s:g} s of processor time"
    if _written(folder) > bounds.disk_mb * _MB:
        return f"writes more than {bounds.disk_mb} MB to the disk"
    return ""


def _written(folder: str) -> int:
    """Bytes on the disk; what goes meanwhile counts nothing."""
    found = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                found += (Path(place) / name).lstat().st_blocks * 512
    return found


def of(pid: int) -> psutil.Process | None:
    """The process that has this number now, and no other that has it later; None: none has."""
    try:
        return psutil.Process(pid)
    except psutil.Error:
        return None


def end(process: psutil.Process | None) -> None:
    """Kills the process and all below it; those that end meanwhile are no trouble."""
    if process is not None:
        with contextlib.suppress(psutil.Error):
            _end_children(process)
            process.kill()


def end_all() -> None:
    """Kills all below this process."""
    _end_children(psutil.Process())


def _end_children(process: psutil.Process) -> None:
    """Kills all below ``process``, also what they start while they are being killed."""
    for _ in range(_ROUNDS):
        living = [child for child in process.children(recursive=True) if _lives(child)]
        if not living:
            return
        for child in living:
            with contextlib.suppress(psutil.Error):
                child.kill()
        psutil.wait_procs(living, timeout=_LOOK_S)


def _lives(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def cost(processes: list[psutil.Process]) -> tuple[float, float]:
    """MB and processor seconds of the living. They share most of what is shared: the program, and
    the memory through which they pass what they have drawn; its largest user counts for all."""
    own, shared, processor_s = 0, 0, 0.0
    for process in processes:
        with contextlib.suppress(psutil.Error), process.oneshot():
            memory, times = process.memory_info(), process.cpu_times()
            apart = getattr(memory, "shared", 0)  # Linux alone tells
            own += memory.rss - apart
            shared = max(shared, apart)
            processor_s += times.user + times.system
    return (own + shared) / _MB, processor_s
