"""The one-pass matcher says what a naive evaluator says, and stays fast on hostile input."""

from __future__ import annotations

import functools
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers.segment import UserWord, make_segmenter
from monitor.rules.language import parse
from monitor.rules.matcher import Hidden, RuleSet, Subject
from monitor.rules.tokens import normal
from monitor.rules.tree import (
    And,
    Bound,
    Filter,
    Leaf,
    Literal,
    Near,
    Node,
    Not,
    Or,
    Query,
    Regex,
    literals,
)
from monitor.rules.words import BUNDLED, KEYWORD, YOURS, Words, bundled
from monitor.text import detect_language, fold, unify
from monitor.types import Hit
from tests.monitor.rules.queries import queries, subjects, titles, your_words

Spans = list[tuple[int, int]]


@dataclass(frozen=True)
class Naive:
    """One rule and one title, looked at the slow and obvious way.

    ``longer`` are folded words that cover the keywords of this rule: (word, over), where
    ``over`` names those it covers, None all.
    """

    subject: Subject
    longer: tuple[tuple[str, frozenset[str] | None], ...] = ()
    yours: tuple[str, ...] = ()

    def evaluate(self, node: Node, asked: bool = True) -> Spans | None:
        """The spans of ``node``, or None where it does not hold."""
        if isinstance(node, Not):
            return self.evaluate(node.child, not asked)
        if isinstance(node, And | Or):
            found = [self.evaluate(child, asked) for child in node.children]
            if isinstance(node, And) == asked and None in found:
                return None
            if not any(spans is not None for spans in found):
                return None
            return [span for spans in found if spans is not None for span in spans]
        spans = self._term(node)
        if asked:
            return spans
        return [] if spans is None else None

    def _term(self, node: Leaf) -> Spans | None:
        if isinstance(node, Literal):
            return self._given(self._occurrences(node)) or None
        if isinstance(node, Near):
            return self._given(self._near(node)) or None
        if isinstance(node, Regex):
            return _search(node, self.subject.title)
        return [] if _holds(node, self.subject) else None

    def _given(self, spans: list[tuple[int, int]]) -> Spans:
        offsets = fold(self.subject.title).offsets
        return [(offsets[start][0], offsets[end - 1][1]) for start, end in spans]

    def _near(self, node: Near) -> list[tuple[int, int]]:
        left = [span for word in node.left for span in self._occurrences(word)]
        right = [span for word in node.right for span in self._occurrences(word)]
        tokens = _tokens(fold(self.subject.title).text)
        return [
            span
            for a in left
            for b in right
            for first, second in ((a, b), (b, a))
            if first[1] <= second[0]
            and sum(first[1] <= token < second[0] for token in tokens) <= node.distance
            for span in (a, b)
        ]

    def _occurrences(self, literal: Literal) -> list[tuple[int, int]]:
        """Its occurrences in the folded title."""
        word, text = fold(literal.text).text, fold(self.subject.title).text
        found = places(word, text, whole=literal.mode != "sub")
        if literal.mode != "sub":
            found = [span for span in found if not self._is_covered(word, span, text)]
        if literal.mode == "word":
            ends = self._word_ends(text)
            found = [span for span in found if all(_end(at, text, ends) for at in span)]
        if literal.mode == "exact":
            given = [self.subject.title[slice(*self._given([span])[0])] for span in found]
            found = [
                s for s, part in zip(found, given, strict=True) if normal(part) == literal.text
            ]
        if literal.start:
            found = [span for span in found if not text[: span[0]].strip()]
        if literal.end:
            found = [span for span in found if not text[span[1] :].strip()]
        return found

    def _is_covered(self, word: str, span: tuple[int, int], text: str) -> bool:
        return any(
            start <= span[0]
            and span[1] <= end
            and (
                (start < span[0] and _joined(text, span[0]))
                or (span[1] < end and _joined(text, span[1]))
            )
            for longer, over in self.longer
            if over is None or word in over
            for start, end in places(longer, text, whole=True)
        )

    def _word_ends(self, text: str) -> set[int]:
        ends, at = {0}, 0
        for word in _segmenter(self.yours)(text):
            at += len(word)
            ends.add(at)
        return ends


def places(word: str, text: str, *, whole: bool) -> list[tuple[int, int]]:
    """Where ``word`` stands in ``text``; ``whole``: not within a longer Latin word."""
    found = []
    for start in range(len(text)):
        end = start + len(word)
        if text[start:end] != word:
            continue
        goes_on = [
            (word[0], text[start - 1 : start] if start else ""),
            (word[-1], text[end : end + 1]),
        ]
        if not whole or not any(_in_word(edge) and _in_word(beyond) for edge, beyond in goes_on):
            found.append((start, end))
    return found


@functools.cache
def _segmenter(words: tuple[str, ...]) -> Callable[[str], Sequence[str]]:
    return make_segmenter([UserWord(word) for word in words])


def _end(at: int, text: str, ends: set[int]) -> bool:
    return at in ends or not _joined(text, at)


def _joined(text: str, at: int) -> bool:
    around = text[max(at - 1, 0) : at + 1] if at else ""
    return len(around) == 2 and all(char.isalnum() and not _in_word(char) for char in around)


def _tokens(text: str) -> list[int]:
    """Where each token begins: a decimal number, a Latin word, any other letter."""
    starts, at = [], 0
    while at < len(text):
        number = re.compile(r"\d+([.,]\d+)+").match(text, at)
        if number:
            starts.append(at)
            at = number.end()
        elif text[at].isalnum():
            starts.append(at)
            first = at
            at += 1
            while _in_word(text[first]) and at < len(text) and _in_word(text[at]):
                at += 1
        else:
            at += 1
    return starts


def _in_word(char: str) -> bool:
    return bool(re.fullmatch("[\u0000-\u058f\u1c80-\u1fff]", char)) and char.isalnum()


def _search(node: Regex, title: str) -> Spans | None:
    sound = re.sub("[\ud800-\udfff]", "\ufffd", title)
    translated = node.pattern.replace("$", r"\Z").replace(r"\d", "[0-9]")
    pattern = re.compile(translated, re.IGNORECASE if node.ignore_case else 0)
    given = list(pattern.finditer(sound))
    if given:
        return [match.span() for match in given if match[0]][:64]
    plain = unify(title)
    matches = list(pattern.finditer(plain.text))
    if not matches:
        return None
    spans = [match.span() for match in matches if match[0]][:64]
    return [(plain.offsets[start][0], plain.offsets[end - 1][1]) for start, end in spans]


def _holds(node: Filter, subject: Subject) -> bool:
    match node.name:
        case "lang":
            return detect_language(subject.title) in node.values
        case "is":
            return subject.is_first
        case "burst" if node.values:
            return (subject.burst > 0) == (node.values[0] == "yes")
        case "section":
            return any(_in_section(value, node, subject) for value in node.values)
        case "rank" | "portals" | "hot" | "burst" | "age":
            value = getattr(subject, "age_s" if node.name == "age" else node.name)
            return value is not None and any(_within(bound, value) for bound in node.bounds)
    globs = [
        re.escape(value.lower()).replace(r"\*", ".*").replace(r"\?", ".") for value in node.values
    ]
    return any(
        re.fullmatch(glob, name.lower()) for glob in globs for name in _names(node.name, subject)
    )


def _names(filter_name: str, subject: Subject) -> list[str]:
    found = {
        "source": [subject.source],
        "label": list(subject.labels),
        "event": [subject.event or ""],
        "author": [subject.author, *map(str.strip, re.split("[,、]", subject.author))],
    }
    return [name for name in found[filter_name] if name]


def _in_section(value: str, node: Filter, subject: Subject) -> bool:
    if value == "unsure":
        return subject.unsure
    if not node.bounds:
        return subject.section == value and not subject.unsure
    return subject.section == value and _within(node.bounds[0], subject.probability)


def _within(bound: Bound, value: float) -> bool:
    return {
        ">=": value >= bound.number,
        ">": value > bound.number,
        "<=": value <= bound.number,
        "<": value < bound.number,
        "=": value == bound.number,
        "..": bound.number <= value <= bound.upto,
    }[bound.comparison]


def _of_events(node: Node) -> bool:
    if isinstance(node, Not):
        return _of_events(node.child)
    if isinstance(node, And | Or):
        return any(map(_of_events, node.children))
    return isinstance(node, Filter) and node.name == "event"


def expected(rules: dict[int, Query], subject: Subject, yours: Sequence[str] = ()) -> list[Hit]:
    mine = tuple(fold(word).text for word in yours)
    listed = [(word, None) for word in mine] + [
        (w, o) for w, o in bundled().items() if w not in mine
    ]
    hits = []
    for rule_id, query in sorted(rules.items()):
        own = _keywords(query)
        others = {word for other in rules.values() for word in _keywords(other)} - own
        longer = [(word, None) for word in others] + [pair for pair in listed if pair[0] not in own]
        spans = Naive(subject, tuple(longer), mine).evaluate(query.root)
        if spans is not None and _of_events(query.root) == (subject.event is not None):
            hits.append(Hit(rule_id, tuple(_merge(sorted(spans)))))
    return hits


def _keywords(query: Query) -> set[str]:
    return {fold(word.text).text for word in literals(query.root) if word.mode != "sub"}


def _merge(spans: Spans) -> Spans:
    covered: Spans = []
    for start, end in spans:
        if covered and start < covered[-1][1]:
            covered[-1] = (covered[-1][0], max(end, covered[-1][1]))
        else:
            covered.append((start, end))
    return covered


@given(st.lists(queries, max_size=6), st.lists(subjects, min_size=1, max_size=3), your_words)
def test_one_pass_equals_the_naive_evaluator(
    rules: list[Query], given: list[Subject], yours: list[str]
) -> None:
    numbered = dict(enumerate(rules))
    rule_set = RuleSet(numbered.items(), words_of(tuple(yours)))
    assert rule_set.match_many(given) == [expected(numbered, subject, yours) for subject in given]


@functools.cache
def words_of(yours: tuple[str, ...]) -> Words:
    """One for each list: each reads the dictionary."""
    return Words(yours)


@given(
    st.lists(queries, min_size=1, max_size=4),
    st.lists(st.tuples(st.integers(0, 6), st.none() | queries), max_size=8),
    subjects,
)
def test_a_changed_set_equals_one_built_anew(
    rules: list[Query], changes: list[tuple[int, Query | None]], subject: Subject
) -> None:
    left = dict(enumerate(rules))
    rule_set = RuleSet(left.items())
    for rule_id, query in changes:
        if query is None:
            left.pop(rule_id, None)
            rule_set = rule_set.without_rule(rule_id)
        else:
            left[rule_id] = query
            rule_set = rule_set.with_rule(rule_id, query)
    assert rule_set.match(subject) == RuleSet(left.items()).match(subject)
    assert len(rule_set) == len(left)


@given(queries, titles)
def test_spans_are_sorted_disjoint_and_within_the_title(query: Query, title: str) -> None:
    for hit in RuleSet([(1, query)]).match(Subject(title)):
        ends = [end for span in hit.spans for end in span]
        assert ends == sorted(ends)
        assert all(0 <= start < end <= len(title) for start, end in hit.spans)


def test_adding_past_the_overlay_keeps_every_rule() -> None:
    rule_set = RuleSet((at, parse(f"词{at}号")) for at in range(40))
    for at in range(40, 300):
        rule_set = rule_set.with_rule(at, parse(f"词{at}号"))
    for at in (0, 39, 40, 103, 104, 105, 299):
        assert rule_set.match(Subject(f"新词{at}号上市")) == [Hit(at, ((1, 3 + len(str(at))),))]


def test_changing_a_set_leaves_the_old_one_as_it_was() -> None:
    old = RuleSet([(1, parse("苹果"))])
    new = old.with_rule(1, parse("梨"))
    assert [hit.rule_id for hit in old.match(Subject("苹果"))] == [1]
    assert new.match(Subject("苹果")) == []
    assert new.without_rule(1).match(Subject("梨")) == []


def test_no_rules_match_nothing() -> None:
    assert RuleSet().match_many([Subject("苹果"), Subject("")]) == [[], []]


@pytest.mark.parametrize("names", [("n", "n"), ("a", "b")])
def test_expressions_that_cannot_be_joined_still_match(names: tuple[str, str]) -> None:
    texts = [rf"/(?P<{name}>\d{{{count}}})元/" for count, name in enumerate(names, 2)]
    rule_set = RuleSet(enumerate(map(parse, [*texts, r"/\Q.\E\d/", r"/\s/"])))
    assert [hit.rule_id for hit in rule_set.match(Subject("共123元 v.5"))] == [0, 1, 2, 3]


@pytest.mark.parametrize(("title", "ids"), [("AB1", [0]), ("X[", [1]), ("12345", [2]), ("é", [])])
def test_expressions_searched_together_keep_their_flags(title: str, ids: list[int]) -> None:
    rule_set = RuleSet(enumerate(map(parse, [r"/[a-z]{2}\d/i", r"/[A-Z]\[|\]/", r"/\d{5}/"])))
    assert [hit.rule_id for hit in rule_set.match(Subject(title))] == ids


def test_hostile_33_regex_is_linear() -> None:
    rule_set = RuleSet(
        enumerate(
            map(parse, ["/(a+)+$/", "/(.*a){30}/", "/(a|a)*b/", "/(a*)*c/i", "/(.*)(.*)(.*)x/"])
        )
    )
    long = Subject("a" * 100_000 + "!")
    rule_set.match(Subject("a"))
    started = time.perf_counter()
    hits = rule_set.match(long)
    assert time.perf_counter() - started < 30
    assert [(hit.rule_id, hit.spans) for hit in hits] == [(1, ((0, 100_000),))]


def test_hostile_33_many_empty_matches_are_bounded() -> None:
    started = time.perf_counter()
    hits = RuleSet([(1, parse("/(.*b)?/"))]).match(Subject("a" * 100_000))
    assert time.perf_counter() - started < 30
    assert hits == [Hit(1, ())]


@pytest.mark.parametrize(
    "query",
    [
        "NEAR/100(哈, 呵) 啊",
        "NEAR/0(sub:a, sub:b)",
        "哈 AND 哈哈 AND 哈哈哈",
        "word:哈 呵",
        "^哈 sub:呵$",
    ],
)
def test_hostile_33_many_occurrences_are_no_many_pairs(query: str) -> None:
    subject = Subject("哈" * 30_000 + "ab" * 20_000 + "呵" * 30_000)
    rule_set = RuleSet([(1, parse(query)), (2, parse("哈哈哈哈")), (3, parse("呵呵"))])
    rule_set.prepare()
    started = time.perf_counter()
    rule_set.match(subject)
    assert time.perf_counter() - started < 60


@pytest.mark.parametrize(
    ("rules", "title", "ids"),
    [
        (["王兴", "王兴兴"], "王兴兴谈机器人", [1]),
        (["美团", "欧美团队"], "欧美团队来访", [1]),
        (["苹果 OR 苹果手机", "苹果手机壳"], "苹果手机壳", [1]),
        (["苹果", "sub:苹果手机"], "苹果手机壳", [0, 1]),
        (["苹果", "香蕉 NOT 苹果手机"], "苹果手机壳", []),
        (["AI", "AI芯片"], "AI芯片", [0, 1]),
        (["rate", "rate cut"], "rate cut", [0, 1]),
        (["降息", "降息25个基点"], "降息25个基点", [0, 1]),
    ],
)
def test_the_longest_keyword_of_all_rules_wins(
    rules: list[str], title: str, ids: list[int]
) -> None:
    built = RuleSet(enumerate(map(parse, rules)))
    grown = RuleSet([(0, parse(rules[0]))]).with_rule(1, parse(rules[1]))
    for rule_set in (built, grown):
        assert [hit.rule_id for hit in rule_set.match(Subject(title))] == ids


def test_a_rule_that_left_covers_nothing() -> None:
    rule_set = RuleSet(enumerate(map(parse, ["苹果", "苹果手机", "苹果手机"])))
    subject = Subject("苹果手机降价")
    assert rule_set.without_rule(1).match(subject) == [Hit(2, ((0, 4),))]
    assert rule_set.without_rule(1).without_rule(2).match(subject) == [Hit(0, ((0, 2),))]
    assert rule_set.with_rule(1, parse("梨")).with_rule(2, parse("梨")).match(subject) == [
        Hit(0, ((0, 2),))
    ]


def test_what_did_not_count_is_told() -> None:
    rules = [(1, parse("降息 高通 苹果")), (2, parse("降息预期"))]
    rule_set = RuleSet(rules, Words(["苹果手机"]))
    told = rule_set.hidden(1, Subject("降息预期升温，高通胀下苹果手机降价"))
    assert told == [
        Hidden((0, 2), "降息预期", KEYWORD),
        Hidden((7, 9), "高通胀", BUNDLED),
        Hidden((11, 13), "苹果手机", YOURS),
    ]


def test_your_words_also_end_words() -> None:
    rule_set = RuleSet([(1, parse("word:研究"))], Words(["研究生命"]))
    assert rule_set.match(Subject("研究生命起源")) == []
    assert RuleSet([(1, parse("word:研究"))]).match(Subject("研究生命起源")) != []


def test_a_title_pays_only_for_rules_whose_words_it_has() -> None:
    subject = Subject("央行宣布下调存款准备金率")
    few = RuleSet((at, parse(f"甲{at}乙 OR 丙{at}丁")) for at in range(100))
    many = RuleSet((at, parse(f"甲{at}乙 OR 丙{at}丁")) for at in range(5_000))
    assert _seconds(many, subject) < 5 * _seconds(few, subject)


def _seconds(rule_set: RuleSet, subject: Subject) -> float:
    best = float("inf")
    for _ in range(7):
        started = time.perf_counter()
        rule_set.match_many([subject] * 200)
        best = min(best, time.perf_counter() - started)
    return best


_NESTED = " OR ".join("哈" * size for size in range(1, 40))


@pytest.mark.parametrize(
    ("queries", "title"),
    [
        (["哈"], "哈" * 999 + "…"),  # what folds to three characters
        (["exact:哈"], "哈" * 999 + "㎡"),
        ([_NESTED, f"{_NESTED} OR {'哈' * 40}"], "哈" * 1_000),
        ([f"NEAR/100(({_NESTED}), ({_NESTED}))"], "哈" * 1_000),
    ],
)
def test_no_title_takes_long(queries: list[str], title: str) -> None:
    """However often keywords stand in it: it took up to a minute."""
    rules = RuleSet(list(enumerate(map(parse, queries))))
    rules.match(Subject("a"))
    began_s = time.process_time()
    assert len(rules.match(Subject(title))) >= 1
    assert time.process_time() - began_s < 30
