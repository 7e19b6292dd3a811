"""Politeness: who may be asked when. Knows hosts and time, and nothing of HTTP.

Every host has a queue of its own. A host is ready when it has a job, a free slot and its
gap has passed; ready hosts take turns for the global slots. A host that waits holds none.
"""

from __future__ import annotations

import asyncio
import functools
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

_FEW_HOSTS = 256
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Politeness:
    """The limits; ``FetchSettings`` says what each means."""

    concurrency: int
    per_host: int
    gap_s: float
    gap_jitter: float
    no_gap_hosts: frozenset[str]

    def is_polite_to(self, host: str) -> bool:
        """Whether the limits for one host apply to ``host`` (a key of ``host_key``)."""
        return host not in self.no_gap_hosts and host.partition(":")[0] not in self.no_gap_hosts


def host_key(url: str) -> str:
    """What politeness counts as one host: its name, and its port where that is unusual."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return url
    host = (parts.hostname or url).rstrip(".")
    return host if port in {None, _DEFAULT_PORTS.get(parts.scheme)} else f"{host}:{port}"


class Job(Protocol):
    """One request; ``run`` must not raise.

    ``until`` is the loop's time by which its host must have a turn for it.
    """

    @property
    def until(self) -> float: ...

    def run(self, *, keep_open: bool) -> Coroutine[None, None, float]:
        """Do it; ``keep_open`` says that its host will need the connection again soon.

        The result is how long (seconds) the host asks to be left alone, mostly 0.
        """

    def drop(self) -> None:
        """It did not run to its end, and will not."""


@dataclass(slots=True, eq=False)
class _Host:
    name: str
    polite: bool
    slots: int
    gap_s: float
    jobs: deque[Job] = field(default_factory=deque)
    active: int = 0
    not_before: float = 0.0
    is_ready: bool = False
    timer: asyncio.TimerHandle | None = None


class HostQueues:
    """``random`` gives numbers in [0, 1) for the gaps' jitter."""

    def __init__(self, politeness: Politeness, random: Callable[[], float]) -> None:
        self._politeness = politeness
        self._random = random
        self._hosts: dict[str, _Host] = {}
        self._ready: deque[_Host] = deque()
        self._tasks: dict[asyncio.Task[float], Job] = {}
        self._closed = False

    @property
    def hosts(self) -> int:
        """How many hosts have work, or a gap that has not passed."""
        return len(self._hosts)

    @property
    def unfinished(self) -> int:
        """How many jobs wait or run."""
        return sum(len(host.jobs) for host in self._hosts.values()) + len(self._tasks)

    def submit(self, host_name: str, job: Job) -> None:
        """Queue ``job`` behind the others of its host; it is dropped once closed."""
        if self._closed:
            job.drop()
            return
        host = self._hosts.get(host_name)
        if host is None:
            host = self._hosts[host_name] = self._new_host(host_name)
        host.jobs.append(job)
        self._arm(host)

    def start(self) -> None:
        """Start what may start now; call it after a round of ``submit``."""
        while self._ready and len(self._tasks) < self._politeness.concurrency:
            self._start_one(self._ready.popleft())

    async def close(self, grace_s: float) -> None:
        """Drop what waits, give what runs ``grace_s``, then cancel it. For good."""
        self._closed = True
        for host in list(self._hosts.values()):
            while host.jobs:
                host.jobs.popleft().drop()
            if host.timer is not None:
                host.timer.cancel()
        if self._tasks:
            await asyncio.wait(list(self._tasks), timeout=grace_s)
        await self.cancel(lambda _: True)

    def drop(self, chosen: Callable[[Job], bool]) -> None:
        """Drop the waiting jobs that are ``chosen``."""
        for host in self._hosts.values():
            late = [job for job in host.jobs if chosen(job)]
            host.jobs = deque(job for job in host.jobs if not chosen(job))
            for job in late:
                job.drop()

    async def cancel(self, chosen: Callable[[Job], bool]) -> None:
        """Stop the running jobs that are ``chosen`` and wait until they have."""
        tasks = [task for task, job in self._tasks.items() if chosen(job)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _new_host(self, name: str) -> _Host:
        limits = self._politeness
        if limits.is_polite_to(name):
            return _Host(name, True, limits.per_host, limits.gap_s)
        return _Host(name, False, limits.concurrency, 0.0)

    def _arm(self, host: _Host) -> None:
        """Make ``host`` ready, or wake up when it will be, or forget it."""
        while host.polite and host.jobs and host.jobs[0].until < host.not_before:
            host.jobs.popleft().drop()
        if host.is_ready or host.timer is not None or host.active >= host.slots:
            return
        loop = asyncio.get_running_loop()
        if host.not_before > loop.time():
            host.timer = loop.call_at(host.not_before, self._ring, host)
        elif host.jobs:
            host.is_ready = True
            self._ready.append(host)
        elif not host.active:
            self._hosts.pop(host.name, None)

    def _ring(self, host: _Host) -> None:
        host.timer = None
        self._arm(host)
        self.start()

    def _start_one(self, host: _Host) -> None:
        host.is_ready = False
        now = asyncio.get_running_loop().time()
        if host.jobs and host.not_before <= now:
            job = host.jobs.popleft()
            if host.gap_s:
                gap_s = host.gap_s * (1 + self._politeness.gap_jitter * self._random())
                host.not_before = now + gap_s
            host.active += 1
            task = asyncio.create_task(job.run(keep_open=self._is_worth_keeping(host)))
            self._tasks[task] = job
            task.add_done_callback(functools.partial(self._finished, host))
        self._arm(host)

    def _is_worth_keeping(self, host: _Host) -> bool:
        """Idle connections of thousands of hosts would use up the file descriptors."""
        return bool(host.jobs) and len(self._hosts) <= _FEW_HOSTS

    def _finished(self, host: _Host, task: asyncio.Task[float]) -> None:
        job = self._tasks.pop(task)
        host.active -= 1
        if task.cancelled():
            job.drop()
        elif host.polite:
            now = asyncio.get_running_loop().time()
            host.not_before = max(host.not_before, now + task.result())
        if not self._closed:
            self._arm(host)
            self.start()
