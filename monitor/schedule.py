"""When a source is asked next. Pure: instants are aware UTC, so summer time cannot matter."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor import rhythm
from monitor.rhythm import Rhythm

DEFAULT_INTERVAL_S = 15 * 60.0
MAX_BACKOFF_S = 24 * 3600.0
MAX_HINT_S = 3600.0
_JITTER = 0.1
_BACKOFF_JITTER = 0.25
_LATER_S = 20.0
_LATER = 0.05


@dataclass(frozen=True, slots=True)
class Timing:
    """How sources whose interval the user did not choose are timed.

    ``interval_s`` is what all of them come to on average. While ``adaptive``, each waits by
    its rhythm and the ``pace`` that all share, between ``least_s`` and ``most_s``.
    """

    interval_s: float = DEFAULT_INTERVAL_S
    adaptive: bool = True
    least_s: float = 60.0
    most_s: float = 6 * 3600.0
    pace: float = 0.6

    def follows(self, interval_s: float, known: Rhythm | None) -> bool:
        """Whether a source of that interval waits by its rhythm."""
        chosen = interval_s != self.interval_s
        return self.adaptive and not chosen and known is not None and known.is_known


def chosen_s(seconds: float) -> float:
    """An interval that a person chose, as it is stored: never quite one of the settings, whose
    sources are timed by their rhythm and follow the settings when these change."""
    return seconds * (1 - 1e-9)


def backoff_s(failures: int, interval_s: float, jitter: float) -> float:
    """The wait after ``failures`` (1 or more) in a row: the interval, doubled each time.

    ``jitter`` in [0, 1) takes up to a quarter off. At most 24 h, or the interval where that is
    longer: it never stops asking.
    """
    doubled_s = interval_s * 2.0 ** min(failures - 1, 40)
    longest_s = max(MAX_BACKOFF_S, interval_s)
    return min(doubled_s, longest_s) * (1 - _BACKOFF_JITTER * jitter)


def next_fetch_at(
    now: datetime,
    *,
    interval_s: float,
    failures: int,
    jitter: float,
    retry_after_s: float | None = None,
    max_age_s: float | None = None,
    known: Rhythm | None = None,
    timing: Timing | None = None,
) -> datetime:
    """The next due time after a poll that ended at ``now``.

    ``failures`` counts those in a row, this one included; 0 is success. After success it is the
    interval, up to a tenth early by ``jitter`` in [0, 1), or what the source's rhythm asks for.
    ``max_age_s`` (HTTP) and the feed's ttl can only lengthen it, by an hour at most, and hours
    and days that the feed says to skip are skipped, but only where the interval is the default
    one: a user who chose an interval gets it. ``retry_after_s`` is kept up to 24 h, never early.
    """
    timing = timing or Timing()
    skips: tuple[Collection[int], Collection[int]] = (), ()
    if failures > 0:
        delay_s = backoff_s(failures, interval_s, jitter)
    elif interval_s != timing.interval_s:
        delay_s = interval_s * (1 - _JITTER * jitter)
    else:
        delay_s = _wait_s(now, known, timing, jitter)
        hint_s = max(max_age_s or 0.0, known.ttl_s if known else 0.0)
        delay_s = max(delay_s, min(hint_s, interval_s + MAX_HINT_S))
        skips = (known.skip_hours, known.skip_weekdays) if known else skips
    if retry_after_s is not None:
        delay_s = max(delay_s, min(retry_after_s, MAX_BACKOFF_S) * (1 + _JITTER * jitter))
    return _skip(now + timedelta(seconds=delay_s), *skips)


def _wait_s(now: datetime, known: Rhythm | None, timing: Timing, jitter: float) -> float:
    if known is None or not timing.follows(timing.interval_s, known):
        return timing.interval_s * (1 - _JITTER * jitter)
    wait_s = rhythm.wait_s(known, now, timing.pace, timing.least_s, timing.most_s)
    # Later, not earlier: a moment before the news is a request for nothing.
    return wait_s + min(_LATER * wait_s, _LATER_S) * jitter


def _skip(due_at: datetime, hours: Collection[int], weekdays: Collection[int]) -> datetime:
    """The first instant from ``due_at`` on that is not to be skipped, a day later at most."""
    if not hours and not weekdays:
        return due_at
    for ahead in range(25):
        at = due_at + timedelta(hours=ahead)
        if at.hour not in hours and at.weekday() not in weekdays:
            return at if not ahead else at.replace(minute=due_at.minute // 4)
    return due_at + timedelta(days=1)


def horizon_s(interval_s: float, failures: int, wait_s: float | None = None) -> float:
    """The furthest ahead that ``next_fetch_at`` can lie for such a source."""
    longest_s = max(interval_s + MAX_HINT_S, wait_s or 0.0)
    return max(longest_s, MAX_BACKOFF_S * (1 + _JITTER)) if failures > 0 else longest_s


def is_due(
    now: datetime,
    due_at: datetime,
    *,
    interval_s: float,
    failures: int,
    wait_s: float | None = None,
) -> bool:
    """Whether a source is due: its time has come, or lies further ahead than any plan could
    have put it, which means that the clock was set back. ``wait_s`` is the wait planned last.
    """
    ahead = due_at - now
    return due_at <= now or ahead > timedelta(seconds=horizon_s(interval_s, failures, wait_s))
