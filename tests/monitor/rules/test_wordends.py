"""Where a Chinese keyword is a word: of many titles at once as of each by itself."""

from __future__ import annotations

import functools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers.corpus import load
from classifiers.dictionary import words_with
from monitor.rules.wordends import WordEnds
from monitor.rules.words import Words, joined
from monitor.text import fold

TITLES = [each.title for each in load("builtin", "sections") if not each.term]
# Words that share characters, so that cuts are doubtful, and letters that the cutters part.
PIECES = (
    *(
        "中国",
        "国人",
        "人民",
        "中国人民",
        "国民",
        "发展",
        "展中",
        "发展中国家",
        "中",
        "国",
        "人",
        "民",
    ),
    *(
        "家",
        "在",
        "其中",
        "中心",
        "人心",
        "高",
        "中华人民共和国",
        "和",
        "共和",
        "国和",
        "哈",
        "哈哈",
    ),
    *(
        "，",
        "。",
        " ",
        ":",
        "·",
        "-",
        "+",
        "%",
        "A",
        "5",
        "卡拉OK",
        "OK",
        "カ",
        "々",
        "〇",
        "각",
        "㐀",
    ),
    *(
        "龦",
        "\u9fef",
        "\U00020000",
        "ж",
        "_",
        ".",
        "#",
        "&",
        "@",
        "～",
        "“",
        "\u3000",
        "☆",
        "e\u0301",
    ),
)
KEYWORDS = (
    "中",
    "国",
    "人",
    "人民",
    "国人",
    "中国",
    "哈",
    "哈哈",
    "人心",
    "民",
    "々",
    "㐀",
    "·中",
    "展",
)
YOURS = ((), ("国人民心", "中在"), ("中国",), ("人ж", "民·国"))
known = functools.cache(Words)  # each reads the dictionary
judge = functools.cache(lambda text, yours: WordEnds(text, known(yours)))


def one_by_one(text: str, titles: list[str], words: Words) -> set[int]:
    """The plain way: cut every title, and look at every occurrence."""
    found = set()
    for at, title in enumerate(titles):
        ends = words.boundaries(title)
        for start in range(len(title)):
            span = (start, start + len(text))
            if title.startswith(text, start) and all(
                each in ends or not joined(title, each) for each in span
            ):
                found.add(at)
    return found


@pytest.mark.parametrize("yours", YOURS)
@settings(deadline=None)
@given(
    text=st.sampled_from(KEYWORDS),
    titles=st.lists(
        st.lists(st.sampled_from(PIECES) | st.characters(), max_size=12).map("".join), max_size=8
    ),
)
def test_many_titles_are_judged_as_each_by_itself(
    yours: tuple[str, ...], text: str, titles: list[str]
) -> None:
    folded = [fold(title).text.replace("\x00", " ") for title in titles]
    assert judge(text, yours).standing(folded) == one_by_one(text, folded, known(yours))


@pytest.mark.parametrize("text", ["的", "中", "人", "国", "上", "大", "年", "经济", "市场", "人民"])
def test_headlines_are_judged_as_each_by_itself(text: str) -> None:
    folded = [fold(title).text for title in TITLES]
    found = judge(text, ()).standing(folded)
    assert found == one_by_one(text, folded, known(()))
    assert found


def test_only_what_fits_counts() -> None:
    titles = ["中心在中", "中", "在中", "国在中心"]
    ends = judge("中", ())
    assert ends.standing(titles) == {0, 1, 2}
    assert ends.standing(titles, lambda _title, start, _end: start == 0) == {1}


def test_the_dictionary_is_the_one_that_cuts() -> None:
    """Both cutters know every word of the list, and none else of those in headlines."""
    import rjieba

    engine = rjieba.Jieba()
    listed = set(words_with("国")) | set(words_with("人"))
    assert {"中国", "国", "人民", "国人"} <= listed
    assert all(map(engine.has_word, listed))
    parts = {
        title[start : start + size]
        for title in TITLES
        for size in range(1, 6)
        for start in range(len(title) - size + 1)
    }
    held = {part for part in parts if "国" in part or "人" in part}
    assert {part for part in held if engine.has_word(part)} == held & listed
