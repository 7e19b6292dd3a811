"""When a source is asked next: a fixed clock, and properties over all of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.rhythm import Rhythm, begin
from monitor.schedule import (
    DEFAULT_INTERVAL_S,
    MAX_BACKOFF_S,
    MAX_HINT_S,
    Timing,
    backoff_s,
    horizon_s,
    is_due,
    next_fetch_at,
)

NOW = datetime(2026, 3, 29, 0, 50, tzinfo=UTC)
DAY_S = 24 * 3600.0

jitters = st.floats(0, 1, exclude_max=True)
intervals = st.floats(30, 14 * DAY_S)
counts = st.integers(0, 2_000)
hints = st.none() | st.floats(0, 1e9)
instants = st.integers(0, 4_000_000_000).map(lambda second: datetime.fromtimestamp(second, UTC))


def asking(**wishes: object) -> Rhythm:
    """A source of which nothing is known but what its document asks for."""
    return replace(begin(NOW, ()), **wishes)  # type: ignore[arg-type]


def delay_s(now: datetime = NOW, **arguments: object) -> float:
    plan = {"interval_s": DEFAULT_INTERVAL_S, "failures": 0, "jitter": 0.0, **arguments}
    return (next_fetch_at(now, **plan) - now).total_seconds()  # type: ignore[arg-type]


def test_a_success_waits_for_the_interval_or_a_little_less() -> None:
    assert delay_s() == 900
    assert delay_s(jitter=0.5) == 855
    assert delay_s(interval_s=60.0) == 60


def test_hostile_21_failures_back_off_to_a_day_and_never_stop() -> None:
    waits = [delay_s(failures=count) / 60 for count in range(1, 11)]
    assert waits == [15, 30, 60, 120, 240, 480, 960, 1440, 1440, 1440]
    assert delay_s(failures=10**6) == DAY_S
    assert delay_s(failures=0) == 900


def test_hostile_21_retry_after_is_kept_and_at_most_a_day() -> None:
    assert delay_s(failures=1, retry_after_s=3_600) == 3_600
    assert delay_s(failures=1, retry_after_s=10**9) == DAY_S
    assert delay_s(failures=1, retry_after_s=0) == 900
    assert delay_s(failures=8, retry_after_s=60) == DAY_S


def test_hints_lengthen_the_default_interval_by_an_hour_at_most() -> None:
    assert delay_s(max_age_s=1_800) == 1_800
    assert delay_s(known=asking(ttl_s=3_600.0), max_age_s=60) == 3_600
    assert delay_s(max_age_s=60) == 900
    assert delay_s(known=asking(ttl_s=DAY_S)) == 900 + MAX_HINT_S
    every_ten = Timing(interval_s=600.0)
    assert delay_s(interval_s=600.0, known=asking(ttl_s=3_600.0), timing=every_ten) == 3_600


def test_hints_do_not_touch_an_interval_that_the_user_chose() -> None:
    asks = asking(ttl_s=3_600.0, skip_hours=(0,), skip_weekdays=(6,))
    assert delay_s(interval_s=120.0, known=asks, max_age_s=3_600) == 120
    assert delay_s(interval_s=2 * DAY_S, failures=3) == 2 * DAY_S


@given(instants, intervals, counts, jitters, hints, hints, hints)
def test_the_next_time_lies_ahead_and_within_the_horizon(
    now: datetime,
    interval_s: float,
    failures: int,
    jitter: float,
    retry_after_s: float | None,
    max_age_s: float | None,
    ttl_s: float | None,
) -> None:
    known = asking(ttl_s=ttl_s or 0.0)
    due_at = next_fetch_at(
        now,
        interval_s=interval_s,
        failures=failures,
        jitter=jitter,
        retry_after_s=retry_after_s if failures else None,
        max_age_s=max_age_s,
        known=known,
    )
    assert due_at.tzinfo is UTC
    ahead_s = (due_at - now).total_seconds()
    assert 0 < ahead_s <= max(1.1 * MAX_BACKOFF_S, interval_s + MAX_HINT_S)
    assert ahead_s <= horizon_s(interval_s, failures)
    assert not is_due(now, due_at, interval_s=interval_s, failures=failures)
    assert is_due(due_at, due_at, interval_s=interval_s, failures=failures)


@given(intervals, st.integers(1, 2_000), jitters)
def test_more_failures_never_mean_a_shorter_wait(
    interval_s: float, failures: int, jitter: float
) -> None:
    shorter = backoff_s(failures, interval_s, jitter)
    assert shorter <= backoff_s(failures + 1, interval_s, jitter) <= max(MAX_BACKOFF_S, interval_s)


@given(st.floats(0, MAX_BACKOFF_S), intervals, jitters)
def test_retry_after_is_never_early(wanted_s: float, interval_s: float, jitter: float) -> None:
    due_at = next_fetch_at(
        NOW, interval_s=interval_s, failures=1, jitter=jitter, retry_after_s=wanted_s
    )
    assert due_at >= NOW + timedelta(seconds=wanted_s)


@pytest.mark.parametrize(
    ("zone", "moment"),
    [
        ("Europe/Berlin", datetime(2026, 3, 29, 0, 50, tzinfo=UTC)),  # forward at 01:00 UTC
        ("Europe/Berlin", datetime(2026, 10, 25, 0, 50, tzinfo=UTC)),  # back at 01:00 UTC
        ("America/New_York", datetime(2026, 3, 8, 6, 50, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 11, 1, 5, 50, tzinfo=UTC)),
        ("Asia/Shanghai", datetime(1991, 9, 14, 16, 50, tzinfo=UTC)),
        ("UTC", datetime(2028, 2, 29, 23, 50, tzinfo=UTC)),
    ],
)
def test_summer_time_and_leap_days_do_not_matter(zone: str, moment: datetime) -> None:
    """The wall clock's jump inside the interval leaves 900 elapsed seconds 900 seconds."""
    local = moment.astimezone(ZoneInfo(zone))
    due_at = next_fetch_at(
        local.astimezone(UTC), interval_s=DEFAULT_INTERVAL_S, failures=0, jitter=0.0
    )
    assert due_at.timestamp() - local.timestamp() == 900
    assert not is_due(due_at - timedelta(seconds=1), due_at, interval_s=900.0, failures=0)
    rendered = due_at.astimezone(ZoneInfo(zone))
    assert is_due(rendered.astimezone(UTC), due_at, interval_s=900.0, failures=0)


@pytest.mark.parametrize("jump_s", [-DAY_S, -7 * DAY_S, -3_600 * 3])
def test_a_clock_that_is_set_back_leaves_no_source_stuck(jump_s: float) -> None:
    due_at = next_fetch_at(NOW, interval_s=900.0, failures=0, jitter=0.0)
    after_jump = NOW + timedelta(seconds=jump_s)
    assert is_due(after_jump, due_at, interval_s=900.0, failures=0)
    again_at = next_fetch_at(after_jump, interval_s=900.0, failures=0, jitter=0.0)
    assert not is_due(after_jump, again_at, interval_s=900.0, failures=0)


@pytest.mark.parametrize("jump_s", [3_600, DAY_S, 30 * DAY_S])
def test_a_clock_that_is_set_forward_causes_one_extra_poll(jump_s: float) -> None:
    due_at = next_fetch_at(NOW, interval_s=900.0, failures=0, jitter=0.0)
    after_jump = NOW + timedelta(seconds=jump_s)
    assert is_due(after_jump, due_at, interval_s=900.0, failures=0)
    again_at = next_fetch_at(after_jump, interval_s=900.0, failures=0, jitter=0.0)
    assert not is_due(after_jump, again_at, interval_s=900.0, failures=0)


def test_a_failing_source_may_wait_a_day_but_not_two() -> None:
    due_at = next_fetch_at(NOW, interval_s=900.0, failures=20, jitter=0.0)
    assert not is_due(NOW, due_at, interval_s=900.0, failures=20)
    assert is_due(NOW - timedelta(days=1), due_at, interval_s=900.0, failures=20)


def test_hours_and_days_that_a_feed_skips_are_skipped() -> None:
    """NOW is Sunday, ten minutes to one."""
    night = asking(skip_hours=(0, 1, 2, 3))
    assert 3 * 3_600 < delay_s(known=night) <= 4 * 3_600
    assert delay_s(now=NOW + timedelta(hours=4), known=night) == 900
    late_on_friday = datetime(2026, 3, 27, 23, 50, tzinfo=UTC)
    weekend = asking(skip_weekdays=(5, 6))
    assert delay_s(now=late_on_friday, known=weekend) == 900 + DAY_S, "once a day all the same"
    assert delay_s(known=asking(skip_hours=tuple(range(24)))) == 900 + DAY_S


def test_a_source_with_a_rhythm_waits_by_it_and_a_little_later() -> None:
    every_minute = begin(NOW, [NOW - timedelta(seconds=20 * at) for at in range(9_000)])
    assert delay_s(known=every_minute) == 60
    assert 60 < delay_s(known=every_minute, jitter=0.9) <= 63
    fixed = Timing(adaptive=False)
    assert delay_s(known=every_minute, timing=fixed) == 900
    assert delay_s(known=every_minute, interval_s=3_600.0) == 3_600, "the user's own interval"
    silent = begin(NOW, [NOW - timedelta(days=20)])
    assert delay_s(known=silent) == Timing().most_s
    assert not is_due(
        NOW, NOW + timedelta(hours=6), interval_s=900.0, failures=0, wait_s=Timing().most_s
    )
