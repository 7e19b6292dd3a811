"""Words: jieba's and the user's own, and rjieba where it gives the same."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers.corpus import load
from classifiers.errors import CorpusError
from classifiers.features import extract
from classifiers.segment import (
    UserWord,
    WordFile,
    fast_segmenter,
    plain_segmenter,
    read_words,
    use_words,
)
from classifiers.text import TextSettings, fold_table

TITLES = [each.title for each in load("builtin", "sections") if not each.term]
OWN = (
    UserWord("雾霾侠"),
    UserWord("量子鸡汤", 3),
    UserWord("AI小镇"),
    UserWord("财报季风", 90_000),
)
FAST = functools.cache(fast_segmenter)  # each reads its dictionary
PLAIN = functools.cache(plain_segmenter)
HAN = st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF))


@pytest.mark.parametrize("words", [(), OWN])
def test_the_fast_segmenter_gives_what_jieba_gives(words: tuple[UserWord, ...]) -> None:
    fast, plain = FAST(words), PLAIN(words)
    assert fast
    mine = [f"昨日{each.word}又登上{each.word}榜" for each in words]
    assert [fast(title) for title in (*TITLES[::7], *mine)] == [
        plain(title) for title in (*TITLES[::7], *mine)
    ]


@pytest.mark.parametrize("words", [(), OWN])
@settings(deadline=None, max_examples=300)  # jieba reads its dictionary once
@given(
    text=st.text() | HAN | st.lists(st.sampled_from([*TITLES, *(w[0] for w in OWN)])).map("".join)
)
def test_the_two_are_held_together_on_any_text(words: tuple[UserWord, ...], text: str) -> None:
    fast = FAST(words)
    assert fast
    assert fast(text) == PLAIN(words)(text)


def test_a_word_that_the_dictionary_has_is_left_to_jieba() -> None:
    assert fast_segmenter((UserWord("降息"),)) is None
    assert "降息潮" in plain_segmenter((UserWord("降息潮"),))("全球降息潮来了")


def test_without_words_a_new_name_falls_apart_and_with_them_it_does_not() -> None:
    title = "昨日雾霾侠又登上热搜"
    assert "雾霾侠" not in plain_segmenter()(title)
    assert "雾霾侠" in plain_segmenter(OWN)(title)
    assert "雾霾侠" not in plain_segmenter()(title)  # what is shipped is not changed


def test_a_file_of_words_is_read_as_jieba_reads_it(tmp_path: Path) -> None:
    file = tmp_path / "words.txt"
    file.write_text("\ufeff# mine\n雾霾侠\n\n量子鸡汤 3 n\n AI小镇 nz\n雾霾侠 7\n", "utf-8")
    assert read_words(file) == (UserWord("雾霾侠"), UserWord("量子鸡汤", 3), UserWord("AI小镇"))


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("两个 词", "is no word"), ("！！", "is no word"), ("词" * 101, "is no word"),
        ("新词 0", "a frequency is 1 or more"),
    ],
)  # fmt: skip
def test_a_bad_line_is_named_with_the_way_out(tmp_path: Path, line: str, told: str) -> None:
    file = tmp_path / "words.txt"
    file.write_text(f"雾霾侠\n{line}\n", "utf-8")
    with pytest.raises(CorpusError, match=told) as caught:
        read_words(file)
    assert f"{file}:2:" in str(caught.value)


def test_a_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "words.txt"
    file.write_bytes("雾霾侠".encode("gbk"))
    with pytest.raises(CorpusError, match="save the file as UTF-8"):
        read_words(file)


def test_a_changed_file_counts_at_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "words.txt"
    words = WordFile(file)
    assert "雾霾侠" not in words.segment("昨日雾霾侠又登上热搜")
    file.write_text("雾霾侠\n", "utf-8")
    assert "雾霾侠" in words.segment("昨日雾霾侠又登上热搜")
    file.write_text("两个 词\n", "utf-8")
    assert "雾霾侠" in words.segment("昨日雾霾侠又登上热搜")
    assert not words.refresh()
    told = [each.getMessage() for each in caplog.records]
    assert len([each for each in told if f"{file}:1:" in each]) == 1
    file.write_text("量子鸡汤\n", "utf-8")
    os.utime(file, (1, 1))
    assert words.refresh()
    assert "雾霾侠" not in words.segment("昨日雾霾侠又登上热搜")


@pytest.fixture
def named(tmp_path: Path) -> Iterator[Path]:
    file = tmp_path / "words.txt"
    file.write_text("雾霾侠\n", "utf-8")
    yield file
    use_words(None)


def test_the_users_words_are_features(named: Path) -> None:
    title, text = ["昨日雾霾侠又登上热搜"], TextSettings(words=True)
    fold = fold_table(simplify=False)
    before = set(extract(title, text, fold).hashes.tolist())
    use_words(named)
    after = set(extract(title, text, fold).hashes.tolist())
    assert len(after - before) == 1
