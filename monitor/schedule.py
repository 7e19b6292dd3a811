"""When a source is asked next. Pure: instants are aware UTC, so summer time cannot matter."""

from __future__ import annotations

from datetime import datetime, timedelta

DEFAULT_INTERVAL_S = 15 * 60.0
MAX_BACKOFF_S = 24 * 3600.0
MAX_HINT_S = 3600.0
_JITTER = 0.1
_BACKOFF_JITTER = 0.25


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
    ttl_s: float | None = None,
    default_interval_s: float = DEFAULT_INTERVAL_S,
) -> datetime:
    """The next due time after a poll that ended at ``now``.

    ``failures`` counts those in a row, this one included; 0 is success. After success it is the
    interval, up to a tenth early by ``jitter`` in [0, 1). ``max_age_s`` (HTTP) and ``ttl_s`` (the
    feed) can only lengthen it, by an hour at most, and only where the interval is the default
    one: a user who chose an interval gets it. ``retry_after_s`` is kept up to 24 h, never early.
    """
    if failures > 0:
        delay_s = backoff_s(failures, interval_s, jitter)
    else:
        delay_s = interval_s * (1 - _JITTER * jitter)
        if interval_s == default_interval_s:
            hint_s = max(max_age_s or 0.0, ttl_s or 0.0)
            delay_s = max(delay_s, min(hint_s, interval_s + MAX_HINT_S))
    if retry_after_s is not None:
        delay_s = max(delay_s, min(retry_after_s, MAX_BACKOFF_S) * (1 + _JITTER * jitter))
    return now + timedelta(seconds=delay_s)


def horizon_s(interval_s: float, failures: int) -> float:
    """The furthest ahead that ``next_fetch_at`` can lie for such a source."""
    longest_s = interval_s + MAX_HINT_S
    return max(longest_s, MAX_BACKOFF_S * (1 + _JITTER)) if failures > 0 else longest_s


def is_due(now: datetime, due_at: datetime, *, interval_s: float, failures: int) -> bool:
    """Whether a source is due: its time has come, or lies further ahead than any plan could
    have put it, which means that the clock was set back.
    """
    return due_at <= now or due_at - now > timedelta(seconds=horizon_s(interval_s, failures))
