"""Parsing and printing: what holds for every text and every query."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import QueryError
from monitor.rules.language import is_broad, parse
from monitor.rules.tree import And, Bound, Filter, Literal, Near, Not, Or, Query, Regex
from tests.monitor.rules.queries import PIECES, queries

WORDS = (
    "AND",
    "OR",
    "NOT",
    "(",
    ")",
    "（",
    "）",
    '"',
    "“",
    "”",
    "-",
    "/",
    "\\",
    " ",
    "i",
    "*",
    "[",
)
RANKS = (Bound("<=", 10.0), Bound("..", 20.0, 30.0), Bound("=", 50.0))
FILTER_PIECES = (
    "word:",
    "sub:",
    "exact：",
    "^",
    "$",
    "NEAR/2(",
    "NEAR(",
    "，",
    "rank:",
    "age:<",
    "2h",
    "..",
    ",",
    "is:first",
    "burst:",
    "section:",
    "source：",
    "lang:zh",
    ">=0.7",
    "unsure",
    "label:",
    "x:",
)


@given(queries)
def test_parse_undoes_print(query: Query) -> None:
    assert parse(str(query)) == query


@given(st.lists(st.sampled_from((*WORDS, *FILTER_PIECES, *PIECES)) | st.characters(), max_size=25))
def test_any_text_is_a_query_or_a_query_error(pieces: list[str]) -> None:
    text = "".join(pieces)
    try:
        query = parse(text)
    except QueryError as error:
        assert 0 <= error.position <= len(text)
        assert len(error.text) == len(text)
        assert error.expected
        str(error).encode()
    else:
        assert parse(str(query)) == query


@pytest.mark.parametrize(
    ("text", "root"),
    [
        ("a b OR NOT c", Or((And((Literal("a"), Literal("b"))), Not(Literal("c"))))),
        ("a (b c)", And((Literal("a"), Literal("b"), Literal("c")))),
        ("(a)", Literal("a")),
        ("--a", Not(Not(Literal("a")))),
        ("“一  二”", Literal("一 二")),
        (r'"say \"hi\" \\ \n"', Literal(r'say "hi" \ \n')),
        ("/a\\/b/i", Regex("a/b", True)),
        ("SECTION：Finance>=.7", Filter("section", ("finance",), (Bound(">=", 0.7),))),
        ('section:"a b">0.5', Filter("section", ("a b",), (Bound(">", 0.5),))),
        ("section:a,b=0.2..0.5", Filter("section", ("a", "b"), (Bound("..", 0.2, 0.5),))),
        ("lang:ZH,en", Filter("lang", ("zh", "en"))),
        ('source:"BBC, News",人民网', Filter("source", ("BBC, News", "人民网"))),
        ("rank:<=10,20..30,50", Filter("rank", (), RANKS)),
        ("rank:..3", Filter("rank", (), (Bound("<=", 3.0),))),
        ("age:<120m", Filter("age", (), (Bound("<", 7_200.0),))),
        ("hot:2.5..", Filter("hot", (), (Bound(">=", 2.5),))),
        ("burst:", Filter("burst", ("yes",))),
        ("IS:First", Filter("is", ("first",))),
        ("与 或 非", And((Literal("与"), Literal("或"), Literal("非")))),
        ("AND(", None),
        ("sub:^x", Literal("x", "sub", start=True)),
        ("^SUB:x$", Literal("x", "sub", start=True, end=True)),
        ("exact：“A  b”$", Literal("A b", "exact", end=True)),
        ("sub:AND", Literal("AND", "sub")),
        ('"^x$"', Literal("^x$")),
        ("a^b a$b", And((Literal("a^b"), Literal("a$b")))),
        (
            "NEAR/2(a，(b OR word:c))",
            Near(2, (Literal("a"),), (Literal("b"), Literal("c", "word"))),
        ),
        ('NEAR/0 ("a,b", c)', Near(0, (Literal("a,b"),), (Literal("c"),))),
        ("near/3(a b)", And((Literal("near/3"), Literal("a"), Literal("b")))),
        ("NEAR a", And((Literal("NEAR"), Literal("a")))),
        ("NEAR/3(a,b) c,d", And((Near(3, (Literal("a"),), (Literal("b"),)), Literal("c,d")))),
    ],
)
def test_reads_as(text: str, root: object) -> None:
    if root is None:
        with pytest.raises(QueryError):
            parse(text)
    else:
        assert parse(text).root == root


@pytest.mark.parametrize(
    ("text", "broad"),
    [
        ("NOT a", True),
        ("-a -b", True),
        ("a OR NOT b", True),
        ("NOT (a b)", True),
        ("NOT section:sports", True),
        ("a NOT b", False),
        ("NOT NOT a", False),
        ("NOT (NOT a OR b)", False),
        ("section:sports", False),
        ("a", False),
    ],
)
def test_is_broad(text: str, broad: bool) -> None:
    assert is_broad(parse(text)) is broad


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"source:{'x,' * 101}x", "at most 200 characters"),
        ("苹" * 2_731, "at most 8,192 bytes, this one has 8,193"),
        ("(" * 65 + "a" + ")" * 65, "more than 64 levels"),
        ("NOT " * 65 + "a", "more than 64 levels"),
        ("a " * 1_001, "at most 1,000 terms"),
        ("NEAR/1(a,b) " * 501, "at most 1,000 terms"),
        ("(" * 64 + "NEAR/1(a,b)" + ")" * 64, "more than 64 levels"),
        (f"/{'a' * 1_025}/", "at most 1,024 bytes"),
        (r"/(\pL{900}x){1}(\pL{900})/", "use smaller repetitions"),
        (f"source:{'x' * 201}", "at most 200 characters"),
        ("a\x07b", "control character"),
        ("a\ud800", "control character"),
        ("\u200b", "nothing visible"),
        ("", "empty"),
        (" \n\u3000", "empty"),
    ],
)
def test_limits_are_clear_errors(text: str, says: str) -> None:
    with pytest.raises(QueryError, match=says):
        parse(text)


def test_what_is_just_within_the_limits_parses() -> None:
    assert parse("(" * 64 + "a" + ")" * 64) == parse("a")
    assert isinstance(parse("NOT " * 64 + "a").root, Not)
    assert isinstance(parse("a " * 1_000).root, And)
    assert parse("x" * 8_192).root == Literal("x" * 8_192)


@pytest.mark.parametrize(
    "piece", ["(", "NOT ", "-", "NEAR/1(", "NEAR/1((", "(a OR ", "（", '"', "/", "a:", "-(", "“"]
)
def test_hostile_33_nests_of_8_kib_are_no_recursion_error(piece: str) -> None:
    with pytest.raises(QueryError):
        parse(piece * (8_192 // len(piece.encode())))


def test_parses_with_little_stack_left() -> None:
    frames = sys.getrecursionlimit() - 600

    def descend(left: int) -> Query:
        return descend(left - 1) if left else parse("(" * 64 + "a" + ")" * 64)

    assert descend(frames - 100) == parse("a")


@pytest.mark.parametrize("text", [r"/a\/b\/[b-a]/", r"/a\\\/[b-a]/", r"/\\[b-a]/", "/[b-a]/"])
def test_the_caret_stands_under_the_fault_of_an_expression(text: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse("x " + text)
    assert caught.value.position == 2 + text.index("b-a")


def test_the_caret_stands_under_the_place_in_text_of_several_lines() -> None:
    with pytest.raises(QueryError) as caught:
        parse("苹果\nAND\tOR 梨")
    assert str(caught.value).splitlines()[1:] == ["  苹果 AND OR 梨", "           ^"]


def test_a_language_may_be_written_either_way() -> None:
    assert parse("lang:zh_TW,en") == parse("lang:zh-tw,en")


def test_unknown_sections_only_matter_where_sections_are_given() -> None:
    assert parse("section:gardening")
    assert parse("section:unsure", sections=frozenset({"finance"}))
    with pytest.raises(QueryError, match="expected one of: finance, sports, unsure"):
        parse("section:gardening", sections=frozenset({"finance", "sports"}))
