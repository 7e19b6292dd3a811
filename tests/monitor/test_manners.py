"""Options as people write them, and clock times on days when clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import SettingsError
from monitor.manners import (
    Cap,
    Escalation,
    House,
    Quiet,
    manners_of,
    read_options,
    read_quiet,
    read_schedule,
    write_options,
)
from monitor.types import RuleOptions

BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")
SHANGHAI = ZoneInfo("Asia/Shanghai")
ZONES = st.sampled_from(
    [BERLIN, NEW_YORK, SHANGHAI, ZoneInfo("Australia/Lord_Howe"), ZoneInfo("Asia/Kathmandu")]
)
INSTANTS = st.integers(315_532_800, 2_114_380_800).map(lambda s: datetime.fromtimestamp(s, UTC))
CLOCKS = st.integers(0, 23 * 60 + 59)


def local(zone: ZoneInfo, *parts: int, fold: int = 0) -> datetime:
    return datetime(*parts, tzinfo=zone, fold=fold).astimezone(UTC)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("text", "now", "then"),
    [
        ("daily@08:00", (2026, 3, 28, 9, 0), (2026, 3, 29, 8, 0)),  # clocks go forward at 2:00
        ("daily@08:00", (2026, 10, 24, 9, 0), (2026, 10, 25, 8, 0)),  # and back at 3:00
        ("daily@8:00", (2026, 1, 1, 7, 59), (2026, 1, 1, 8, 0)),
        ("daily@08:00", (2026, 1, 1, 8, 0), (2026, 1, 2, 8, 0)),
        ("daily@00:00", (2028, 2, 28, 12, 0), (2028, 2, 29, 0, 0)),
        ("weekly@mon 08:00", (2026, 3, 23, 8, 0), (2026, 3, 30, 8, 0)),
        ("Weekly@Sunday 23:30", (2026, 3, 23, 8, 0), (2026, 3, 29, 23, 30)),
        ("hourly", (2026, 3, 23, 8, 0), (2026, 3, 23, 9, 0)),
        ("hourly", (2026, 3, 29, 1, 59), (2026, 3, 29, 3, 0)),
    ],
)
def test_a_digest_leaves_at_its_clock_time(
    text: str, now: tuple[int, ...], then: tuple[int, ...]
) -> None:
    at = read_schedule(text).next_after(local(BERLIN, *now), BERLIN)
    assert at == local(BERLIN, *then)


def test_a_time_that_is_skipped_is_when_clocks_go_forward() -> None:
    at = read_schedule("daily@02:30").next_after(local(BERLIN, 2026, 3, 28, 12), BERLIN)
    assert at == datetime(2026, 3, 29, 1, tzinfo=UTC)


def test_a_time_that_comes_twice_is_used_once() -> None:
    schedule = read_schedule("daily@01:30")
    first = schedule.next_after(local(NEW_YORK, 2026, 11, 1, 0, 0), NEW_YORK)
    assert first == local(NEW_YORK, 2026, 11, 1, 1, 30)
    assert schedule.next_after(first, NEW_YORK) == local(NEW_YORK, 2026, 11, 2, 1, 30)


@given(INSTANTS, ZONES, CLOCKS, st.one_of(st.none(), st.integers(0, 6)))
def test_schedules_never_stick_and_skip_no_day(
    now: datetime, zone: ZoneInfo, minute: int, weekday: int | None
) -> None:
    day = "daily" if weekday is None else "weekly"
    name = "" if weekday is None else ("mon", "tue", "wed", "thu", "fri", "sat", "sun")[weekday]
    schedule = read_schedule(f"{day}@{name} {minute // 60:02}:{minute % 60:02}".replace("@ ", "@"))
    at = schedule.next_after(now, zone)
    longest = timedelta(days=1 if weekday is None else 7, hours=3)
    assert now < at <= now + longest
    assert timedelta(0) < schedule.next_after(at, zone) - at <= longest


@given(INSTANTS, ZONES)
def test_every_hour_means_within_an_hour(now: datetime, zone: ZoneInfo) -> None:
    at = read_schedule("hourly").next_after(now, zone)
    assert now < at <= now + timedelta(hours=1)


@pytest.mark.parametrize(
    ("text", "zone", "now", "end"),
    [
        ("22:00-07:00", SHANGHAI, (2026, 1, 1, 22, 0), (2026, 1, 2, 7, 0)),
        ("22:00-07:00", SHANGHAI, (2026, 1, 2, 6, 59), (2026, 1, 2, 7, 0)),
        ("22:00-07:00", SHANGHAI, (1991, 4, 13, 23, 0), (1991, 4, 14, 7, 0)),  # summer time
        ("22:00-07:00", SHANGHAI, (1991, 9, 14, 23, 0), (1991, 9, 15, 7, 0)),
        ("22:00-07:00", BERLIN, (2026, 3, 28, 23, 0), (2026, 3, 29, 7, 0)),
        ("22:00-07:00", BERLIN, (2026, 10, 24, 23, 0), (2026, 10, 25, 7, 0)),
        ("12:00-13:30", NEW_YORK, (2028, 2, 29, 12, 0), (2028, 2, 29, 13, 30)),
        ("22:00-07:00", SHANGHAI, (2026, 1, 2, 7, 0), None),
        ("22:00-07:00", SHANGHAI, (2026, 1, 2, 21, 59), None),
        ("12:00-13:30", NEW_YORK, (2026, 1, 2, 13, 30), None),
    ],
)
def test_hostile_09_quiet_hours_end_when_the_clock_says_so(
    text: str, zone: ZoneInfo, now: tuple[int, ...], end: tuple[int, ...] | None
) -> None:
    quiet = read_quiet(text)
    assert quiet is not None
    found = quiet.until(local(zone, *now), zone)
    assert found == (local(zone, *end) if end else None)


def test_hostile_09_quiet_hours_in_an_hour_that_comes_twice_end_both_times() -> None:
    quiet = read_quiet("22:00-01:30")
    assert quiet is not None
    for fold in (0, 1):
        now = local(NEW_YORK, 2026, 11, 1, 1, 20, fold=fold)
        assert quiet.until(now, NEW_YORK) == local(NEW_YORK, 2026, 11, 1, 1, 30, fold=fold)


@given(INSTANTS, ZONES, CLOCKS, CLOCKS)
def test_quiet_hours_are_always_left_within_a_day(
    now: datetime, zone: ZoneInfo, start: int, end: int
) -> None:
    if start == end:
        return
    quiet = Quiet(start, end)
    until = quiet.until(now, zone)
    if until is not None:
        assert now < until <= now + timedelta(hours=27)
        # Where clocks go back right at the end it may begin once more, and then ends.
        again = quiet.until(until, zone)
        assert again is None or quiet.until(again, zone) is None


def test_options_are_read_and_written_alike() -> None:
    table: dict[str, object] = {
        "mode": "digest",
        "digest": "weekly@mon 08:00",
        "urgent": True,
        "quiet": "off",
        "caps": ["10/minute", "60/hour"],
        "cooldown": "6h",
        "later": "digest",
        "escalate": "portals>=5",
        "top": 7,
    }
    written = read_options(table, "rules.rates")
    assert written == RuleOptions(
        "digest", "weekly@mon 08:00", True, "off", ("10/minute", "60/hour"), 21600.0,
        "digest", "portals>=5", 7,
    )  # fmt: skip
    assert write_options(written) == {**table, "cooldown": 21600.0}
    assert write_options(RuleOptions()) == {}
    manners = manners_of(written, House(quiet=Quiet(0, 60)))
    assert manners.caps == (Cap(10, 60), Cap(60, 3600))
    assert manners.escalation == Escalation("portals", 5.0)
    assert manners.quiet is None
    assert manners_of(RuleOptions(), House(quiet=Quiet(0, 60))).quiet == Quiet(0, 60)


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("mode", "later", "now or digest or none"),
        ("digest", "daily", "daily@08:00"),
        ("digest", "daily@24:00", "daily@08:00"),
        ("digest", "weekly@08:00", "weekly@mon 08:00"),
        ("digest", "weekly@xyz 08:00", "weekly@mon 08:00"),
        ("quiet", "22-7", "22:00-07:00"),
        ("quiet", "07:00-07:00", "none"),
        ("caps", ["5"], "60/hour"),
        ("caps", ["0/hour"], "60/hour"),
        ("caps", ["5/week"], "60/hour"),
        ("escalate", "portals>5", "portals>=5"),
        ("escalate", "votes>=5", "portals>=5"),
        ("top", 0, "1 to 100"),
        ("cooldown", "soon", "duration"),
        ("urgnt", True, "urgent"),
    ],
)
def test_what_cannot_be_read_names_the_place_and_what_was_expected(
    key: str, value: Any, expected: str
) -> None:
    with pytest.raises(SettingsError) as error:
        read_options({key: value}, "rules.rates")
    assert "rules.rates" in str(error.value)
    assert expected in str(error.value)
