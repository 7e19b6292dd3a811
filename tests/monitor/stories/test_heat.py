"""Hotness: what warms a story, how it cools, and when it bursts."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.stories import heat
from monitor.stories.heat import Newcomer, Story

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def newcomer(portal: str = "a", rank: int | None = None, at: datetime = NOW) -> Newcomer:
    return Newcomer(1, "title", "", portal, "world", rank, at)


def told(*joins: tuple[str, datetime], rank: int | None = None) -> Story:
    story = heat.begin(newcomer(joins[0][0], rank, joins[0][1]))
    for portal, at in joins[1:]:
        story = heat.join(story, newcomer(portal, rank, at))
    return story


def test_the_documented_weights() -> None:
    one = told(("a", NOW))
    assert heat.heat(one.hot, NOW) == pytest.approx(1)
    assert heat.heat(heat.join(one, newcomer("b")).hot, NOW) == pytest.approx(1 + 1.25)
    assert heat.heat(heat.join(one, newcomer("a")).hot, NOW) == pytest.approx(1.25)
    ranked = told(("a", NOW), rank=4)
    assert heat.heat(ranked.hot, NOW) == pytest.approx(1 + 1)
    better = heat.join(ranked, newcomer("a", rank=1))
    assert heat.heat(better.hot, NOW) == pytest.approx(2 + 0.25 + 1)
    assert (better.portals, better.best_rank) == (1, 1)


def test_a_climb_weighs_what_the_better_place_weighs_more() -> None:
    low = told(("a", NOW), ("b", NOW), rank=16)
    high = heat.climb(low, "b", 1, NOW + 6 * HOUR)
    at = NOW + 6 * HOUR
    assert heat.heat(high.hot, at) == pytest.approx(heat.heat(low.hot, at) + 2 - 0.5)
    assert (high.best_rank, [each.rank for each in high.joined]) == (1, [16, 1])
    for portal, rank in (("b", 1), ("b", 20), ("unknown", 1)):
        assert heat.climb(high, portal, rank, at) is high


def test_heat_halves_in_six_hours() -> None:
    story = told(("a", NOW), ("b", NOW))
    ratio = heat.heat(story.hot, NOW + 6 * HOUR) / heat.heat(story.hot, NOW)
    assert ratio == pytest.approx(0.5)


@given(st.lists(st.floats(0, 1e6), min_size=2, max_size=6), st.floats(0, 1e6), st.floats(0, 1e6))
def test_the_order_of_heat_is_the_same_at_any_time(
    ages: list[float], one_s: float, other_s: float
) -> None:
    hots = [told(("a", NOW - timedelta(seconds=age))).hot for age in ages]
    times = [NOW + timedelta(seconds=seconds) for seconds in (one_s, other_s)]
    ranked = [sorted(hots, key=lambda hot: heat.heat(hot, at), reverse=True) for at in times]
    assert ranked[0] == pytest.approx(ranked[1])


def test_a_burst_is_three_portals_an_hour_and_faster_than_usual() -> None:
    fast = told(*((name, NOW) for name in "abcd"))
    assert heat.burst(fast, 2.0, NOW) == pytest.approx(2)
    assert heat.burst(fast, 5.0, NOW) == 0
    assert heat.burst(fast, 2.0, NOW + 2 * HOUR) == 0
    assert heat.burst(told(("a", NOW), ("b", NOW)), 1.0, NOW) == 0
    slow = told(*((name, NOW + at * HOUR) for at, name in enumerate("abcd")))
    assert heat.burst(slow, 1.0, NOW + 3 * HOUR) == 0
    assert (slow.peak, fast.peak) == (1, 4)


def test_two_stories_made_one_keep_every_portal_once() -> None:
    one = told(("a", NOW), ("b", NOW + HOUR))
    other = replace(told(("b", NOW), ("c", NOW + 2 * HOUR)), id=9)
    both = heat.unite(one, other)
    assert (both.id, both.portals, both.entries) == (1, 3, 4)
    assert {each.portal: each.at for each in both.joined}["b"] == NOW
    at = NOW + 2 * HOUR
    total = heat.heat(one.hot, at) + heat.heat(other.hot, at)
    assert heat.heat(both.hot, at) == pytest.approx(total)


def test_a_story_of_many_portals_stays_bounded() -> None:
    story = told(*((str(number), NOW) for number in range(heat.JOINS_KEPT + 50)))
    assert len(story.joined) == heat.JOINS_KEPT
    assert story.portals == heat.JOINS_KEPT + 50
    assert math.isfinite(story.hot)
