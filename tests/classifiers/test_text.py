"""Folding titles: whatever arrives, the result is tame."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers.segment import plain_segmenter
from classifiers.text import (
    BREAK,
    MAX_CHARS,
    TextSettings,
    decode,
    encode,
    fold_table,
    identity_key,
    normalise,
    word_lengths,
)

ANY_TEXT = st.text(st.characters(codec=None), max_size=60)  # lone surrogates too
FOLD = fold_table(simplify=True)


@given(ANY_TEXT)
def test_normalised_text_is_one_short_line(title: str) -> None:
    folded = normalise(title)
    assert len(folded) <= MAX_CHARS
    assert folded == folded.strip()
    assert "\n" not in folded
    assert "  " not in folded


@pytest.mark.parametrize(
    ("title", "folded"),
    [
        ("ＡＢＣ１２３", "abc123"),
        ("  Two\t\n words ", "two words"),
        ("50㎡", "50m2"),
        ("：，！", ":,!"),
        ("", ""),
        ("x" * 5000, "x" * MAX_CHARS),
        ("ﷺ" * 1000, "صلى الله عليه وسلم" * 55 + "صلى الله "[:10].strip()),
    ],
)
def test_normalise(title: str, folded: str) -> None:
    assert normalise(title)[:900] == folded[:900]
    assert len(normalise(title)) <= MAX_CHARS


def test_traditional_reads_as_simplified_when_asked() -> None:
    assert decode(encode(["蘋果發佈會"], FOLD)) == "\n苹果发布会\n"
    assert decode(encode(["蘋果"], fold_table(simplify=False))) == "\n蘋果\n"


def test_invisible_characters_are_dropped() -> None:
    assert decode(encode(["苹\u200b果\u202e\x00x"], FOLD)) == "\n苹果x\n"


@given(st.lists(ANY_TEXT, max_size=5))
def test_a_batch_has_a_break_around_each_title(titles: list[str]) -> None:
    codes = encode(titles, FOLD)
    assert codes[0] == codes[-1] == BREAK
    assert np.count_nonzero(codes == BREAK) == max(1, len(titles)) + 1


@settings(deadline=None)  # jieba reads its dictionary once
@given(st.lists(ANY_TEXT, min_size=1, max_size=3))
def test_jieba_words_cover_the_batch(titles: list[str]) -> None:
    codes = encode(titles, FOLD)
    assert word_lengths(codes, plain_segmenter()).sum() == len(codes)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("央行降息！", "央行 降息", True),
        ("ＩＰＯ启动", "ipo启动", True),
        ("央行降息", "央行加息", False),
        ("?!", "?!", True),
        ("?!", "!?", False),
    ],
)
def test_identity_key(one: str, other: str, same: bool) -> None:
    assert (identity_key(one) == identity_key(other)) is same


@pytest.mark.parametrize("wrong", [{"buckets": 1000}, {"buckets": 1}, {"longest": 4}])
def test_settings_that_cannot_be_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        TextSettings(**wrong)
