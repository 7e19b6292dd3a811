"""What a person is asked first."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from classifiers.asking import ask_first

DAY = 86_400.0


def margins(*gaps: float, pair: tuple[int, int] = (0, 1)) -> np.ndarray:
    rows = np.full((len(gaps), 6), -1.0, dtype=np.float32)
    for row, gap in zip(rows, gaps, strict=True):
        row[pair[0]], row[pair[1]] = gap, 0
    return rows


def test_the_closest_call_comes_first() -> None:
    titles = ["央行宣布降息", "主场大胜对手", "新车今日上市"]
    assert ask_first(titles, margins(0.9, 0.01, 0.3), [0, 0, 0], 3)[0] == 1


def test_of_equals_the_newest_comes_first() -> None:
    titles = ["央行宣布降息", "主场大胜对手", "新车今日上市"]
    assert ask_first(titles, margins(0.1, 0.1, 0.1), [9 * DAY, DAY, 30 * DAY], 3) == [1, 0, 2]


def test_copies_are_asked_once_and_what_is_alike_later() -> None:
    titles = ["央行宣布降息", "央行 宣布降息！", "央行宣布降息了", "主场大胜对手"]
    found = ask_first(titles, margins(0.10, 0.10, 0.10, 0.14), [0, 0, 0, 0], 4)
    assert found == [0, 3, 2]


def test_other_confusions_get_their_turn() -> None:
    titles = ["甲乙丙丁", "子丑寅卯", "东南西北", "春夏秋冬"]
    rows = np.concatenate([margins(0.10, 0.10, 0.10), margins(0.14, pair=(2, 3))])
    assert ask_first(titles, rows, [0] * 4, 4).index(3) < 3


@given(st.lists(st.text(), max_size=12), st.integers(0, 15))
def test_any_titles_are_asked_at_most_once(titles: list[str], limit: int) -> None:
    found = ask_first(titles, margins(*[0.5] * len(titles)), [0.0] * len(titles), limit)
    assert len(found) == len(set(found)) <= min(limit, len(titles))
    assert bool(found) == bool(titles and limit)
