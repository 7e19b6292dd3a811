"""Hashed features: deterministic, title by title, whatever stands beside them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers.features import Counts, count, extract
from classifiers.lexicon import batches, learn
from classifiers.text import TextSettings, fold_table

ANY_TEXT = st.text(st.characters(codec=None), max_size=40)
FOLD = fold_table(simplify=True)
PLAIN = TextSettings(buckets=1 << 20)
ALL = TextSettings(buckets=1 << 20, shape=True, words=True)


def counted(titles: list[str], how: TextSettings = PLAIN) -> Counts:
    return count(extract(titles, how, FOLD), len(titles), how.bits)


def buckets(title: str, how: TextSettings = PLAIN) -> set[int]:
    return set(counted([title], how).buckets.tolist())


@settings(deadline=None)  # jieba reads its dictionary once
@given(st.lists(ANY_TEXT, min_size=1, max_size=6))
def test_a_title_has_the_same_features_alone_and_in_a_batch(titles: list[str]) -> None:
    together = counted(titles, ALL)
    for at, title in enumerate(titles):
        alone = counted([title], ALL)
        mine = slice(together.starts[at], together.starts[at + 1])
        assert np.array_equal(together.buckets[mine], alone.buckets)
        assert np.array_equal(together.counts[mine], alone.counts)


def test_case_width_and_script_make_no_difference() -> None:
    assert buckets("Ａｐｐｌｅ 發佈") == buckets("apple 发布")


def test_a_repeated_ngram_is_counted() -> None:
    assert counted(["啊啊啊啊"]).counts.max() == 4


def test_the_ends_of_a_title_are_marked() -> None:
    assert buckets("央行降息") != buckets("降息央行")
    assert buckets("图") < buckets("图 ") | buckets("组图")
    shared = buckets("组图") & buckets("快讯组图")
    assert shared - buckets("组图快讯"), "the end of a title must be told from its middle"


def test_words_in_letters_count_whole_not_letter_by_letter() -> None:
    assert not buckets("cat") & buckets("tac")
    assert buckets("goal") & buckets("goals")
    assert not buckets("ab cd") & buckets("bc da")


def test_without_letters_there_are_words_and_their_pairs_alone() -> None:
    words = TextSettings(buckets=1 << 20, letters=False)
    assert not buckets("goal", words) & buckets("goals", words)
    assert len(buckets("goals again", words)) == 3
    assert buckets("央行", words) == buckets("央行")


def test_neighbours_in_a_batch_do_not_touch() -> None:
    assert set(counted(["央行", "降息"]).buckets.tolist()) == buckets("央行") | buckets("降息")
    assert set(counted(["bank", "rate"]).buckets.tolist()) == buckets("bank") | buckets("rate")


@pytest.mark.parametrize(("one", "other"), [("12月", "13月"), ("真的吗?", "假的么?"), ("短", "长")])
def test_shape_sees_form_not_words(one: str, other: str) -> None:
    shape = TextSettings(buckets=1 << 20, shape=True)
    common = (buckets(one, shape) & buckets(other, shape)) - buckets(one)
    assert common


def test_jieba_words_are_added() -> None:
    words = TextSettings(buckets=1 << 20, words=True)
    assert buckets("人工智能芯片", words) > buckets("人工智能芯片")


@given(st.lists(st.text(max_size=3000), max_size=40))
def test_batches_keep_all_titles_in_order(titles: list[str]) -> None:
    assert [title for batch in batches(titles) for title in batch] == titles


def test_unseen_features_weigh_nothing() -> None:
    lexicon = learn(["央行降息", "股市上涨"], PLAIN)
    strange = lexicon.weigh(["猫咪睡觉", "央行降息", ""])
    assert strange.familiarity.tolist() == [0.0, 1.0, 0.0]
    assert strange.starts[1] == 0
    assert np.linalg.norm(strange.values) == pytest.approx(1.0)
