"""Politeness alone: jobs that record when they start, on a real event loop."""

from __future__ import annotations

import asyncio
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from monitor.queues import HostQueues, Politeness, host_key

PLAIN = Politeness(
    concurrency=100, per_host=100, gap_s=0.0, gap_jitter=0.0, no_gap_hosts=frozenset()
)


@dataclass
class Log:
    """What happened: starts as (host, time), the most at once in all and by host, drops."""

    starts: list[tuple[str, float]] = field(default_factory=list)
    active: dict[str, int] = field(default_factory=dict)
    most: dict[str, int] = field(default_factory=dict)
    dropped: list[str] = field(default_factory=list)
    kept: list[bool] = field(default_factory=list)

    def enter(self, name: str, step: int) -> None:
        for key in (name, "all"):
            self.active[key] = self.active.get(key, 0) + step
            self.most[key] = max(self.most.get(key, 0), self.active[key])


@dataclass(eq=False)
class Job:
    log: Log
    host: str
    until: float = math.inf
    lasts_s: float = 0.0
    hold_s: float = 0.0

    async def run(self, *, keep_open: bool) -> float:
        self.log.starts.append((self.host, asyncio.get_running_loop().time()))
        self.log.kept.append(keep_open)
        self.log.enter(self.host, 1)
        try:
            await asyncio.sleep(self.lasts_s)
        finally:
            self.log.enter(self.host, -1)
        return self.hold_s

    def drop(self) -> None:
        self.log.dropped.append(self.host)


async def eventually(condition: Callable[[], bool]) -> None:
    for _ in range(2_000):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("the condition did not come true")


async def until_settled(log: Log, count: int) -> None:
    await eventually(
        lambda: len(log.starts) + len(log.dropped) == count and not log.active.get("all")
    )


def play(
    politeness: Politeness, make: Callable[[Log, float], list[Job]], random: float = 0.0
) -> Log:
    async def main() -> Log:
        log = Log()
        queues = HostQueues(politeness, lambda: random)
        jobs = make(log, asyncio.get_running_loop().time())
        for job in jobs:
            queues.submit(job.host, job)
        queues.start()
        await until_settled(log, len(jobs))
        await queues.close(1.0)
        return log

    return asyncio.run(main())


def polite(**changes: object) -> Politeness:
    values = {name: getattr(PLAIN, name) for name in PLAIN.__slots__} | changes
    return Politeness(**values)


def gaps(log: Log) -> list[float]:
    times = [at for _, at in log.starts]
    return [later - earlier for earlier, later in itertools.pairwise(times)]


def test_hostile_30_no_more_than_two_at_once_on_one_host() -> None:
    log = play(polite(per_host=2), lambda log, _: [Job(log, "a", lasts_s=0.02) for _ in range(12)])
    assert len(log.starts) == 12
    assert log.most["a"] == 2


def test_hostile_30_the_gap_lies_between_any_two_starts() -> None:
    log = play(polite(gap_s=0.05), lambda log, _: [Job(log, "a") for _ in range(6)])
    assert len(log.starts) == 6
    assert min(gaps(log)) >= 0.045
    stretched = play(
        polite(gap_s=0.05, gap_jitter=1.0), lambda log, _: [Job(log, "a") for _ in range(4)], 0.9
    )
    assert min(gaps(stretched)) >= 0.085


def test_no_more_than_the_concurrency_in_all() -> None:
    def make(log: Log, _: float) -> list[Job]:
        return [Job(log, f"host{n % 40}", lasts_s=0.01) for n in range(200)]

    log = play(polite(concurrency=8), make)
    assert len(log.starts) == 200
    assert log.most["all"] == 8


def test_hostile_30_a_crowded_host_keeps_its_order_and_drops_what_is_too_late() -> None:
    def make(log: Log, now: float) -> list[Job]:
        return [Job(log, "a", until=now + 0.5) for _ in range(500)]

    log = play(polite(gap_s=0.1), make)
    assert 4 <= len(log.starts) <= 6
    assert len(log.dropped) == 500 - len(log.starts)


def test_a_slow_host_drops_its_queue_at_the_deadline_without_any_gap() -> None:
    def make(log: Log, now: float) -> list[Job]:
        return [Job(log, "a", until=now + 0.1, lasts_s=0.2) for _ in range(20)]

    log = play(polite(per_host=2), make)
    assert (len(log.starts), len(log.dropped)) == (2, 18)


def test_waiting_for_a_global_slot_is_not_the_hosts_fault() -> None:
    def make(log: Log, now: float) -> list[Job]:
        return [Job(log, f"host{n}", until=now + 0.02, lasts_s=0.03) for n in range(20)]

    log = play(polite(concurrency=4, gap_s=0.01), make)
    assert len(log.starts) == 20


def test_hosts_take_turns() -> None:
    def make(log: Log, _: float) -> list[Job]:
        return [Job(log, "big") for _ in range(50)] + [Job(log, "small") for _ in range(2)]

    log = play(polite(concurrency=1), make)
    assert [name for name, _ in log.starts[:4]] == ["big", "small", "big", "small"]


def test_a_slow_host_holds_up_nobody() -> None:
    def make(log: Log, _: float) -> list[Job]:
        slow = [Job(log, "slow", lasts_s=0.2) for _ in range(4)]
        return slow + [Job(log, f"host{n}") for n in range(30)]

    log = play(polite(concurrency=4, per_host=2), make)
    first = log.starts[0][1]
    quick = [at - first for name, at in log.starts if name != "slow"]
    assert len(quick) == 30
    assert max(quick) < 0.2


def test_a_host_that_asks_for_rest_gets_it() -> None:
    def make(log: Log, now: float) -> list[Job]:
        rests = Job(log, "busy", hold_s=0.2)
        return [rests, Job(log, "busy", until=now + 0.1), Job(log, "other")]

    log = play(polite(per_host=1), make)
    assert [name for name, _ in log.starts] == ["busy", "other"]
    assert len(log.dropped) == 1


def test_ones_own_servers_are_bound_by_the_concurrency_alone() -> None:
    limits = polite(concurrency=50, per_host=2, gap_s=10.0, no_gap_hosts=frozenset({"127.0.0.1"}))
    log = play(limits, lambda log, _: [Job(log, "127.0.0.1:8000", lasts_s=0.02) for _ in range(50)])
    assert log.most["all"] == 50
    assert log.dropped == []


def test_the_last_job_of_a_host_closes_the_connection() -> None:
    log = play(polite(per_host=1), lambda log, _: [Job(log, "a") for _ in range(3)])
    assert log.kept == [True, True, False]


def test_connections_of_very_many_hosts_are_not_kept() -> None:
    def make(log: Log, _: float) -> list[Job]:
        return [Job(log, f"host{n % 1_000}") for n in range(2_000)]

    log = play(polite(gap_s=0.01), make)
    assert len(log.kept) == 2_000
    assert sum(log.kept) <= 256


def test_closing_drops_waits_and_cancels() -> None:
    async def main() -> Log:
        log = Log()
        queues = HostQueues(polite(per_host=2), lambda: 0.0)
        for lasts_s in (0.05, 60.0, 0.0, 0.0):
            queues.submit("a", Job(log, "a", lasts_s=lasts_s))
        queues.start()
        await asyncio.sleep(0)
        await queues.close(0.2)
        queues.submit("a", Job(log, "late"))
        return log

    log = asyncio.run(main())
    assert len(log.starts) == 2
    assert log.active["all"] == 0
    assert sorted(log.dropped) == ["a", "a", "a", "late"]


def test_a_host_is_forgotten_when_it_has_nothing_left() -> None:
    """Months of polling many hosts must not fill the memory."""

    async def main() -> int:
        log = Log()
        queues = HostQueues(polite(gap_s=0.01), lambda: 0.0)
        for n in range(300):
            queues.submit(f"host{n}", Job(log, f"host{n}"))
        queues.start()
        await until_settled(log, 300)
        await eventually(lambda: queues.hosts == 0)
        return len(log.starts)

    assert asyncio.run(main()) == 300


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("http://Portal.example/feed", "portal.example"),
        ("https://portal.example:443/x", "portal.example"),
        ("http://portal.example:443/x", "portal.example:443"),
        ("http://me:pw@portal.example.:8080/", "portal.example:8080"),
        ("http://[::1]:8000/", "::1:8000"),
        ("http://[::1", "http://[::1"),
        ("nonsense", "nonsense"),
    ],
)
def test_one_host_is_a_name_and_an_unusual_port(url: str, key: str) -> None:
    assert host_key(url) == key
