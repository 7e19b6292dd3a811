"""The window finds what shares rare grams, and forgets what is old."""

from __future__ import annotations

from monitor.stories.window import Window
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
