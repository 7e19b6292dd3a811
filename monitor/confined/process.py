"""Start a confined process, hand it one request, take its answer, and see it end.

It is given no part of our environment but the place of the program: no proxy, no token.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import monitor
from monitor.errors import ConfinementError

MAX_ANSWER_BYTES = 2 * 1024 * 1024
# Each may hold some tens of MB; more wait for their turn.
AT_ONCE = 6
_KEPT = ("PATH", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")


_SLOTS: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


async def run(module: str, request: object, deadline_s: float) -> Any:
    """The JSON answer of ``python -m MODULE`` to ``request``.

    Raises ConfinementError when there is none within ``deadline_s``; the process is gone then.
    Only so many run at one time; waiting for a place counts.
    """
    slots = _SLOTS.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(AT_ONCE))
    try:
        async with asyncio.timeout(deadline_s), slots:
            code, output = await converse(module, json.dumps(request).encode())
    except TimeoutError:
        raise too_late(module, deadline_s) from None
    return read(module, code, output)


async def converse(module: str, request: bytes) -> tuple[int | None, bytes]:
    """The process's exit code and output. It is gone when this returns or is cancelled."""
    process = await asyncio.create_subprocess_exec(
        *command(module),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=environment(),
    )
    try:
        output, _ = await process.communicate(request)
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return process.returncode, output


def run_now(module: str, request: object, deadline_s: float) -> Any:
    """``run`` for where no event loop is; this thread waits."""
    try:
        ended = subprocess.run(
            command(module),
            input=json.dumps(request).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment(),
            timeout=deadline_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise too_late(module, deadline_s) from None
    return read(module, ended.returncode, ended.stdout)


def command(module: str) -> list[str]:
    """``-P``, ``-s``, ``-B``: no module of the folder or the user we run in, nothing written."""
    return [sys.executable, "-P", "-s", "-B", "-m", module]


def environment() -> dict[str, str]:
    """What the process is told."""
    root = str(Path(monitor.__file__).parents[1])
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {**kept, "PYTHONPATH": root, "MALLOC_ARENA_MAX": "1"}


def read(module: str, code: int | None, output: bytes) -> Any:
    """The answer. Raises ConfinementError for an end without one."""
    if code == 0 and len(output) <= MAX_ANSWER_BYTES:
        try:
            return json.loads(output)
        except ValueError:
            pass
    if code in {-signal.SIGXCPU, -signal.SIGKILL}:
        raise ConfinementError(f"{module} took too much processor time or memory and was ended")
    raise ConfinementError(f"{module} ended without an answer (code {code})")


def too_late(module: str, deadline_s: float) -> ConfinementError:
    """It was killed."""
    return ConfinementError(f"{module} did not end within {deadline_s:g} s and was ended")
