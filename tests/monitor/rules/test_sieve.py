"""What sifts very many titles lets every match pass, and what takes queries apart keeps sense."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.rules.dissect import clauses, loosened, without_sections
from monitor.rules.language import parse
from monitor.rules.matcher import RuleSet, Subject
from monitor.rules.preimage import foreign_letters, is_han, spellings
from monitor.rules.sieve import Sieve
from monitor.rules.tree import And, Not, Query
from monitor.text import clean_title, fold
from tests.monitor.rules.queries import queries, titles


@given(st.lists(queries, min_size=1, max_size=3), st.lists(titles, max_size=8))
def test_what_matches_passes(asked: list[Query], given: list[str]) -> None:
    passed = Sieve(asked).select(given)
    assert passed == sorted(set(passed))
    for query in asked:
        rule_set = RuleSet([(1, query)])
        matching = [at for at, title in enumerate(given) if rule_set.match(Subject(title))]
        assert set(matching) <= set(passed)


def test_it_holds_most_others_back() -> None:
    given = ["央行降准", "水果丰收", "\x00央\x00行", "", "中央\n行政", "漲停", "ＡＩ芯片"]
    assert Sieve([parse("央行")]).select(given) == [0]
    assert Sieve([parse("涨停 OR AI")]).select(given) == [5, 6]
    assert Sieve([parse(r"/\w{4}$/")]).select(given) == []
    assert Sieve([parse("NOT a")]).is_open
    assert Sieve([parse("a"), parse("section:x")]).select(given) == list(range(7))


@given(titles)
def test_a_folded_character_has_one_of_its_spellings_in_the_title(title: str) -> None:
    stored, _ = clean_title(title)
    ranges = foreign_letters()
    for char in fold(stored).text:
        if is_han(char):
            assert spellings(char) & set(stored)
        elif char.isascii() and char.isalnum():
            assert char in stored.lower() or any(
                a <= each <= b for each in stored for a, b in ranges
            )


@given(queries)
def test_a_loosened_query_asks_for_no_more(query: Query) -> None:
    loose = loosened(query)
    assert loose is None or parse(str(loose)) == loose
    free = without_sections(query)
    assert free is None or "section:" not in str(free).replace('"section:', "")


@pytest.mark.parametrize(
    ("text", "loose", "free"),
    [
        ("a", "sub:a", None),
        ("a NOT b", "sub:a AND NOT b", None),
        ("exact:a", None, None),
        ("^word:a section:x", "sub:^a AND section:x", "word:^a"),
        ("a (section:x OR b)", "sub:a AND (section:x OR sub:b)", "a"),
        ("a NOT section:x", "sub:a AND NOT section:x", "a"),
        ("section:x", None, None),
        ("NEAR/2(a, word:b)", "NEAR/2(sub:a, sub:b)", None),
    ],
)
def test_what_would_be_near(text: str, loose: str | None, free: str | None) -> None:
    query = parse(text)
    assert loosened(query) == (parse(loose) if loose else None)
    assert without_sections(query) == (parse(free) if free else None)


def test_the_clauses_of_a_query() -> None:
    first, second, third = clauses(parse("(a OR b) NOT c section:x"))
    assert [str(part) for part in first.parts] == ["a", "b"]
    assert not first.narrows
    assert isinstance(second.node, Not)
    assert second.narrows
    assert third.narrows
    assert isinstance(third.rest, And)
    (only,) = clauses(parse("a"))
    assert only.rest is None
