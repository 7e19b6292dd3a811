"""Parsing under an enforced budget: worker processes that one bad document cannot outlive.

Each worker limits its own memory (RLIMIT_DATA) and its processor time per document
(a kernel timer that ends it); the pool adds a deadline on the clock, replaces a worker that
ended, and sends the documents behind the bad one to its successor.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from monitor import sources
from monitor.errors import BudgetExceeded, ParseError
from monitor.sources import wire
from monitor.sources.wire import Document

_WINDOW = 16
_WINDOW_BYTES = 2 * 1024 * 1024
_CLOCK_PER_CPU = 4.0  # a busy machine may give us a quarter of a processor
_RECYCLE_DOCUMENTS = 20_000
_GRACE_S = 1.0
_GROWN_SHARE = 0.4  # a worker that still holds so much of its memory after a document is replaced


@dataclass(slots=True, eq=False)
class _Job:
    frame: bytes
    url: str
    done: asyncio.Future[Document]


class ParserPool:
    """Parses documents in ``workers`` processes, each document within its budget.

    ``cpu_s`` is processor time for one document; ``memory_mb`` bounds a whole worker.
    ``portals`` is the folder of the user's adapters. Workers start with the
    first document, or with ``prepare``.
    Use as an async context manager, or ``close``.
    """

    def __init__(
        self,
        workers: int = 1,
        cpu_s: float = 5.0,
        memory_mb: int = 200,
        portals: Path | None = None,
    ) -> None:
        self._cpu_s = cpu_s
        self._memory_mb = memory_mb
        self._queue: deque[_Job] = deque()
        self._workers = [_Worker(self._queue, cpu_s, memory_mb, portals) for _ in range(workers)]
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def parse(
        self,
        kind: str,
        body: bytes,
        *,
        url: str,
        content_type: str = "",
        charset: str | None = None,
        options: Mapping[str, object] | None = None,
        source_id: int = 0,
    ) -> Document:
        """``SOURCE_KINDS[kind].parse`` in a worker; ``options`` are the record's fields.

        The document comes with its entries' keys (``monitor.identity``) under ``source_id``.
        Raises ParseError for a document that is not of its kind, BudgetExceeded for one
        that takes too much.
        """
        if self._closed:
            raise ParseError("the parser pool is closed")
        frame = wire.request(kind, body, url, content_type, charset, options or {}, source_id)
        job = _Job(frame, url, asyncio.get_running_loop().create_future())
        self._queue.append(job)
        for worker in sorted(self._workers, key=len):
            worker.wake()
            if not self._queue:
                break
        return await job.done

    def prepare(self) -> None:
        """Start a worker ahead of the first document."""
        self._workers[0].prepare()

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes that are alive now."""
        return tuple(pid for worker in self._workers if (pid := worker.pid) is not None)

    async def close(self) -> None:
        """End every worker; documents that wait fail with ParseError."""
        self._closed = True
        await asyncio.gather(*(worker.close() for worker in self._workers))
        while self._queue:
            _fail(self._queue.popleft(), ParseError("the parser pool was closed"))


class _Worker:
    """One process, the documents it was sent and has not answered, and its replacement."""

    def __init__(
        self, queue: deque[_Job], cpu_s: float, memory_mb: int, portals: Path | None
    ) -> None:
        self._queue = queue
        self._cpu_s = cpu_s
        self._memory_mb = memory_mb
        self._portals = portals
        self._process: asyncio.subprocess.Process | None = None
        self._sent: deque[_Job] = deque()
        self._sent_bytes = 0
        self._served = 0
        self._worn = False
        self._task: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._sent)

    @property
    def pid(self) -> int | None:
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    def wake(self) -> None:
        """There is work: send it, or start serving."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._serve(), name="parser-worker")
        else:
            self._send()

    def prepare(self) -> None:
        """Start before there is work."""
        if self._task is None:
            self._task = asyncio.create_task(self._begin(), name="parser-worker")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._end(kill=bool(self._sent))
        while self._sent:
            _fail(self._sent.popleft(), ParseError("the parser pool was closed"))

    async def _begin(self) -> None:
        with contextlib.suppress(OSError):  # told to the first document, if it stays so
            await self._start()
        await self._serve()

    async def _serve(self) -> None:
        """Answer until nothing is left to do."""
        while self._queue or self._sent:
            if self.pid is None or (self._worn and not self._sent):
                await self._start()
            self._send()
            await self._receive()

    def _send(self) -> None:
        """Fill the window: enough to keep the process busy, not so much that others wait."""
        process = self._process
        if self._worn or process is None or process.stdin is None or process.stdin.is_closing():
            return
        while self._queue and (
            not self._sent or (len(self._sent) < _WINDOW and self._sent_bytes < _WINDOW_BYTES)
        ):
            job = self._queue.popleft()
            if job.done.done():  # the caller gave up
                continue
            self._sent.append(job)
            self._sent_bytes += len(job.frame)
            process.stdin.write(job.frame)

    async def _receive(self) -> None:
        """Take one answer; without one in time the first document sent is to blame."""
        if not self._sent:
            return
        process = self._process
        assert process is not None and process.stdout is not None
        try:
            async with asyncio.timeout(self._cpu_s * _CLOCK_PER_CPU):
                header = await process.stdout.readexactly(wire.HEADER.size)
                payload = await process.stdout.readexactly(wire.HEADER.unpack(header)[0])
        except TimeoutError:
            await self._end(kill=True)
            self._blame("time")
            return
        except (asyncio.IncompleteReadError, ConnectionError):
            code = await self._end()
            self._blame("time" if code == -signal.SIGPROF else f"memory (the worker ended: {code})")
            return
        job = self._sent.popleft()
        self._sent_bytes -= len(job.frame)
        self._served += 1
        outcome, value, grown_mb = wire.unpack(payload)
        self._worn = self._served >= _RECYCLE_DOCUMENTS or grown_mb > self._memory_mb * _GROWN_SHARE
        self._settle(job, outcome, value)

    def _settle(self, job: _Job, outcome: int, value: Any) -> None:
        if job.done.done():
            return
        if outcome == wire.DONE:
            job.done.set_result(wire.to_document(value))
        elif outcome == wire.REFUSED:
            _fail(job, ParseError(value))
        elif outcome == wire.EXCEEDED:
            self._worn = True
            _fail(job, self._exceeded(job, value))
        else:
            _fail(job, ParseError(f"the parser failed on {job.url}: {value}"))

    def _blame(self, what: str) -> None:
        """The process is gone: fail its first document, queue the others again."""
        guilty = self._sent.popleft()
        _fail(guilty, self._exceeded(guilty, what))
        self._queue.extendleft(reversed(self._sent))
        self._sent.clear()
        self._sent_bytes = 0

    def _exceeded(self, job: _Job, what: str) -> BudgetExceeded:
        limit = f"{self._cpu_s:g} s and {self._memory_mb} MB"
        return BudgetExceeded(
            f"reading {job.url} took too much {what} (a document may take {limit})"
        )

    async def _start(self) -> None:
        await self._end()
        root = str(Path(sources.__file__).parents[2])
        path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "monitor.sources.worker",
            str(self._cpu_s),
            str(self._memory_mb),
            *([str(self._portals)] if self._portals else []),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path, "MALLOC_ARENA_MAX": "1"},
        )
        self._served, self._worn = 0, False

    async def _end(self, *, kill: bool = False) -> int | None:
        """End the process, which ends by itself when its input does; its exit code.

        May be cancelled and called again: the process is forgotten only when it is gone.
        """
        process = self._process
        if process is None:
            return None
        if process.stdin is not None:
            process.stdin.close()
        if not kill:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), _GRACE_S)
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        code = await process.wait()
        self._process = None
        return code


def _fail(job: _Job, error: Exception) -> None:
    if not job.done.done():
        job.done.set_exception(error)
