"""The window finds what shares rare grams, and forgets what is old."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.stories import compiled
from monitor.stories.compare import compare
from monitor.stories.compiled import CompiledWindow, Library, new_window
from monitor.stories.window import BUCKETS, NONE, Batch, Window
from monitor.stories.wording import grams, link_gram

Make = Callable[[int], Window | CompiledWindow]
TITLE = "四川芦山县发生4.1级地震，震源深度12千米"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """Built from the source as it stands, whatever the installation has."""
    path = tmp_path_factory.mktemp("window") / "window.so"
    assert compiled.CODE.build(path) == ""
    return compiled.load(path)


@pytest.fixture(params=["python", "compiled"])
def make(request: pytest.FixtureRequest, library: Library) -> Make:
    return Window if request.param == "python" else partial(CompiledWindow, library)


def filled(make: Make, count: int) -> Window | CompiledWindow:
    window = make(10_000)
    for number in range(1, count + 1):
        window.add(number, number, grams(f"第{number}届某某展览会{number * 7}在某地开幕"))
    return window


def test_a_copy_is_found_among_many(make: Make) -> None:
    window = filled(make, 3_000)
    window.add(3_001, 3_001, grams(TITLE))
    assert window.near(grams("快讯：" + TITLE), 0) == [3_001]
    assert window.near(grams("Nothing of the kind was ever told"), 0) == []


def test_what_is_too_old_is_not_found(make: Make) -> None:
    window = filled(make, 10)
    window.add(11, 50, grams(TITLE))
    assert window.near(grams(TITLE), 50) == [11]
    assert window.near(grams(TITLE), 51) == []


def test_the_same_link_is_enough(make: Make) -> None:
    window = filled(make, 2_000)
    window.add(2_001, 1, grams("短"), link_gram("http://a.cn/1"))
    assert window.near(
        grams("完全不同的标题"), 0, link_gram("https://www.a.cn/1?utm_source=x")
    ) == [2_001]


def test_the_window_stays_within_twice_its_capacity_and_keeps_the_newest(make: Make) -> None:
    window = make(100)
    for number in range(1, 1_000):
        window.add(number, number, grams(f"标题{number * 31}与众不同{number * 17}"))
        assert len(window) < 200
    assert window.last == 999
    assert window.near(grams(f"标题{999 * 31}与众不同{999 * 17}"), 0)[0] == 999


def test_what_everyone_tells_is_found_however_often_it_was_told(make: Make) -> None:
    window = filled(make, 500)
    for number in range(501, 801):
        window.add(number, number, grams(TITLE))
    assert len(window.near(grams(TITLE), 0)) == 6


def test_what_compares_as_the_same_is_found_among_headlines(make: Make) -> None:
    """Of the labelled pairs that are told the same, the window brings 23 of 25 together."""
    tests = Path(__file__).parents[2]
    lines = (tests / "data" / "stories" / "train.jsonl").read_text("utf-8").splitlines()
    pairs = [pair for pair in map(json.loads, lines) if compare(pair["a"], pair["b"]).same]
    folder = tests.parent / "training_data" / "headlines"
    texts = [path.read_text("utf-8") for path in sorted(folder.glob("*.txt"))]
    others = [line for text in texts for line in text.splitlines() if not line.startswith("#")]
    window = make(20_000)
    for number, title in enumerate((*others, *(pair["a"] for pair in pairs)), 1):
        window.add(number, number, grams(title))
    first = len(others) + 1
    found = sum(first + at in window.near(grams(pair["b"]), 0, -1) for at, pair in enumerate(pairs))
    assert found >= 0.9 * len(pairs)


def test_what_differs_in_most_words_is_not_compared(make: Make) -> None:
    window, batch = filled(make, 2_000), Batch()
    window.add(2_001, 1, grams("特朗普宣布对进口钢铁加征关税"))
    batch.add(2_001, grams("特朗普宣布对进口钢铁加征关税"))
    other = grams("阿根廷总统会见特朗普并共进晚餐后前往迈阿密参加拉美投资论坛")
    assert window.near(other, 0) == batch.near(other) == []


def test_entries_of_one_batch_are_found_by_words_and_by_link() -> None:
    batch = Batch()
    assert batch.near(grams(TITLE)) == []
    batch.add(1, grams(TITLE), link_gram("http://a.cn/1"))
    batch.add(2, grams("别的一个标题完全不同"))
    assert batch.near(grams("快讯：" + TITLE)) == [1]
    assert batch.near(grams("毫不相干"), link_gram("https://a.cn/1")) == [1]
    assert batch.near(grams("毫不相干")) == []


Told = tuple[Sequence[int], int, int, int]


def answers(
    window: Window | CompiledWindow, told: Sequence[Told]
) -> list[tuple[list[int], int, int]]:
    """What is near each of ``told`` before it is added; the size and the newest entry then."""
    found = []
    for number, (own, link, ago, at) in enumerate(told, 1):
        near = window.near(own, at - ago, link)
        window.add(3 * number, at, own, link)
        found.append((near, len(window), window.last))
    return found


few_grams = st.sets(st.integers(0, 40) | st.integers(BUCKETS - 3, BUCKETS - 1), max_size=30)
entries = st.tuples(
    few_grams.map(sorted), st.integers(NONE, 3), st.integers(0, 9), st.integers(0, 9)
)


@given(told=st.lists(entries, max_size=60), capacity=st.integers(1, 40))
def test_both_windows_find_the_same(library: Library, told: list[Told], capacity: int) -> None:
    assert answers(CompiledWindow(library, capacity), told) == answers(Window(capacity), told)


def test_both_windows_find_the_same_in_thousands(library: Library) -> None:
    rng = random.Random(1)
    weights = [1 / (gram + 1) for gram in range(4_000)]
    told = [
        (
            sorted({*rng.choices(range(4_000), weights, k=rng.randrange(12)), *range(number % 7)}),
            rng.choice([NONE, NONE, number % 900]),
            2_000,
            number,
        )
        for number in range(9_000)
    ]
    found = answers(CompiledWindow(library, 2_500), told)
    assert found == answers(Window(2_500), told)
    assert sum(len(near) for near, _, _ in found) > 9_000


def test_a_number_that_is_no_gram_is_refused(library: Library) -> None:
    window = CompiledWindow(library, 10)
    for refused in (
        lambda: window.add(1, 1, [1, BUCKETS]),
        lambda: window.add(1, 1, [1], BUCKETS),
        lambda: window.near([BUCKETS], 0),
        lambda: window.near([1], 0, BUCKETS),
    ):
        with pytest.raises(ValueError, match="not below"):
            refused()
    assert len(window) == 0


def test_a_compiled_window_is_not_copied(library: Library) -> None:
    with pytest.raises(TypeError, match="cannot be copied"):
        copy.copy(CompiledWindow(library, 10))


def test_the_compiled_window_can_be_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADLINES_SCORER", "numpy")
    assert isinstance(new_window(), Window)


def test_a_library_that_cannot_be_opened_is_not_used(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled, "_opened", lambda: library)
    assert isinstance(new_window(), CompiledWindow)
    monkeypatch.undo()
    other = replace(compiled.CODE, library=tmp_path / "none.so")
    for content in (None, b"no library"):
        if content:
            other.library.write_bytes(content)
        monkeypatch.setattr(compiled, "CODE", other)
        compiled._opened.cache_clear()
        assert isinstance(new_window(), Window)
    compiled._opened.cache_clear()
