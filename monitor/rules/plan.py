"""A query made ready to evaluate: negations pushed to the terms, cheap terms first."""

from __future__ import annotations

import bisect
import itertools
import operator
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from monitor.rules import tree
from monitor.rules.filters import Subject, check
from monitor.rules.prefilter import Atom, Need, all_of, any_of, need_of_regex
from monitor.rules.regex import Regex, compile_regex
from monitor.rules.tokens import normal
from monitor.rules.words import Cover, Words, joined
from monitor.text import Folded, fold, unify

Span = tuple[int, int]
# A number, a word of an alphabet written with spaces, or one letter of any other writing.
_TOKEN = re.compile(
    r"\d+(?:[.,]\d+)+|[^\W_\u0590-\u1c7f\u2000-\U0010ffff]+|[^\W_]",
)
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Form:
    """A text that regular expressions search, and its UTF-8."""

    folded: Folded
    encoded: bytes


class Known(Protocol):
    """What covers keywords, whoever's title it is."""

    words: Words

    def covers(self, seen: Seen) -> list[Cover]:
        """Every word of the title that can cover a shorter keyword."""
        ...


class Seen:
    """What is known of one subject while rules look at it.

    ``words`` maps each literal that stands in the folded title, boundaries kept, to its
    spans there; ``loose`` those occurrences that a Latin letter or a digit continues.
    """

    __slots__ = ("_boundaries", "_cover_starts", "_covers", "_known", "_longest_cover", "_regexes",
        "_texts", "_tokens", "folded", "loose", "subject", "words")  # fmt: skip

    def __init__(self, subject: Subject, folded: Folded, known: Known) -> None:
        self.subject = subject
        self.folded = folded
        self.words: dict[str, list[Span]] = {}
        self.loose: dict[str, list[Span]] = {}
        self._known = known
        self._covers: list[Cover] | None = None
        self._cover_starts: list[int] = []
        self._longest_cover = 0
        self._boundaries: frozenset[int] | None = None
        self._tokens: list[int] | None = None
        self._texts: tuple[Form, ...] | None = None
        self._regexes: dict[Regex, Form | None] = {}

    def cover(self, text: str, start: int, end: int, own: frozenset[str]) -> Cover | None:
        """The known word that makes the keyword ``text`` at this place count for nothing.

        ``own`` are the keywords of the rule that asks: they cover none of its own.
        """
        starts = self._cover_starts
        first = bisect.bisect_left(starts, end - self._longest_cover)
        for cover in self.covers()[first : bisect.bisect_right(starts, start)]:
            if cover.hides(text, start, end, self.folded.text) and cover.text not in own:
                return cover
        return None

    def covers(self) -> list[Cover]:
        """Every word of the title that can cover a shorter keyword, by its start."""
        if self._covers is None:
            self._covers = sorted(self._known.covers(self), key=_cover_start)
            self._cover_starts = [cover.start for cover in self._covers]
            self._longest_cover = max((c.end - c.start for c in self._covers), default=0)
        return self._covers

    def ends_words(self, start: int, end: int) -> bool:
        """Whether both ends of a span are ends of words, Chinese ones by segmentation."""
        text = self.folded.text
        inner = [at for at in (start, end) if joined(text, at)]
        if not inner:
            return True
        if self._boundaries is None:
            self._boundaries = self._known.words.boundaries(text)
        return all(at in self._boundaries for at in inner)

    def token_starts(self) -> list[int]:
        """Where the tokens of the folded title begin, in order."""
        if self._tokens is None:
            self._tokens = [found.start() for found in _TOKEN.finditer(self.folded.text)]
        return self._tokens

    def found(self, regex: Regex) -> Form | None:
        """The form of the title in which ``regex`` is found: as given, else unified."""
        if regex not in self._regexes:
            self._regexes[regex] = None
            for form in self._forms():
                if regex.found(form.encoded):
                    self._regexes[regex] = form
                    break
        return self._regexes[regex]

    def _forms(self) -> tuple[Form, ...]:
        if self._texts is None:
            title = self.subject.title
            sound = _SURROGATE.sub("\ufffd", title)
            unified = unify(title)
            given = Form(Folded(sound, title, "unify", exact=True), sound.encode())
            other = Form(unified, unified.text.encode())
            self._texts = (given,) if unified.text == sound else (given, other)
        return self._texts


_cover_start = operator.attrgetter("start")


class Step(Protocol):
    """A part of a plan. ``cost`` orders the parts of a conjunction."""

    cost: int

    def test(self, seen: Seen) -> bool:
        """Whether it holds."""
        ...

    def spans(self, seen: Seen) -> Iterator[Span]:
        """Where it holds, in characters of the title; only asked where ``test`` is true."""
        ...


@dataclass(frozen=True, slots=True)
class Plan:
    """A query to evaluate, the literals it asks about, what a title must contain to be worth it.

    ``keywords`` are those literals that cover shorter ones of other rules: all but ``sub:``.
    A query with an ``event:`` filter is ``of_events``: it never looks at entries, and one
    without never looks at events.
    """

    rule_id: int
    query: tree.Query
    step: Step
    need: Need
    words: frozenset[str]
    keywords: frozenset[str]
    of_events: bool


def plan(rule_id: int, query: tree.Query) -> Plan:
    """Make ``query`` ready."""
    literals = list(tree.literals(query.root))
    keywords = frozenset(fold(each.text).text for each in literals if each.mode != "sub")
    return Plan(
        rule_id,
        query,
        _step(query.root, False, keywords),
        _need(query.root, False),
        keywords | {fold(each.text).text for each in literals},
        keywords,
        tree.is_of_events(query),
    )


def need_of(query: tree.Query) -> Need:
    """What a title must contain to be worth evaluating."""
    return _need(query.root, False)


def make_step(node: tree.Node, own: frozenset[str]) -> Step:
    """A part of a query made ready; ``own`` are the keywords of the whole."""
    return _step(node, False, own)


def holds(made: Plan, seen: Seen) -> bool:
    """Whether the plan's query holds: one of events for events alone."""
    return made.of_events is (seen.subject.event is not None) and made.step.test(seen)


def hidden(made: Plan, seen: Seen) -> Iterator[tuple[Span, Cover]]:
    """Occurrences of the plan's keywords that do not count, with what covers each."""
    for literal in dict.fromkeys(tree.literals(made.query.root)):
        yield from _literal(literal, made.keywords).hidden(seen)


class _Word:
    """A literal with neither mode nor anchors. ``own`` are its rule's keywords."""

    __slots__ = ("_own", "text")
    cost = 0

    def __init__(self, text: str, own: frozenset[str]) -> None:
        self.text = text
        self._own = own

    def found(self, seen: Seen) -> list[Span]:
        """Its occurrences in the folded title."""
        spans = seen.words.get(self.text)
        if spans is None:
            return []
        if not seen.covers():
            return spans
        return [span for span in spans if seen.cover(self.text, *span, self._own) is None]

    def hidden(self, seen: Seen) -> Iterator[tuple[Span, Cover]]:
        """Occurrences that do not count, each with the longer word that covers it."""
        for span in seen.words.get(self.text, ()) if seen.covers() else ():
            if cover := seen.cover(self.text, *span, self._own):
                yield span, cover

    def test(self, seen: Seen) -> bool:
        return self.text in seen.words and bool(self.found(seen))

    def spans(self, seen: Seen) -> Iterator[Span]:
        return itertools.starmap(seen.folded.span, self.found(seen))


class _Moded(_Word):
    """A literal with a mode or anchors."""

    __slots__ = ("_literal",)
    cost = 1

    def __init__(self, literal: tree.Literal, own: frozenset[str]) -> None:
        super().__init__(fold(literal.text).text, own)
        self._literal = literal

    def found(self, seen: Seen) -> list[Span]:
        return [span for span in self._occurrences(seen) if self._fits(seen, *span)]

    def hidden(self, seen: Seen) -> Iterator[tuple[Span, Cover]]:
        return iter(()) if self._literal.mode == "sub" else super().hidden(seen)

    def test(self, seen: Seen) -> bool:
        return bool(self.found(seen))

    def _occurrences(self, seen: Seen) -> Iterable[Span]:
        if self._literal.mode != "sub":
            return super().found(seen)
        return sorted((*seen.words.get(self.text, ()), *seen.loose.get(self.text, ())))

    def _fits(self, seen: Seen, start: int, end: int) -> bool:
        folded = seen.folded.text
        if self._literal.start and folded[:start].strip():
            return False
        if self._literal.end and folded[end:].strip():
            return False
        if self._literal.mode == "word":
            return seen.ends_words(start, end)
        if self._literal.mode == "exact":
            first, last = seen.folded.span(start, end)
            return normal(seen.folded.original[first:last]) == self._literal.text
        return True


class _Near:
    """Two sets of literals close to each other, in either order."""

    __slots__ = ("_distance", "_left", "_right")
    cost = 2

    def __init__(self, near: tree.Near, own: frozenset[str]) -> None:
        self._distance = near.distance
        self._left = [_literal(literal, own) for literal in near.left]
        self._right = [_literal(literal, own) for literal in near.right]

    def test(self, seen: Seen) -> bool:
        left, right = _all_found(self._left, seen), _all_found(self._right, seen)
        return any(True for _ in self._close(seen, left, right))

    def spans(self, seen: Seen) -> Iterator[Span]:
        left, right = _all_found(self._left, seen), _all_found(self._right, seen)
        close = (*self._close(seen, left, right), *self._close(seen, right, left))
        return itertools.starmap(seen.folded.span, close)

    def _close(self, seen: Seen, here: list[Span], there: list[Span]) -> Iterator[Span]:
        """Those spans of ``here`` that one of ``there`` is near to; each asks its neighbours."""
        tokens = seen.token_starts()
        starts = sorted(start for start, _ in there)
        ends = sorted(end for _, end in there)
        for start, end in here:
            after = bisect.bisect_left(starts, end)
            before = bisect.bisect_right(ends, start) - 1
            if (after < len(starts) and self._reaches(tokens, end, starts[after])) or (
                before >= 0 and self._reaches(tokens, ends[before], start)
            ):
                yield start, end

    def _reaches(self, tokens: list[int], left: int, right: int) -> bool:
        between = bisect.bisect_left(tokens, right) - bisect.bisect_left(tokens, left)
        return between <= self._distance


def _all_found(words: list[_Word], seen: Seen) -> list[Span]:
    return [span for word in words for span in word.found(seen)]


class _Pattern:
    __slots__ = ("_regex",)
    cost = 2

    def __init__(self, regex: Regex) -> None:
        self._regex = regex

    def test(self, seen: Seen) -> bool:
        return seen.found(self._regex) is not None

    def spans(self, seen: Seen) -> Iterator[Span]:
        form = seen.found(self._regex)
        if form is None:
            return iter(())
        return itertools.starmap(form.folded.span, self._regex.spans(form.encoded))


class _Check:
    __slots__ = ("_holds",)
    cost = 1

    def __init__(self, holds: Callable[[Subject], bool]) -> None:
        self._holds = holds

    def test(self, seen: Seen) -> bool:
        return self._holds(seen.subject)

    def spans(self, seen: Seen) -> Iterator[Span]:
        return iter(())


class _Absent:
    """The negation of a term; it has no spans."""

    __slots__ = ("_term", "cost")

    def __init__(self, term: Step) -> None:
        self._term = term
        self.cost = term.cost

    def test(self, seen: Seen) -> bool:
        return not self._term.test(seen)

    def spans(self, seen: Seen) -> Iterator[Span]:
        return iter(())


class _All:
    __slots__ = ("_steps", "cost")

    def __init__(self, steps: list[Step]) -> None:
        self._steps = sorted(steps, key=lambda step: step.cost)
        self.cost = self._steps[-1].cost

    def test(self, seen: Seen) -> bool:
        return all(step.test(seen) for step in self._steps)

    def spans(self, seen: Seen) -> Iterator[Span]:
        for step in self._steps:
            yield from step.spans(seen)


class _Any:
    __slots__ = ("_steps", "cost")

    def __init__(self, steps: list[Step]) -> None:
        self._steps = sorted(steps, key=lambda step: step.cost)
        self.cost = self._steps[-1].cost

    def test(self, seen: Seen) -> bool:
        return any(step.test(seen) for step in self._steps)

    def spans(self, seen: Seen) -> Iterator[Span]:
        for step in self._steps:
            if step.test(seen):
                yield from step.spans(seen)


def _step(node: tree.Node, negated: bool, own: frozenset[str]) -> Step:
    if isinstance(node, tree.Not):
        return _step(node.child, not negated, own)
    if isinstance(node, tree.And | tree.Or):
        steps = [_step(child, negated, own) for child in node.children]
        return _All(steps) if isinstance(node, tree.And) != negated else _Any(steps)
    term = _term(node, own)
    return _Absent(term) if negated else term


def _term(leaf: tree.Leaf, own: frozenset[str]) -> Step:
    if isinstance(leaf, tree.Literal):
        return _literal(leaf, own)
    if isinstance(leaf, tree.Near):
        return _Near(leaf, own)
    if isinstance(leaf, tree.Regex):
        return _Pattern(compile_regex(leaf.pattern, leaf.ignore_case))
    return _Check(check(leaf))


def _literal(literal: tree.Literal, own: frozenset[str]) -> _Word:
    if literal.mode or literal.start or literal.end:
        return _Moded(literal, own)
    return _Word(fold(literal.text).text, own)


def _need(node: tree.Node, negated: bool) -> Need:
    if isinstance(node, tree.Not):
        return _need(node.child, not negated)
    if isinstance(node, tree.And | tree.Or):
        needs = [_need(child, negated) for child in node.children]
        return all_of(needs) if isinstance(node, tree.And) != negated else any_of(needs)
    if negated or isinstance(node, tree.Filter):
        return None
    if isinstance(node, tree.Regex):
        return need_of_regex(node)
    if isinstance(node, tree.Near):
        return all_of(any_of(map(_atom, side)) for side in (node.left, node.right))
    return _atom(node)


def _atom(literal: tree.Literal) -> Need:
    return frozenset({Atom(fold(literal.text).text, whole=literal.mode != "sub")})
