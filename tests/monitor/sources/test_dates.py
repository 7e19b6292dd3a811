"""Instants in the spellings that feeds use."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.sources.dates import from_epoch, parse_date

NOON = datetime(2025, 11, 13, 3, 39, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "Thu, 13 Nov 2025 03:39:00 GMT",
        "Thu, 13 Nov 2025 11:39:00 +0800",
        "Thu, 13 Nov 2025 11:39 +08:00",
        "13 Nov 2025 03:39:00 UT",
        "13 Nov 25 03:39 Z",
        "Wed, 12 Nov 2025 22:39:00 EST",
        "Thursday, 13-Nov-2025 03:39:00 GMT",
        "Xxx, 13 November 2025 03:39:00 NOWHERE",
        "2025-11-13T03:39:00Z",
        "2025-11-13T11:39:00+08:00",
        "2025-11-13T11:39:00.000+0800",
        "2025-11-13 03:39:00",
        "2025-11-13T03:39",
        "2025/11/13 03:39:00",
        "2025-11-13 11:39:00 +0800",
        "20251113T033900Z",
        "20251113033900",
        "2025年11月13日 11:39",
        "2025年11月13日11时39分00秒",
        "2025年11月13日 星期四 上午11:39",
        "1763005140",
        "1763005140000",
        "Nov 13, 2025 3:39 AM",
        "November 13, 2025 03:39:00",
        "Thu Nov 13 03:39:00 2025",
        "  Thu, 13 Nov 2025 03:39:00 GMT\n",
    ],
)
def test_one_instant_in_many_spellings(text: str) -> None:
    assert parse_date(text) == NOON


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-11-13", datetime(2025, 11, 13, tzinfo=UTC)),
        ("2025-11", datetime(2025, 11, 1, tzinfo=UTC)),
        ("13 Nov 2025", datetime(2025, 11, 13, tzinfo=UTC)),
        ("2025年11月13日", datetime(2025, 11, 12, 16, tzinfo=UTC)),
        ("2025年11月13日 下午3:05", datetime(2025, 11, 13, 7, 5, tzinfo=UTC)),
        ("2025-11-13T24:00:00Z", datetime(2025, 11, 14, tzinfo=UTC)),
        ("2024-02-29T23:59:60Z", datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC)),
        ("Fri, 13 Nov 98 12:00:00 GMT", datetime(1998, 11, 13, 12, tzinfo=UTC)),
        ("Thu, 13 Nov 2025 12:00:00 +9999", datetime(2025, 11, 13, 12, tzinfo=UTC)),
    ],
)
def test_parts_may_be_missing_or_odd(text: str, expected: datetime) -> None:
    assert parse_date(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "0001-01-01T00:00:00Z", "1970-01-01", "9999-12-31", "2025-13-01", "0",
     "2025-02-30", "Thu, 32 Nov 2025 00:00:00 GMT", "13 Foo 2025", "99999999999999999999"],
)  # fmt: skip
def test_what_cannot_be_true_is_none(text: str) -> None:
    assert parse_date(text) is None


@given(st.text(max_size=120))
def test_any_text_gives_an_aware_instant_or_none(text: str) -> None:
    found = parse_date(text)
    assert found is None or found.utcoffset() is not None


@given(st.integers(631_200_000, 4_100_000_000), st.integers(-14 * 4, 14 * 4))
def test_iso_instants_survive(seconds: int, quarters: int) -> None:
    zone = timezone(timedelta(minutes=15 * quarters))
    instant = datetime.fromtimestamp(seconds, zone)
    assert parse_date(instant.isoformat()) == instant


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_any_number_gives_an_instant_or_none(seconds: float) -> None:
    found = from_epoch(seconds)
    assert found is None or 1990 <= found.year < 2100
