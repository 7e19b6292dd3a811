"""When something is done by a person's clock."""

from __future__ import annotations

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.timetable import Timetable, parse

BERLIN, SHANGHAI = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Shanghai")


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


def test_what_is_written_is_read() -> None:
    assert parse("off") is None
    assert parse("daily@04:30") == Timetable(time(4, 30))
    assert parse("Sunday@23:59") == Timetable(time(23, 59), 6)


@pytest.mark.parametrize("text", ["", "weekly", "daily@4:00", "daily@24:00", "sun@04:00"])
def test_what_is_no_timetable_is_refused_with_the_way_out(text: str) -> None:
    with pytest.raises(ValueError, match="'sunday@04:00' is expected"):
        parse(text)


def test_the_next_time_is_by_the_users_clock() -> None:
    daily, sunday = Timetable(time(4)), Timetable(time(4), 6)
    thursday = utc(2026, 11, 26, 12)
    assert daily.after(thursday, SHANGHAI) == utc(2026, 11, 26, 20)
    assert daily.after(utc(2026, 11, 26, 20), SHANGHAI) == utc(2026, 11, 27, 20)
    assert sunday.after(thursday, SHANGHAI) == utc(2026, 11, 28, 20)


def test_summer_time_begins_and_ends() -> None:
    half_past_two = Timetable(time(2, 30))
    assert half_past_two.after(utc(2026, 3, 28, 22), BERLIN) == utc(2026, 3, 29, 1, 30)
    assert half_past_two.after(utc(2026, 10, 24, 22), BERLIN) == utc(2026, 10, 25, 0, 30)
    assert half_past_two.after(utc(2026, 10, 25, 0, 30), BERLIN) == utc(2026, 10, 26, 1, 30)


@given(
    st.integers(1_500_000_000, 2_200_000_000).map(lambda at: datetime.fromtimestamp(at, UTC)),
    st.times(timezones=st.none()),
    st.none() | st.integers(0, 6),
    st.sampled_from([BERLIN, SHANGHAI, ZoneInfo("Pacific/Apia"), ZoneInfo("America/St_Johns")]),
)
def test_it_always_comes_later_and_within_eight_days(
    now: datetime, at: time, day: int | None, zone: ZoneInfo
) -> None:
    found = Timetable(at, day).after(now, zone)
    assert 0 < (found - now).total_seconds() < 8.1 * 86_400
