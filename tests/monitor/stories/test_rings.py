"""Rings keep the newest numbers of each key."""

from __future__ import annotations

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from monitor.stories.rings import MOST, Rings


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 90)), max_size=12))
def test_each_key_has_its_newest_numbers(puts: list[tuple[int, int]]) -> None:
    rings, told, number = Rings(4), defaultdict[int, list[int]](list), 0
    for key, count in puts:
        for _ in range(count):
            number += 1
            rings.put(key, number)
            told[key].append(number)
    for key in range(4):
        assert sorted(rings.of([key])) == told[key][-MOST:]
    assert sorted(rings.of(range(4))) == sorted(n for each in told.values() for n in each[-MOST:])
