"""What is asked of many entries at once is answered as for each by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.rules.batch import Asked, Batch
from monitor.rules.filters import check
from monitor.rules.language import parse
from monitor.rules.matcher import RuleSet, Subject
from monitor.rules.regex import Regex
from monitor.rules.tree import Filter, Query
from monitor.rules.words import Words, default_words
from monitor.text import clean_title
from tests.monitor.rules.queries import PATTERNS, queries, subjects, your_words


class _Facts:
    def __init__(self, subjects: Sequence[Subject]) -> None:
        self._subjects = subjects

    def where(self, term: Filter, among: set[int]) -> set[int]:
        holds = check(term)
        return {at for at in among if holds(self._subjects[at])}


def _clean(subject: Subject) -> Subject:
    return replace(subject, title=clean_title(subject.title)[0], event=None)


@given(queries, queries, st.lists(subjects.map(_clean), max_size=12), your_words)
def test_a_batch_says_what_each_title_says(
    query: Query, other: Query, given_: list[Subject], yours: list[str]
) -> None:
    rules = RuleSet([(1, other)], Words(yours)).with_rule(0, query)
    asked = Asked(rules, [query.root, other.root], rules.plan(0).keywords)
    batch = Batch(asked, [each.title for each in given_], _Facts(given_))
    step = rules.plan(0).step
    alone = {at for at, each in enumerate(given_) if step.test(rules.look(each))}
    every = set(range(len(given_)))
    assert batch.where(query.root, every) == alone
    half = {at for at in every if at % 2}
    assert batch.where(query.root, half) == alone & half, "answers that are kept stay right"


_EDGES = ("^a|b$", r"\Aa", r"b\z", r"\bx\b", r"\B-", "[^x]+y", "(?s)a.*b", "(?-s:a.b)", "a$b", "^$")
_patterns = st.sampled_from((*PATTERNS, *_EDGES))
_lines = st.text(st.sampled_from("abxy5果停AI- 央行"), max_size=6)


@given(_patterns, st.booleans(), st.lists(_lines, max_size=40))
def test_an_expression_is_found_among_texts_as_in_each(
    pattern: str, ignore_case: bool, lines: list[str]
) -> None:
    regex = Regex(pattern, ignore_case)
    texts = [line.encode() for line in lines]
    assert regex.found_among(texts) == {at for at, each in enumerate(texts) if regex.found(each)}


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("王兴", [0, 4]),
        ("sub:王兴", [0, 1, 4]),
        ("word:王兴", [0, 4]),
        ("^王兴", [0]),
        ("王兴$", [4]),
        ("exact:漲停", [3]),
        ("涨停", [2, 3]),
        ("苹果", [6]),
        ("NOT 苹果", [0, 1, 2, 3, 4, 5]),
        ("AI", [6]),
        ("sub:AI", [5, 6]),
        ("NEAR/1(王兴, 见)", [4]),
    ],
)
def test_words_are_found_where_a_batch_holds_them(text: str, places: list[int]) -> None:
    titles = [
        "王兴谈外卖",
        "王兴兴谈机器人",
        "个股涨停",
        "個股漲停",
        "见到王兴",
        "AIR苹果汁",
        "AI与苹果",
    ]
    rules = RuleSet([(1, parse("苹果汁"))], default_words()).with_rule(0, parse(text))
    root = parse(text).root
    batch = Batch(Asked(rules, [root], rules.plan(0).keywords), titles, _Facts([]))
    assert sorted(batch.where(root, set(range(len(titles))))) == places
