"""How hot a story is, and whether it spreads faster than its section's stories usually do.

    heat(t) = sum over what happened of  weight * 2 ** -((t - then) / 6 h)

A portal that takes the story up weighs 1, and up to 1 more for the speed: a quarter for each
other portal that took it up within the hour before. A further entry of a portal that has it
weighs 1/4. A place r on a hot list weighs 2 / sqrt(r); a better place on the same portal, what it
weighs more than the last.

    burst = portals that took it up within the last hour / what is usual in the section

``hot`` is ``ln(heat(t)) + t * ln 2 / 6 h``, which is the same at every t: stories can be kept
and listed in this order without being touched as they cool.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

HALF_LIFE_S = 6 * 3600.0
HOUR = timedelta(hours=1)
AGAIN = 0.25
SPEED = 0.25
FASTEST = 4
BEST_RANK_WEIGHT = 2.0
# A portal is remembered by name to count it once; a story told by more is hot enough.
JOINS_KEPT = 200
BURST_PORTALS = 3
USUAL_PEAK = 2.0
_RATE = math.log(2) / HALF_LIFE_S
_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)


class Join(NamedTuple):
    """A portal took the story up; ``rank`` is its best place on that portal's hot list."""

    portal: str
    at: datetime
    rank: int | None = None


@dataclass(frozen=True, slots=True)
class Newcomer:
    """What an entry brings to its story; ``at`` is when it was first seen."""

    id: int
    title: str
    url: str
    portal: str
    section: str
    rank: int | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Story:
    """A story as far as it was told. ``peak``: most portals that joined within one hour."""

    id: int
    title: str
    url: str
    section: str
    first_seen_at: datetime
    last_seen_at: datetime
    entries: int
    portals: int
    joined: tuple[Join, ...]
    best_rank: int | None
    hot: float
    peak: int
    merged_into: int | None = None


def begin(entry: Newcomer) -> Story:
    """The story that ``entry`` is the first to tell."""
    hot = _hot(1.0 + _rank_weight(entry.rank), entry.at)
    first = Join(entry.portal, entry.at, entry.rank)
    return Story(
        entry.id, entry.title, entry.url, entry.section, entry.at, entry.at,
        entries=1, portals=1, joined=(first,), best_rank=entry.rank, hot=hot, peak=1,
    )  # fmt: skip


def join(story: Story, entry: Newcomer) -> Story:
    """``story`` after ``entry`` told it too."""
    known = next((each for each in story.joined if each.portal == entry.portal), None)
    if known is None:
        speed = SPEED * min(recent(story.joined, entry.at), FASTEST)
        weight = 1.0 + speed + _rank_weight(entry.rank)
        joined = (*story.joined, Join(entry.portal, entry.at, entry.rank))[-JOINS_KEPT:]
    else:
        better = _better(known.rank, entry.rank)
        weight = AGAIN + _rank_weight(better) - _rank_weight(known.rank)
        joined = tuple(
            each._replace(rank=better) if each is known else each for each in story.joined
        )
    return replace(
        story,
        first_seen_at=min(story.first_seen_at, entry.at),
        last_seen_at=max(story.last_seen_at, entry.at),
        entries=story.entries + 1,
        portals=story.portals + (known is None),
        joined=joined,
        best_rank=_better(story.best_rank, entry.rank),
        hot=_warmer(story.hot, weight, entry.at),
        peak=max(story.peak, recent(joined, entry.at)),
    )


def climb(story: Story, portal: str, rank: int, at: datetime) -> Story:
    """``story`` after what ``portal`` tells of it has reached place ``rank`` on its hot list."""
    known = next((each for each in story.joined if each.portal == portal), None)
    better = _better(known.rank, rank) if known else None
    if known is None or better == known.rank:
        return story
    weight = _rank_weight(better) - _rank_weight(known.rank)
    return replace(
        story,
        joined=tuple(
            each._replace(rank=better) if each is known else each for each in story.joined
        ),
        best_rank=_better(story.best_rank, better),
        hot=_warmer(story.hot, weight, at),
    )


def unite(root: Story, other: Story) -> Story:
    """``root`` after ``other`` turned out to be the same story."""
    mine = {each.portal: each for each in root.joined}
    for each in other.joined:
        same = mine.get(each.portal, each)
        mine[each.portal] = Join(each.portal, min(same.at, each.at), _better(same.rank, each.rank))
    joined = tuple(sorted(mine.values(), key=lambda each: each.at))[-JOINS_KEPT:]
    shared = len(root.joined) + len(other.joined) - len(mine)
    at = max(root.last_seen_at, other.last_seen_at)
    return replace(
        root,
        first_seen_at=min(root.first_seen_at, other.first_seen_at),
        last_seen_at=at,
        entries=root.entries + other.entries,
        portals=root.portals + other.portals - shared,
        joined=joined,
        best_rank=_better(root.best_rank, other.best_rank),
        hot=_warmer(root.hot, heat(other.hot, at), at),
        peak=max(root.peak, other.peak, recent(joined, at)),
    )


def heat(hot: float, now: datetime) -> float:
    """The heat at ``now`` of a story with this ``hot``."""
    return math.exp(min(hot - _seconds(now) * _RATE, 700.0))


def recent(joined: Sequence[Join], now: datetime) -> int:
    """How many portals took it up within the hour before ``now``."""
    return sum(now - HOUR < each.at <= now for each in joined)


def burst(story: Story, usual: float, now: datetime) -> float:
    """How many times the section's usual pace; 0 where that is no burst.

    A burst is faster than usual, and at least three portals within the hour.
    """
    risen = recent(story.joined, now)
    pace = risen / max(usual, 1.0)
    return pace if risen >= BURST_PORTALS and pace > 1 else 0.0


def _hot(weight: float, at: datetime) -> float:
    return math.log(weight) + _seconds(at) * _RATE


def _warmer(hot: float, weight: float, at: datetime) -> float:
    return _hot(heat(hot, at) + weight, at)


def _seconds(at: datetime) -> float:
    return (at - _EPOCH).total_seconds()


def _rank_weight(rank: int | None) -> float:
    return BEST_RANK_WEIGHT / math.sqrt(rank) if rank and rank > 0 else 0.0


def _better(one: int | None, other: int | None) -> int | None:
    return min((rank for rank in (one, other) if rank), default=None)
