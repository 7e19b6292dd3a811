"""When to look: headlines' delays beside two other rules, at the same number of requests.

Replays when headlines were published: the dates in the feeds of ``../shared/real`` (or
HEADLINES_SHARED), repeated until four weeks are full, and synthetic sources (even, office
hours, day and night, batches at a fixed minute, bursts). Everyone learns for two weeks and is
measured in the next two.

- fixed: every source at the same interval, near 15 minutes.
- entry_frequency: Miniflux's rule. A week over the number of entries of the last week, from
  5 minutes to 24 hours (its defaults), times a factor.
- entry_frequency_1m: the same from 1 minute on, as ours.
- ours: ``monitor.rhythm`` between 1 minute and 6 hours, its pace kept as the daemon keeps it
  for an average of 15 minutes. The interval and the factors of the others are chosen so that
  they get as many requests as ours made.

A delay is the time from a headline's publication to the request that finds it.
"""

from __future__ import annotations

import bisect
import heapq
import math
import random
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from monitor import rhythm
from monitor.schedule import Timing, next_fetch_at
from tests.benchmarks.parse import shared
from tests.benchmarks.report import options, show

HOUR_S, DAY_S, WEEK_S = 3_600.0, 86_400.0, 604_800.0
START = datetime(2026, 6, 1, tzinfo=UTC).timestamp()  # a Monday
END, MEASURED = START + 28 * DAY_S, START + 14 * DAY_S
INTERVAL_S = 900.0
PACE_EVERY_S = 600.0
ENOUGH_ENTRIES = 8

Times = list[float]


@dataclass
class Measured:
    """What a rule came to in the last two weeks."""

    requests: int
    delays: Times
    per_source: Times
    longest_gap_s: float
    busiest_minute: int


class Fixed:
    """Every source at the same interval."""

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s

    def wait_s(self, at: float, found: Times, source: int) -> float:
        del at, found, source
        return self._interval_s


class EntryFrequency:
    """Miniflux's rule, with a factor."""

    def __init__(self, factor: float, least_s: float, sources: int) -> None:
        self._factor, self._least_s = factor, least_s
        self._week: list[Times] = [[] for _ in range(sources)]

    def wait_s(self, at: float, found: Times, source: int) -> float:
        week = self._week[source] = [
            stamp for stamp in self._week[source] if stamp > at - WEEK_S
        ] + found
        wait_s = WEEK_S / (len(week) * self._factor) if week else DAY_S
        return min(max(wait_s, self._least_s), DAY_S)


class Ours:
    """What the daemon does, with its own functions."""

    def __init__(self, sources: int) -> None:
        self._known: list[rhythm.Rhythm | None] = [None] * sources
        self._last = [START] * sources
        self._waits = [INTERVAL_S] * sources
        self._timing = Timing()
        self._paced_at = START

    def wait_s(self, at: float, found: Times, source: int) -> float:
        now = datetime.fromtimestamp(at, UTC)
        dates = [datetime.fromtimestamp(stamp, UTC) for stamp in found]
        known = self._known[source]
        if known is None:
            known = rhythm.begin(now, dates)
        elif found or at - known.at > 6 * HOUR_S:
            last = datetime.fromtimestamp(self._last[source], UTC)
            known = rhythm.learn(known, now, dates, last)
        self._known[source], self._last[source] = known, at
        self._keep_pace(at)
        due_at = next_fetch_at(
            now, interval_s=INTERVAL_S, failures=0, jitter=random.random(),
            known=known, timing=self._timing,
        )  # fmt: skip
        self._waits[source] = (due_at - now).total_seconds()
        return self._waits[source]

    def _keep_pace(self, at: float) -> None:
        if at - self._paced_at < PACE_EVERY_S:
            return
        asked = sum(1 / wait_s for wait_s in self._waits)
        pace = rhythm.next_pace(self._timing.pace, asked, len(self._waits) / INTERVAL_S)
        self._timing, self._paced_at = Timing(pace=pace), at


def replay(sources: list[Times], rule: Fixed | EntryFrequency | Ours) -> Measured:
    """Four weeks of requests as ``rule`` wants them."""
    places = [0] * len(sources)
    due = [(START + random.random() * INTERVAL_S, number) for number in range(len(sources))]
    heapq.heapify(due)
    requests, longest_gap_s = 0, 0.0
    last, minutes = [START] * len(sources), [0] * int((END - START) / 60 + 1)
    delays: list[Times] = [[] for _ in sources]
    while due:
        at, number = heapq.heappop(due)
        if at >= END:
            continue
        times, place = sources[number], places[number]
        places[number] = bisect.bisect_right(times, at, place)
        found = times[place : places[number]]
        if at >= MEASURED:
            requests += 1
            minutes[int((at - START) / 60)] += 1
            delays[number] += [at - stamp for stamp in found if stamp >= MEASURED]
            longest_gap_s = max(longest_gap_s, at - last[number])
        last[number] = at
        heapq.heappush(due, (at + rule.wait_s(at, found, number), number))
    every = sorted(delay for each in delays for delay in each)
    typical = [statistics.median(each) for each in delays if each]
    return Measured(requests, every, typical, longest_gap_s, max(minutes))


def as_often(sources: list[Times], least_s: float, requests: int) -> Measured:
    """Miniflux's rule with the factor that makes ``requests`` of it."""
    low, high = 0.05, 5_000.0
    for _ in range(11):
        factor = math.sqrt(low * high)
        found = replay(sources, EntryFrequency(factor, least_s, len(sources)))
        low, high = (factor, high) if found.requests < requests else (low, factor)
    return found


# where headlines' times come from


def real(root: Path) -> Iterator[Times]:
    """The times in each feed that has enough of them, repeated over the four weeks."""
    from monitor.errors import ParseError
    from monitor.sources import SOURCE_KINDS

    parse = SOURCE_KINDS["feed"].parse
    for path in sorted(each for each in root.rglob("*") if each.is_file()):
        try:
            feed = parse(path.read_bytes(), url="", content_type="", charset=None, options={})
        except ParseError:
            continue
        stamps = sorted({e.published_at.timestamp() for e in feed.entries if e.published_at})
        if len(stamps) >= ENOUGH_ENTRIES and (found := repeated(stamps)):
            yield found


def repeated(stamps: Times) -> Times:
    """``stamps`` again and again, at their hours of the day where they span days."""
    span_s = stamps[-1] - stamps[0]
    period_s = span_s * len(stamps) / (len(stamps) - 1)
    if span_s < HOUR_S or period_s / len(stamps) > 10 * DAY_S:
        return []
    if span_s >= DAY_S:
        period_s = math.ceil(period_s / DAY_S) * DAY_S
    phase_s = (stamps[0] - START) % (WEEK_S if span_s >= DAY_S else period_s)
    first = START + phase_s - period_s * math.ceil(phase_s / period_s)
    copies = math.ceil((END - first) / period_s)
    found = (first + at * period_s + each - stamps[0] for at in range(copies) for each in stamps)
    return sorted(stamp for stamp in found if START <= stamp < END)


def synthetic(count: int, rng: random.Random) -> Iterator[Times]:
    """``count`` sources of five kinds, from one headline in three days to 150 a day."""
    kinds = (even, office_hours, day_and_night, batches, bursts)
    for at in range(count):
        yield sorted(kinds[at % len(kinds)](math.exp(rng.uniform(-1.2, 5.0)), rng))


def thinned(a_day: float, rng: random.Random, share: Callable[[float], float]) -> Times:
    """A Poisson process whose rate follows ``share``."""
    found, at = [], START
    while (at := at + rng.expovariate(a_day / DAY_S)) < END:
        if rng.random() < share(at):
            found.append(at)
    return found


def even(a_day: float, rng: random.Random) -> Times:
    """At any time."""
    return thinned(a_day, rng, lambda _: 1.0)


def office_hours(a_day: float, rng: random.Random) -> Times:
    """Eleven hours a day, and little at weekends."""
    zone_s = rng.uniform(0, DAY_S)

    def share(at: float) -> float:
        hour, day = (at + zone_s) / HOUR_S % 24, (at + zone_s) // DAY_S % 7
        return (1.0 if 8 <= hour < 19 else 0.05) * (0.3 if day in {2, 3} else 1.0)

    return thinned(2.2 * a_day, rng, share)


def day_and_night(a_day: float, rng: random.Random) -> Times:
    """More by day than by night."""
    zone_s = rng.uniform(0, DAY_S)
    return thinned(
        2 * a_day, rng, lambda at: 0.5 + 0.5 * math.sin((at + zone_s) * 2 * math.pi / DAY_S)
    )


def batches(a_day: float, rng: random.Random) -> Times:
    """All that an hour brings at its fixed minute, in some hours of the day."""
    minute_s = rng.uniform(0, HOUR_S)
    hours = [hour for hour in range(24) if rng.random() < a_day / 8] or [9]
    found = []
    for day in range(28):
        for hour in hours:
            first = START + day * DAY_S + hour * HOUR_S + minute_s
            count = max(round(rng.gauss(a_day / len(hours), 0.5)), 0)
            found += [first + rng.uniform(0, 20) for _ in range(count)]
    return [stamp for stamp in found if stamp < END]


def bursts(a_day: float, rng: random.Random) -> Times:
    """A few at a time, minutes apart."""
    found = []
    for first in thinned(a_day / 4, rng, lambda _: 1.0):
        at = first
        for _ in range(1 + int(rng.expovariate(1 / 3))):
            found.append(at)
            at += rng.expovariate(1 / 300)
    return [stamp for stamp in found if stamp < END]


def main() -> None:
    """Print the delays of each rule."""
    chosen = options("delays of headlines under rules of when to look")
    random.seed(7)
    root = shared() / "real" / "feeds"
    sources = list(real(root)) if root.is_dir() else []
    if chosen.quick:
        sources = sources[::8]
    from_real = len(sources)
    sources += synthetic(20 if chosen.quick else 200, random.Random(11))
    ours = replay(sources, Ours(len(sources)))
    rules = {
        "ours": ours,
        "fixed": replay(sources, Fixed((END - MEASURED) * len(sources) / ours.requests)),
        "entry_frequency": as_often(sources, 300.0, ours.requests),
        "entry_frequency_1m": as_often(sources, 60.0, ours.requests),
    }
    best = min(statistics.median(rules[name].delays) for name in ("fixed", "entry_frequency"))
    show(
        {
            "sources": len(sources),
            "real_sources": from_real,
            "headlines": len(ours.delays),
            "requests": ours.requests,
            "requests_of": {name: each.requests for name, each in rules.items()},
            "median_delay_s": {name: statistics.median(r.delays) for name, r in rules.items()},
            "mean_delay_s": {name: statistics.fmean(r.delays) for name, r in rules.items()},
            "p90_delay_s": {name: r.delays[int(0.9 * len(r.delays))] for name, r in rules.items()},
            "median_of_a_source_s": {
                name: statistics.median(each.per_source) for name, each in rules.items()
            },
            "longest_gap_h": {name: each.longest_gap_s / HOUR_S for name, each in rules.items()},
            "busiest_minute": {name: each.busiest_minute for name, each in rules.items()},
            "share_of_the_better": statistics.median(rules["ours"].delays) / best,
        },
        as_json=chosen.json,
    )


if __name__ == "__main__":
    main()
