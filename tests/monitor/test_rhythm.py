"""When a source publishes: learnt from its dates, and what follows for the next look."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor import rhythm
from monitor.rhythm import Rates, Rhythm

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)  # a Thursday
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
instants = st.integers(0, 4_000_000_000).map(lambda second: datetime.fromtimestamp(second, UTC))


def watched(stamps: list[datetime], until: datetime) -> Rhythm:
    """A source of which every headline was seen as it came, over four weeks."""
    known, last = rhythm.begin(until - 28 * DAY, ()), until - 28 * DAY
    for stamp in sorted(stamps):
        known = rhythm.learn(known, stamp + MINUTE, [stamp], last)
        last = stamp + MINUTE
    return rhythm.learn(known, until, [], last)


def wait_s(known: Rhythm, now: datetime, pace: float = 0.6) -> float:
    return rhythm.wait_s(known, now, pace, 60.0, 6 * 3600.0)


def rate(known: Rhythm, at: datetime) -> float:
    """Headlines an hour."""
    return Rates(known).at(at.timestamp(), fine=False) * 3600


def test_the_hours_of_the_day_are_learnt() -> None:
    office = [NOON - at * HOUR for at in range(28 * 24) if 8 <= (NOON - at * HOUR).hour < 18]
    known = watched(office, NOON)
    assert 0.7 < rate(known, NOON) < 1.3
    assert rate(known, NOON + 12 * HOUR) < 0.1
    assert wait_s(known, NOON) < wait_s(known, NOON + 10 * HOUR) / 3


def test_the_days_of_the_week_are_learnt() -> None:
    workdays = [NOON - at * HOUR for at in range(28 * 24) if (NOON - at * HOUR).weekday() < 5]
    known = watched(workdays, NOON)
    assert rate(known, NOON + 2 * DAY) < rate(known, NOON + 1 * DAY) / 4


def test_what_comes_at_a_fixed_minute_is_looked_for_right_after_it() -> None:
    hourly = [NOON - at * HOUR + 17 * MINUTE for at in range(1, 28 * 24)]
    known = watched(hourly, NOON)
    looks, at = [], NOON
    while at < NOON + 4 * HOUR:
        at += timedelta(seconds=wait_s(known, at))
        looks.append(at)
    near = [look for look in looks if 15 <= look.minute < 25]
    assert len(near) >= 0.8 * len(looks), "of a look every minute two thirds would be in vain"
    for hour in range(4):
        news = NOON + hour * HOUR + 17 * MINUTE
        assert any(timedelta(0) <= look - news <= 4 * MINUTE for look in looks)


def test_a_first_document_is_enough_to_begin_with() -> None:
    busy = rhythm.begin(NOON, [NOON - at * 5 * MINUTE for at in range(30)])
    slow = rhythm.begin(NOON, [NOON - at * DAY for at in range(30)])
    assert busy.is_known
    assert wait_s(busy, NOON) < 900 < wait_s(slow, NOON + 3 * HOUR)
    assert not rhythm.begin(NOON, ()).is_known
    assert not rhythm.begin(NOON, [NOON + DAY, NOON - 100 * DAY]).is_known, "no such dates"


def test_a_date_that_cannot_be_counts_as_the_middle_of_the_time_since_the_last_poll() -> None:
    before = rhythm.begin(NOON, ())
    wrong_zone, none = NOON + 8 * HOUR, None
    known = rhythm.learn(before, NOON + 4 * HOUR, [wrong_zone, none], NOON)
    assert known.hours[14] == pytest.approx(2, rel=0.01)
    right = rhythm.learn(before, NOON + 4 * HOUR, [NOON + 3 * HOUR], NOON)
    assert right.hours[15] == pytest.approx(1, rel=0.01)


def test_what_was_long_ago_fades() -> None:
    known = rhythm.begin(NOON, [NOON - at * MINUTE for at in range(100)])
    later = rhythm.learn(known, NOON + 60 * DAY, [], NOON)
    assert later.count < 2
    assert rate(later, NOON) < 0.02
    assert wait_s(later, NOON + 60 * DAY) > 3 * wait_s(known, NOON)


def test_a_clock_that_is_set_back_does_no_harm() -> None:
    known = rhythm.begin(NOON, [NOON - at * MINUTE for at in range(100)])
    back = rhythm.learn(known, NOON - 10 * DAY, [NOON - 10 * DAY], NOON)
    assert back.days == known.days
    assert 60 <= wait_s(back, NOON - 10 * DAY) <= 6 * 3600


@given(
    st.lists(instants, max_size=30), instants, st.floats(1e-3, 1e3),
    st.floats(1, 3600), st.floats(3600, 86400),
)  # fmt: skip
def test_the_wait_is_within_its_bounds(
    stamps: list[datetime], now: datetime, pace: float, least_s: float, most_s: float
) -> None:
    known = rhythm.learn(rhythm.begin(now, stamps), now + HOUR, stamps[:5], now)
    assert least_s <= rhythm.wait_s(known, now, pace, least_s, most_s) <= most_s


@given(st.lists(instants, max_size=30), instants, st.floats(1e-3, 1e2))
def test_a_slower_pace_never_means_an_earlier_look(
    stamps: list[datetime], now: datetime, pace: float
) -> None:
    known = rhythm.begin(now, stamps)
    assert wait_s(known, now, pace) <= wait_s(known, now, pace * 2) + 1e-6


@given(st.lists(instants, max_size=30), instants)
def test_what_is_stored_is_what_was_learnt(stamps: list[datetime], now: datetime) -> None:
    known = rhythm.begin(now, stamps)
    again = rhythm.load(rhythm.dump(known))
    assert again is not None
    assert again.hours == pytest.approx(known.hours, abs=0.01)
    assert rhythm.dump(again) == rhythm.dump(known)


@pytest.mark.parametrize("text", [None, "", "{}", "[1]", "no JSON", "[1,2,[1],[2],[3],0,[],[]]"])
def test_what_cannot_be_read_is_learnt_anew(text: str | None) -> None:
    assert rhythm.load(text) is None


def test_the_pace_brings_requests_near_what_is_wanted() -> None:
    assert rhythm.next_pace(0.5, 2.0, 1.0) == 1.0
    assert rhythm.next_pace(0.5, 9.0, 1.0) == 1.0, "by a factor of two at most"
    assert rhythm.next_pace(0.5, 0.9, 1.0) == pytest.approx(0.45)
    assert rhythm.next_pace(0.5, 0.0, 1.0) == 0.5
