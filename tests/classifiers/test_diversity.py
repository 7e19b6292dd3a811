"""The figures of variety, and the search for titles that resemble each other."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from classifiers import diversity
from classifiers.diversity import Index, pairs


def test_figures_by_hand() -> None:
    found = diversity.diversity(["abcd", "ABCE", "xyz!"])
    assert found.titles == 3
    assert found.bigrams == pytest.approx(6 / 3)  # ab bc cd ce xy yz
    assert found.similarity == pytest.approx((0.5 + 0.5 + 0) / 3)
    assert found.near == 0
    assert diversity.diversity(["红烧肉怎么做", "红烧肉怎么做?"]).near == 1
    assert diversity.diversity([]).titles == 0


def test_a_template_is_less_varied_than_free_lines() -> None:
    random_ = random.Random(2)
    letters = [chr(0x4E00 + at) for at in range(800)]
    free = ["".join(random_.sample(letters, 12)) for _ in range(100)]
    frame = ["".join(random_.sample(letters, 3)) + "宣布推出全新一代产品" for _ in range(100)]
    one, other = diversity.diversity(free), diversity.diversity(frame)
    assert one.bigrams > 2 * other.bigrams
    assert one.near == 0
    assert other.near > 0.9


def test_the_search_finds_what_comparing_all_finds() -> None:
    random_ = random.Random(3)
    titles = ["".join(random_.choices("abcde", k=random_.randint(2, 9))) for _ in range(300)]
    index = Index(titles)
    for title in titles[:60]:
        for least in (0.3, 0.5, 0.8, 1.0):
            own = pairs(title)
            slow = [
                at
                for at, each in enumerate(titles)
                if len(own & pairs(each)) / max(1, len(own | pairs(each))) >= least
            ]
            assert index.within(title, least) == slow
        at = titles.index(title)
        similarity, place = index.nearest(title, at)
        rest = [each for number, each in enumerate(titles) if number != at]
        best = max(len(own & pairs(each)) / len(own | pairs(each)) for each in rest)
        assert similarity == pytest.approx(best)
        assert place != at


def test_the_report_has_a_row_a_section_and_script(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "own.txt"
    path.write_text("__label__food 红烧肉\n__label__food braised pork\n__label__auto 新车\n")
    assert diversity.main([f"fasttext:{path}"]) == 0
    rows = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert rows[2:] == ["auto.zh", "food.en", "food.zh", "all", "all"]
    assert diversity.main(["csv:nowhere.csv"]) == 1
    assert "nowhere.csv" in capsys.readouterr().err
