"""What a title must contain before a rule is evaluated: never more than the rule asks for."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.rules.prefilter import Atom, need_of_regex
from monitor.rules.tree import Regex
from monitor.text import fold

PARTS = (
    "央行",
    "降",
    "AI",
    "a",
    "7",
    ".",
    "[果农]",
    r"\d",
    "(升|降)",
    "(?:准|息)",
    "(a(b|c))",
    "^",
    "$",
)
QUANTIFIERS = ("", "", "?", "*", "+", "{2}", "{0,1}", "+?", "??")

patterns = st.lists(
    st.lists(
        st.tuples(st.sampled_from(PARTS), st.sampled_from(QUANTIFIERS)).map(
            lambda pair: pair[0] + (pair[1] if pair[0] not in "^$" else "")
        ),
        max_size=4,
    ).map("".join),
    min_size=1,
    max_size=3,
).map("|".join)


@pytest.mark.parametrize(
    ("pattern", "texts"),
    [
        ("涨停|跌停", {"涨停", "跌停"}),
        ("(涨|跌)停板", {"停板"}),
        ("(?:涨停|跌停)", {"涨停", "跌停"}),
        ("漲停", {"涨停"}),
        ("(?i)GPT-?5", {"gpt"}),
        ("第?三季度", {"三季度"}),
        ("财报*", {"财"}),
        ("财报+", {"财报"}),
        ("财{0,3}报", {"报"}),
        ("(abc)+", {"abc"}),
        ("[涨跌]停", {"停"}),
        (r"财\s报告", {"报告"}),
        (r"[^]]财", {"财"}),
    ],
)
def test_literals_that_every_match_contains(pattern: str, texts: set[str]) -> None:
    assert need_of_regex(Regex(pattern)) == {Atom(text, whole=False) for text in texts}


@pytest.mark.parametrize(
    "pattern",
    [
        *(r"\d+", "(abc)?", "a|", "", "财?", r"\x41BC", r"\Qa.b\E", r"\pLab", "[[:alpha:]]ab"),
        "(" * 30 + "ab" + ")" * 30,
    ],
)
def test_where_none_is_known_the_expression_stands_for_itself(pattern: str) -> None:
    assert need_of_regex(Regex(pattern)) == {Regex(pattern)}


@given(patterns, st.text("央行降升准息果农AIabc7 ", max_size=12))
def test_every_match_meets_its_need(pattern: str, title: str) -> None:
    need = need_of_regex(Regex(pattern, ignore_case=True))
    if re.search(pattern, title, re.IGNORECASE):
        folded = fold(title).text
        assert need is not None
        assert any(isinstance(signal, Regex) or signal.text in folded for signal in need)
