"""A query made ready to evaluate: negations pushed to the terms, cheap terms first."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from monitor.rules import tree
from monitor.rules.filters import Subject, check
from monitor.rules.prefilter import Atom, Need, all_of, any_of, need_of_regex
from monitor.rules.regex import Regex, compile_regex
from monitor.rules.seen import Seen, Span
from monitor.rules.tokens import normal
from monitor.rules.words import Cover
from monitor.text import fold


class Step(Protocol):
    """A part of a plan. ``cost`` orders the parts of a conjunction."""

    cost: int

    def test(self, seen: Seen) -> bool:
        """Whether it holds."""
        ...

    def spans(self, seen: Seen) -> Iterable[Span]:
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
        if not is_anchored(self._literal, seen.folded.text, start, end):
            return False
        if self._literal.mode == "word":
            return seen.ends_words(start, end)
        if self._literal.mode == "exact":
            first, last = seen.folded.span(start, end)
            return normal(seen.folded.original[first:last]) == self._literal.text
        return True


def is_anchored(literal: tree.Literal, folded: str, start: int, end: int) -> bool:
    """Whether nothing stands before or behind where ``literal`` asks for a title's ends."""
    return not (
        (literal.start and folded[:start].strip()) or (literal.end and folded[end:].strip())
    )


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


class _AnyWord:
    """One of several literals with neither mode nor anchors: what most rules ask."""

    __slots__ = ("_texts", "_words")
    cost = 0

    def __init__(self, words: Iterable[_Word]) -> None:
        self._words = {word.text: word for word in words}
        self._texts = self._words.keys()

    def test(self, seen: Seen) -> bool:
        if self._texts.isdisjoint(seen.words):
            return False
        here = self._texts & seen.words.keys()
        return not seen.covers() or any(self._words[text].found(seen) for text in here)

    def spans(self, seen: Seen) -> Iterable[Span]:
        here = self._texts & seen.words.keys()
        found = [span for text in here for span in self._words[text].found(seen)]
        return found if seen.folded.exact else itertools.starmap(seen.folded.span, found)


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
        if isinstance(node, tree.And) != negated:
            return _All(steps)
        plain = [step for step in steps if type(step) is _Word]
        if len(plain) < 2:
            return _Any(steps)
        others = [step for step in steps if type(step) is not _Word]
        words = _AnyWord(plain)
        return _Any([words, *others]) if others else words
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
