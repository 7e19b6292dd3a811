"""The way of a headline through a ranked list."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from monitor.ranking import POINTS, Listed, Ranking, begin, go_on, instant, minute

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY_S = 86_400.0


def after(before: Ranking, rank: int, hours: int, *, stayed: bool = True) -> Ranking:
    return go_on(
        before, Listed(1, rank), before.last_at + hours * HOUR, stayed=stayed, longest_s=DAY_S
    )


def test_first_best_last_and_the_time_on_the_list() -> None:
    way = after(after(begin(20, 5, NOW), 3, 1), 7, 2)
    assert (way.first, way.best, way.last) == (20, 3, 7)
    assert (way.first_at, way.last_at) == (NOW, NOW + 3 * HOUR)
    assert way.listed_s == 3 * 3600
    assert way.heat == 5
    assert way.history == tuple(
        (minute(NOW + hours * HOUR), rank) for hours, rank in ((0, 20), (1, 3), (3, 7))
    )


def test_absence_does_not_count_and_leaves_a_gap() -> None:
    way = after(after(begin(9, None, NOW), 9, 1), 4, 5, stayed=False)
    assert way.listed_s == 3600
    assert [rank for _, rank in way.history] == [9, None, 4]
    assert [instant(at) for at, _ in way.history] == [
        NOW, NOW + HOUR + timedelta(minutes=1), NOW + 6 * HOUR,
    ]  # fmt: skip


def test_a_long_silence_of_ours_counts_for_little() -> None:
    assert after(begin(9, None, NOW), 9, 1000).listed_s == DAY_S


def test_a_clock_set_back_takes_nothing_away() -> None:
    before = after(begin(9, None, NOW), 9, 3)
    way = after(before, 9, -2)
    assert (way.listed_s, way.last_at) == (before.listed_s, before.last_at)


@given(
    st.lists(st.tuples(st.integers(1, 50), st.integers(0, 3), st.booleans()), max_size=700),
    st.integers(1, 50),
)
def test_the_history_stays_short_and_true(steps: list[tuple[int, int, bool]], first: int) -> None:
    way = begin(first, None, NOW)
    for rank, hours, stayed in steps:
        way = after(way, rank, hours, stayed=stayed)
    ranks = [first, *(rank for rank, _, _ in steps)]
    assert (way.first, way.best, way.last) == (first, min(ranks), ranks[-1])
    assert len(way.history) <= POINTS
    assert way.history[0] == (minute(NOW), first)
    assert way.history[-1][1] == ranks[-1]
    assert [at for at, _ in way.history] == sorted(at for at, _ in way.history)
