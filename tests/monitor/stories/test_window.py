"""The window finds what shares rare grams, and forgets what is old."""

from __future__ import annotations

import json
from pathlib import Path

from monitor.stories.compare import compare
from monitor.stories.window import Batch, Window
from monitor.stories.wording import grams, link_gram

TITLE = "四川芦山县发生4.1级地震，震源深度12千米"


def filled(count: int, capacity: int = 10_000) -> Window:
    window = Window(capacity)
    for number in range(1, count + 1):
        window.add(number, number, grams(f"第{number}届某某展览会{number * 7}在某地开幕"))
    return window


def test_a_copy_is_found_among_many() -> None:
    window = filled(3_000)
    window.add(3_001, 3_001, grams(TITLE))
    assert window.near(grams("快讯：" + TITLE), 0) == [3_001]
    assert window.near(grams("Nothing of the kind was ever told"), 0) == []


def test_what_is_too_old_is_not_found() -> None:
    window = filled(10)
    window.add(11, 50, grams(TITLE))
    assert window.near(grams(TITLE), 50) == [11]
    assert window.near(grams(TITLE), 51) == []


def test_the_same_link_is_enough() -> None:
    window = filled(2_000)
    window.add(2_001, 1, grams("短"), link_gram("http://a.cn/1"))
    assert window.near(
        grams("完全不同的标题"), 0, link_gram("https://www.a.cn/1?utm_source=x")
    ) == [2_001]


def test_the_window_stays_within_twice_its_capacity_and_keeps_the_newest() -> None:
    window = Window(100)
    for number in range(1, 1_000):
        window.add(number, number, grams(f"标题{number * 31}与众不同{number * 17}"))
        assert len(window) < 200
    assert window.last == 999
    assert window.near(grams(f"标题{999 * 31}与众不同{999 * 17}"), 0)[0] == 999


def test_what_everyone_tells_is_found_however_often_it_was_told() -> None:
    window = filled(500)
    for number in range(501, 801):
        window.add(number, number, grams(TITLE))
    assert len(window.near(grams(TITLE), 0)) == 6


def test_what_compares_as_the_same_is_found_among_headlines() -> None:
    """Of the labelled pairs that are told the same, the window brings 23 of 25 together."""
    tests = Path(__file__).parents[2]
    lines = (tests / "data" / "stories" / "train.jsonl").read_text("utf-8").splitlines()
    pairs = [pair for pair in map(json.loads, lines) if compare(pair["a"], pair["b"]).same]
    folder = tests.parent / "training_data" / "headlines"
    texts = [path.read_text("utf-8") for path in sorted(folder.glob("*.txt"))]
    others = [line for text in texts for line in text.splitlines() if not line.startswith("#")]
    window = Window(20_000)
    for number, title in enumerate((*others, *(pair["a"] for pair in pairs)), 1):
        window.add(number, number, grams(title))
    first = len(others) + 1
    found = sum(first + at in window.near(grams(pair["b"]), 0, -1) for at, pair in enumerate(pairs))
    assert found >= 0.9 * len(pairs)


def test_what_differs_in_most_words_is_not_compared() -> None:
    window, batch = filled(2_000), Batch()
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
