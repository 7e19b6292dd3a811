"""When a source publishes, learnt from what it published. Pure.

Three histograms whose counts fade (a time constant of two weeks): over the hours of the day,
the days of the week, and the five-minute parts of the hour, all in UTC. Their product is a
rate, in headlines a second, at any instant to come; a source is looked at again when enough
is expected to wait there.

What is enough: the expected headlines n and the seconds t that have gone by, as
``n^0.8 · t^0.2``, reach the ``pace`` that all sources share. The exponent lies between two
rules: 1 asks in proportion to the rate, which serves the busiest alone; 0.5 makes the mean
delay of a headline least (Cho and Garcia-Molina, 2003, on refreshing web copies).
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

DAY_S = 86_400.0
MEMORY_S = 14 * DAY_S
HOURS, WEEKDAYS, PARTS = 24, 7, 12
PART_S = 300.0
# How many headlines an even distribution counts for, until there are more.
EVEN_HOURS = EVEN_WEEKDAYS = EVEN_PARTS = 8.0
EVEN_DAYS = 0.5
SHARE = 0.8  # of the expected headlines in the exponent; the rest is time's
ENOUGH = 3.0
LATE_S = 3600.0
FINE_S = 7200.0  # so far ahead the parts of an hour matter


@dataclass(frozen=True, slots=True)
class Rhythm:
    """What was learnt until ``at`` (Unix time); counts have faded since they were made.

    ``days`` is how long the source was watched, faded alike. ``ttl_s`` (0: none),
    ``skip_hours`` and ``skip_weekdays`` (Monday is 0) are what its last document asked for.
    """

    at: float
    days: float
    hours: tuple[float, ...]
    weekdays: tuple[float, ...]
    parts: tuple[float, ...]
    ttl_s: float = 0.0
    skip_hours: tuple[int, ...] = ()
    skip_weekdays: tuple[int, ...] = ()

    @property
    def count(self) -> float:
        """Headlines, faded."""
        return sum(self.hours)

    @property
    def is_known(self) -> bool:
        """Whether there is enough to go by."""
        return self.count >= ENOUGH or self.days >= 2.0


def begin(now: datetime, published: Sequence[datetime]) -> Rhythm:
    """What a first document tells: when its entries were published, and over what time."""
    at = now.timestamp()
    past = [stamp for each in published if at - 4 * MEMORY_S < (stamp := each.timestamp()) <= at]
    watched_s = at - min(past, default=at)
    empty = Rhythm(at, 0.0, (0.0,) * HOURS, (0.0,) * WEEKDAYS, (0.0,) * PARTS)
    return _counted(empty, at, _watched(watched_s), past)


def learn(
    known: Rhythm, now: datetime, published: Sequence[datetime | None], last_fetch_at: datetime
) -> Rhythm:
    """``known`` with the headlines that a poll found new.

    A date that cannot be (a wrong time zone, none at all) counts as the middle of the time
    since the last poll.
    """
    at, since = now.timestamp(), last_fetch_at.timestamp()
    middle = (at + min(since, at)) / 2
    stamps = [each.timestamp() if each else middle for each in published]
    stamps = [stamp if since - LATE_S <= stamp <= at else middle for stamp in stamps]
    fade = math.exp(-max(at - known.at, 0.0) / MEMORY_S)
    days = known.days * fade + _watched(max(at - known.at, 0.0))
    faded = Rhythm(
        at, known.days,
        tuple(count * fade for count in known.hours),
        tuple(count * fade for count in known.weekdays),
        tuple(count * fade for count in known.parts),
        known.ttl_s, known.skip_hours, known.skip_weekdays,
    )  # fmt: skip
    return _counted(faded, at, days, stamps)


def _watched(seconds: float) -> float:
    """Days, faded as counts are."""
    return MEMORY_S / DAY_S * (1 - math.exp(-seconds / MEMORY_S))


def _counted(before: Rhythm, at: float, days: float, stamps: Sequence[float]) -> Rhythm:
    hours, weekdays, parts = list(before.hours), list(before.weekdays), list(before.parts)
    for stamp in stamps:
        weight = math.exp((stamp - at) / MEMORY_S)
        hours[_hour(stamp)] += weight
        weekdays[_weekday(stamp)] += weight
        parts[_part(stamp)] += weight
    return Rhythm(
        at, days, tuple(hours), tuple(weekdays), tuple(parts),
        before.ttl_s, before.skip_hours, before.skip_weekdays,
    )  # fmt: skip


def _hour(stamp: float) -> int:
    return int(stamp // 3600) % HOURS


def _weekday(stamp: float) -> int:
    return (int(stamp // DAY_S) + 3) % WEEKDAYS  # 1 January 1970 was a Thursday


def _part(stamp: float) -> int:
    return int(stamp // PART_S) % PARTS


class Rates:
    """The rate that a rhythm expects, in headlines a second."""

    def __init__(self, known: Rhythm) -> None:
        count, hours = known.count, known.hours
        self._base = (count + 0.5) / (known.days + EVEN_DAYS) / DAY_S
        smooth = [
            hours[at - 1] / 4 + hours[at] / 2 + hours[(at + 1) % HOURS] / 4 for at in range(HOURS)
        ]
        self._hours = _factors(smooth, EVEN_HOURS)
        self._weekdays = _factors(known.weekdays, EVEN_WEEKDAYS)
        self._parts = _factors(known.parts, EVEN_PARTS)

    def at(self, stamp: float, *, fine: bool) -> float:
        """The rate at an instant; not ``fine``: that of its whole hour."""
        rate = self._base * self._hours[_hour(stamp)] * self._weekdays[_weekday(stamp)]
        return rate * self._parts[_part(stamp)] if fine else rate


def _factors(counts: Sequence[float], even: float) -> list[float]:
    """Each part's share against an even one, drawn to 1 by ``even`` headlines spread evenly."""
    total, parts = sum(counts), len(counts)
    return [(count + even / parts) / (total + even) * parts for count in counts]


def wait_s(known: Rhythm, now: datetime, pace: float, least_s: float, most_s: float) -> float:
    """Seconds from ``now`` until enough is expected to wait, within the two bounds."""
    rates, start = Rates(known), now.timestamp()
    at, expected, before = start, 0.0, 0.0
    while at - start < most_s:
        fine = at - start < FINE_S
        length_s = PART_S if fine else 3600.0
        end = (at // length_s + 1) * length_s
        expected += rates.at(at, fine=fine) * (end - at)
        reached = expected**SHARE * (end - start) ** (1 - SHARE)
        if reached >= pace:
            at += (end - at) * (pace - before) / (reached - before)
            break
        at, before = end, reached
    return min(max(at - start, least_s), most_s)


def next_pace(pace: float, asked: float, wanted: float) -> float:
    """The pace that brings ``asked`` requests a second nearer to ``wanted``.

    Waits are proportional to it; at most a factor of two at a time.
    """
    if asked <= 0 or wanted <= 0:
        return pace
    return min(max(pace * min(max(asked / wanted, 0.5), 2.0), 1e-3), 1e3)


def dump(known: Rhythm) -> str:
    """As JSON; counts to a hundredth."""
    rounded = [[round(x, 2) for x in each] for each in (known.hours, known.weekdays, known.parts)]
    return json.dumps(
        [
            round(known.at), round(known.days, 4), *rounded,
            known.ttl_s, known.skip_hours, known.skip_weekdays,
        ],
        separators=(",", ":"),
    )  # fmt: skip


def load(text: str | None) -> Rhythm | None:
    """What ``dump`` wrote; None for what it did not."""
    try:
        at, days, hours, weekdays, parts, ttl_s, *skips = json.loads(text or "null")
        known = Rhythm(
            float(at), float(days), tuple(map(float, hours)), tuple(map(float, weekdays)),
            tuple(map(float, parts)), float(ttl_s), *(tuple(map(int, each)) for each in skips),
        )  # fmt: skip
    except (TypeError, ValueError):
        return None
    lengths = len(known.hours), len(known.weekdays), len(known.parts)
    return known if lengths == (HOURS, WEEKDAYS, PARTS) else None
