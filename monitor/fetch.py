"""Fetching sources: many at once, politely, each answer an outcome.

    FetchRequest -> queue of its host -> HttpClient -> Fetched | NotModified | Failed

Nothing here raises for a bad server; a request that yields no outcome was not done, and
whoever claimed its source gives the claim back.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from random import random as system_random

from monitor.answers import outcome_of, request_headers
from monitor.client import DEFAULT_LIMITS, Follow, HttpClient, Limits, anywhere
from monitor.errors import FetchError
from monitor.queues import HostQueues, Job, Politeness, host_key
from monitor.rendering.browser import Browser
from monitor.robots import Robots
from monitor.types import Failed, FailureKind, FetchRequest, Outcome

_MAX_HOLD_S = 300.0


def utc_now() -> datetime:
    """The default clock."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class FetchSettings:
    """``concurrency`` requests at once in all, ``per_host`` on one host, and between two starts
    on one host ``gap_s``, lengthened by up to ``gap_jitter`` of itself; ``no_gap_hosts``
    (``host`` or ``host:port``) are one's own servers, bound by ``concurrency`` alone.

    ``window_s``: a request of ``fetch_all`` whose host is so crowded that it gets no turn within
    it is not done, so that one host does not hold up the round.
    """

    concurrency: int = 64
    per_host: int = 2
    gap_s: float = 1.0
    gap_jitter: float = 0.5
    no_gap_hosts: frozenset[str] = frozenset()
    window_s: float = 30.0
    timeout_s: float = DEFAULT_LIMITS.total_s
    connect_timeout_s: float = DEFAULT_LIMITS.connect_s
    max_bytes: int = DEFAULT_LIMITS.max_bytes

    @property
    def limits(self) -> Limits:
        """The part for the client."""
        return replace(
            DEFAULT_LIMITS,
            total_s=self.timeout_s,
            connect_s=self.connect_timeout_s,
            max_bytes=self.max_bytes,
        )

    @property
    def politeness(self) -> Politeness:
        """The part for the hosts' queues."""
        return Politeness(
            concurrency=self.concurrency,
            per_host=self.per_host,
            gap_s=self.gap_s,
            gap_jitter=self.gap_jitter,
            no_gap_hosts=self.no_gap_hosts,
        )


class Fetcher:
    """Lives as long as the daemon: the hosts' queues and gaps outlast a round.

    ``robots`` is asked about requests that want it; None: nobody is. ``browser`` draws the
    pages of requests that want it.
    """

    def __init__(
        self,
        client: HttpClient,
        settings: FetchSettings | None = None,
        clock: Callable[[], datetime] = utc_now,
        random: Callable[[], float] = system_random,
        robots: Robots | None = None,
        browser: Browser | None = None,
    ) -> None:
        self._client = client
        self._browser = browser
        self._robots = robots
        self._settings = settings or FetchSettings()
        self._clock = clock
        self._limits = self._settings.limits
        politeness = self._settings.politeness
        self._queues = HostQueues(politeness, random)
        self.drained = False  # or being drained
        # Drawn one at a time, and nobody else waits for that.
        self._drawn = HostQueues(replace(politeness, concurrency=1, per_host=1), random)

    @property
    def unfinished(self) -> int:
        """How many requests wait for their turn or are under way."""
        return self._queues.unfinished + self._drawn.unfinished

    async def fetch(self, request: FetchRequest) -> Outcome:
        """One request, in its turn. Raises CancelledError if the fetcher is drained before."""
        async with aclosing(self._round([request], math.inf)) as outcomes:
            async for outcome in outcomes:
                return outcome
        raise asyncio.CancelledError("the fetcher takes no more requests")

    def fetch_all(self, requests: Iterable[FetchRequest]) -> AsyncGenerator[Outcome, None]:
        """Outcomes as they arrive, in no order. A slow consumer slows the fetching.

        Rounds may overlap. Requests without an outcome at the end were not done: the fetcher
        was drained, or their host was too crowded (``window_s``).
        """
        until = asyncio.get_running_loop().time() + self._settings.window_s
        return self._round(requests, until)

    async def drain(self, grace_s: float = 5.0) -> None:
        """Start nothing more, give requests in flight ``grace_s``, then cut them off."""
        self.drained = True
        await asyncio.gather(self._queues.close(grace_s), self._drawn.close(grace_s))

    async def _round(
        self, requests: Iterable[FetchRequest], until: float
    ) -> AsyncGenerator[Outcome, None]:
        batch = _Batch(self._settings.concurrency)
        jobs = [_Job(self, batch, request, until) for request in requests]
        batch.pending = len(jobs)
        for job in jobs:
            queues = self._drawn if job.request.render else self._queues
            queues.submit(host_key(job.request.url), job)
        self._queues.start()
        self._drawn.start()
        mine: set[Job] = set(jobs)
        end = None
        if until < math.inf and any(job.request.render for job in jobs):
            # One page may take long, and those that wait for it are not to keep the round open.
            loop = asyncio.get_running_loop()
            end = loop.call_at(until, self._drawn.drop, mine.__contains__)
        try:
            while batch.pending or not batch.results.empty():
                result = await batch.results.get()
                if isinstance(result, Exception):
                    raise result
                if result is not None:
                    yield result
        finally:
            if end is not None:
                end.cancel()
            batch.closed = True
            if batch.pending:
                await self._queues.cancel(mine.__contains__)
                await self._drawn.cancel(mine.__contains__)

    async def ask(self, request: FetchRequest, *, close: bool) -> Outcome:
        """The outcome of one exchange; no queue, no politeness."""
        headers = request_headers(request)
        if close:
            headers["Connection"] = "close"
        started_s = asyncio.get_running_loop().time()
        try:
            follow: Follow = anywhere
            if request.robots and self._robots is not None:
                follow = self._robots.check
                await follow(request.url)
            if request.render and self._browser is not None:
                response = await self._browser.get(request.url, limits=self._limits)
            else:
                response = await self._client.get(
                    request.url, headers=headers, limits=self._limits, follow=follow
                )
        except FetchError as error:
            elapsed_s = asyncio.get_running_loop().time() - started_s
            return Failed(
                source_id=request.source_id,
                kind=error.kind,
                message=str(error),
                status=error.status,
                retry_after_s=error.retry_after_s,
                elapsed_s=elapsed_s,
                host=host_key(request.url),
            )
        return outcome_of(request, response, self._clock())


class _Batch:
    """The requests of one round. ``results`` is bounded, so that a slow consumer is felt."""

    def __init__(self, size: int) -> None:
        self.results: asyncio.Queue[Outcome | Exception | None] = asyncio.Queue(size)
        self.pending = 0
        self.closed = False

    def settle_one(self) -> None:
        self.pending -= 1
        if not self.pending and self.results.empty():
            self.results.put_nowait(None)  # wakes the consumer


@dataclass(slots=True, eq=False)
class _Job:
    fetcher: Fetcher
    batch: _Batch
    request: FetchRequest
    until: float

    async def run(self, *, keep_open: bool) -> float:
        hold_s = 0.0
        late = self.request.render and asyncio.get_running_loop().time() > self.until
        if not self.batch.closed and not late:  # the next round does what is late
            result = await self._result(close=not keep_open)
            if isinstance(result, Failed) and result.kind is FailureKind.RATE_LIMITED:
                hold_s = min(result.retry_after_s or 0.0, _MAX_HOLD_S)
            await self.batch.results.put(result)
        self.batch.settle_one()
        return hold_s

    async def _result(self, *, close: bool) -> Outcome | Exception:
        try:
            return await self.fetcher.ask(self.request, close=close)
        except Exception as error:  # a bug must reach the consumer, who would wait for ever
            return error

    def drop(self) -> None:
        self.batch.settle_one()
