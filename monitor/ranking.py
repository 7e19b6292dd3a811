"""The way of a headline through a ranked list: its first, best and last place, and how long it
was there. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import NamedTuple

# Kinds of sources that rank: of the others nothing is asked.
RANKED = frozenset({"page", "hotlist"})
POINTS = 240
# A headline that was listed before and after a longer silence of ours (in polls) was there for
# no longer than this, as far as we know.
MOST_POLLS = 4


class Listed(NamedTuple):
    """A known entry that a document ranks."""

    entry_id: int
    rank: int
    heat: int | None = None


@dataclass(frozen=True, slots=True)
class Ranking:
    """Where an entry has stood. ``listed_s`` is the time that it was on the list, in seconds.

    ``history`` holds a point for each change: minutes since 1970, and the place, or None
    where it had left.
    """

    first: int
    best: int
    last: int
    first_at: datetime
    last_at: datetime
    listed_s: float = 0.0
    heat: int | None = None
    history: tuple[tuple[int, int | None], ...] = ()


def begin(rank: int, heat: int | None, now: datetime) -> Ranking:
    """An entry's first place."""
    return Ranking(rank, rank, rank, now, now, heat=heat, history=((minute(now), rank),))


def go_on(
    before: Ranking, listed: Listed, now: datetime, *, stayed: bool, longest_s: float
) -> Ranking:
    """The next place; ``stayed``: the list before this one had it too.

    At most ``longest_s`` count as spent on the list since then.
    """
    now = max(now, before.last_at)
    since_s = (now - before.last_at).total_seconds()
    history = list(before.history)
    if not stayed:
        history.append((min(minute(before.last_at) + 1, minute(now)), None))
    if not stayed or listed.rank != before.last:
        history.append((minute(now), listed.rank))
    return replace(
        before,
        best=min(before.best, listed.rank),
        last=listed.rank,
        last_at=now,
        listed_s=before.listed_s + (min(since_s, longest_s) if stayed else 0.0),
        heat=listed.heat if listed.heat is not None else before.heat,
        history=_thinned(history),
    )


def minute(instant: datetime) -> int:
    """Minutes since 1970."""
    return int(instant.timestamp() // 60)


def instant(minutes: int) -> datetime:
    """The instant that ``minute`` stands for."""
    return datetime.fromtimestamp(minutes * 60, UTC)


def _thinned(history: list[tuple[int, int | None]]) -> tuple[tuple[int, int | None], ...]:
    """At most 240 points: of the older half every other one goes, the first stays."""
    if len(history) <= POINTS:
        return tuple(history)
    half = POINTS // 2
    return (*history[:half:2], *history[half:])
