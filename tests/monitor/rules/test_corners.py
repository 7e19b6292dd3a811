"""What rules, the linter, importers and trials make of what is rare."""

from __future__ import annotations

import pytest

from monitor.actions import linting
from monitor.actions.looked import Examiner
from monitor.errors import QueryError
from monitor.manners import read_options, write_options
from monitor.rules.importers import Choices, Fate, read
from monitor.rules.language import parse, with_ids
from monitor.rules.lint import World, lint
from monitor.rules.matcher import RuleSet, Subject
from monitor.rules.tree import Filter, leaves
from monitor.rules.values import Sections
from monitor.rules.words import Words
from monitor.types import Rule, RuleOptions

NAMES = (
    r"/\p{Lu}\pL{2,15} \p{Lu}\pL{2,15} \p{Lu}\pL{2,15}/",
    r"/^\p{Lu}\pL{1,20}:/",
    r"/\b\pL{20,}\b/",
    r"/\p{Lu}{3,20} \p{Lu}{3,20}/",
)


def test_expressions_without_a_letter_are_searched_together_where_that_fits() -> None:
    rules = RuleSet([(at, parse(text)) for at, text in enumerate(NAMES, 1)])
    assert [hit.rule_id for hit in rules.match(Subject("Old Times Here"))] == [1]
    assert [hit.rule_id for hit in rules.match(Subject("Breaking: RED ALERT"))] == [2, 4]


@pytest.mark.parametrize("text", [r"/\pL{100}/", r"/[\pL\pN]{70}/i", r"/\p{Han}{950,}/"])
def test_what_re2_compiles_is_a_rule(text: str) -> None:
    query = parse(text)
    assert RuleSet([(1, query)]).match(Subject("字" * 960))
    assert not RuleSet([(1, query)]).match(Subject("-" * 200))


@pytest.mark.parametrize("text", [r"/\C/", r"/央\C/", r"/\\\C+/", r"/\C{5}/i"])
def test_a_byte_is_refused(text: str) -> None:
    with pytest.raises(QueryError, match="byte"):
        parse(text)


def test_a_backslash_before_c_is_none() -> None:
    assert RuleSet([(1, parse(r"/a\\C/"))]).match(Subject(r"a\C"))


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("美国高通胀 NOT 高通", "美国高通胀持续"),
        ("word:美国高通胀 NOT 高通", "美国高通胀"),
    ],
)
def test_lint_says_never_only_of_what_never_matches(text: str, title: str) -> None:
    assert RuleSet([(1, parse(text))]).match(Subject(title))
    assert lint(parse(text)) == []


def test_lint_says_everything_only_of_what_matches_everything() -> None:
    query = parse("高通 OR NOT 美国高通胀")
    assert not RuleSet([(1, query)]).match(Subject("美国高通胀"))
    assert lint(query) == []


@pytest.mark.parametrize("text", ["苹果手机 NOT 苹果", "^高通 NOT 高通", "苹果手机 NOT sub:果"])
def test_lint_still_finds(text: str) -> None:
    assert [each.kind for each in lint(parse(text))] == ["never"]


class _Facts:
    def where(self, term: Filter, among: set[int]) -> set[int]:
        return set()


def test_a_rule_of_events_loses_no_entries() -> None:
    examiner = Examiner(parse("高铁"), RuleSet(()), parse("event:source-* OR 央行"))
    looked = examiner.look(["央行降准", "高铁开通"], _Facts())
    assert (looked.hits, looked.against) == ({1}, set())


def _rule(number: int, query: str, *, enabled: bool = True) -> Rule:
    return Rule(number, f"r{number}", query, ("hook",), enabled)


def test_the_way_out_of_silence_is_a_query_that_means_it() -> None:
    stored = [_rule(1, '"苹果 手机"'), _rule(2, '"苹果 手机壳"')]
    (remark,) = linting._silenced([(rule, parse(rule.query)) for rule in stored])
    assert remark.text.endswith('write sub:"苹果 手机"')


def test_a_rule_that_is_off_tells_nothing_twice() -> None:
    stored = [_rule(1, "降息", enabled=False), _rule(2, "降息")]
    assert linting._twice([(rule, parse(rule.query)) for rule in stored]) == []


def test_a_class_that_is_not_closed_is_pointed_at() -> None:
    with pytest.raises(QueryError) as caught:
        parse("/[x][x/")
    assert caught.value.position == 4


def test_a_keyword_with_an_unseen_character_is_kept() -> None:
    found = read("央行\u200b\n👨\u200d👩\u200d👧\n", "keywords", Choices())
    assert [draft.query for draft in found.drafts] == ["央行 OR 👨\u200d👩\u200d👧"]
    assert all(note.fate is Fate.KEPT for note in found.notes)


def test_a_number_of_thousands_of_digits_is_no_crash() -> None:
    read("query,top\nx," + "9" * 5_000, "csv", Choices())


@pytest.mark.parametrize("query", ["section:AI", "section:人工智能", "section:ai>=0.5"])
def test_a_section_whose_id_has_capitals_is_asked_for_as_it_is_stored(query: str) -> None:
    sections = Sections.of(["AI", "tech"], {"ai": "AI", "人工智能": "AI"})
    stored = with_ids(query, sections)  # as ``rules add`` keeps it
    rules = RuleSet([(1, parse(stored)), (2, parse(f"NOT {stored}"))])  # as the daemon reads it
    subject = Subject("要闻", section="AI", probability=0.9)
    assert [hit.rule_id for hit in rules.match(subject)] == [1]


@pytest.mark.parametrize("which", ["AI（人工智能）", "<18", "a=b"])
def test_an_id_that_must_be_quoted_is_stored_in_quotes(which: str) -> None:
    sections = Sections.of([which], {"mine": which})
    (leaf,) = leaves(parse(with_ids("section:mine", sections)).root)
    assert isinstance(leaf, Filter) and leaf.values == (which.casefold(),)


def test_a_quoted_path_is_searched() -> None:
    rules = RuleSet([(1, parse(r"/\QC:\Code\E/"))])
    assert rules.match(Subject(r"see C:\Code"))


@pytest.mark.parametrize("words", [["OpenAI"], ["苹果酱"], ["airbus"]])
@pytest.mark.parametrize("text", ["AI芯片 NOT AI", "苹果手机 NOT 苹果", "高通芯片 NOT 高通"])
def test_lint_finds_what_no_word_can_hide(text: str, words: list[str]) -> None:
    query = parse(text)
    assert not RuleSet([(1, query)], Words(words)).match(
        Subject(f"新款{query.root.children[0].text}发布")
    )
    assert [each.kind for each in lint(query, World(words=Words(words)))] == ["never"]


def test_lint_looks_at_words_only_where_one_text_holds_the_other() -> None:
    words = Words(f"词{chr(0x4E00 + at // 100)}{chr(0x5000 + at % 100)}语" for at in range(10_000))
    asked: list[str] = []

    class Watched(Words):
        def may_hide(self, text: str, whole: str, at: int) -> bool:
            asked.append(text)
            return words.may_hide(text, whole, at)

    some = " OR ".join(f"甲{at}乙" for at in range(200))
    query = parse(f"央行 ({some}) " + " ".join(f"NOT 丙{at}丁" for at in range(200)) + " NOT 央行")
    assert [each.kind for each in lint(query, World(words=Watched()))] == ["never"]
    assert not asked


def found(query: str, title: str, *others: str) -> list[str] | None:
    """What a rule finds in a title, beside other rules."""
    rules = RuleSet([(at, parse(text)) for at, text in enumerate((query, *others), 1)])
    spans = {hit.rule_id: hit.spans for hit in rules.match(Subject(title))}
    return [title[start:end] for start, end in spans[1]] if 1 in spans else None


@pytest.mark.parametrize("number", "①⑨⑩⑪⑳㉑㉟㊱㊿⓪")
def test_a_word_stands_alone_beside_a_circled_number(number: str) -> None:
    assert found("AI", f"{number}AI芯片量产") == ["AI"]
    assert found(number, f"要闻{number}：AI") == [number]
    assert found("10", f"{number}要闻") is None


@pytest.mark.parametrize("title", ["Apple iPhone™ 17", "iPhone℠", "iPhone®发布"])
def test_a_trade_mark_is_no_letter(title: str) -> None:
    assert found("iPhone", title) == ["iPhone"]


@pytest.mark.parametrize(
    ("query", "title"),
    [("Lodz", "Łódź wins"), ("Łódź", "LODZ wins"), ("Da Nang", "Đà Nẵng"), ("Tromso", "Tromsø"),
     ("istanbul", "ıstanbul"), ("exact:Łódź", "Łódź")],
)  # fmt: skip
def test_a_stroke_through_a_letter_is_an_accent(query: str, title: str) -> None:
    assert found(query, title)


@pytest.mark.parametrize(
    ("query", "title"), [("قمر", "قمرية"), ("สยาม", "สยามพารากอน"), ("เชียง", "เชียงใหม่ข่าว")]
)
def test_only_chinese_kana_and_hangul_cover_shorter_keywords(query: str, title: str) -> None:
    assert found(query, title, title)
    assert found("王兴", "王兴兴谈机器人", "王兴兴") is None
    assert found("サッカ", "サッカー代表", "サッカー") is None


@pytest.mark.parametrize(
    ("text", "before"),
    [("“rate cut” AND OR x", 15), ("ｱｲｳ AND OR x", 8), ("Đà Nẵng AND OR x", 12),
     ("央行 AND OR x", 9), ("e\u0301t\u200d AND OR x", 7)],
)  # fmt: skip
def test_the_caret_stands_under_its_character(text: str, before: int) -> None:
    with pytest.raises(QueryError) as caught:
        parse(text)
    assert str(caught.value).split("\n")[2] == f"  {' ' * before}^"


def test_a_digest_in_a_table_is_a_digest() -> None:
    table = "name,query,channels,digest\nd,storm,hook,daily@08:00\n"
    [draft] = read(table, "csv", Choices()).drafts
    rule = read_options(draft.options, draft.name)
    assert (rule.mode, rule.digest) == ("digest", "daily@08:00")
    later = read_options({"later": "digest", "digest": "hourly"}, "rule")
    assert (later.mode, later.digest) == ("now", "hourly")
    for options in (rule, later, RuleOptions(digest="hourly"), RuleOptions()):
        assert read_options(write_options(options), "rule") == options


def test_what_nobody_can_read_turns_no_rule_on() -> None:
    table = "query,enabled\nstorm,nein\nfire,yes\nice,no\nfog,\n"
    drafts = read(table, "csv", Choices()).drafts
    assert [draft.enabled for draft in drafts] == [False, True, False, True]
