"""A query made ready to evaluate: negations pushed to the terms, cheap terms first."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from monitor.rules import tree
from monitor.rules.filters import Subject, check
from monitor.rules.prefilter import Atom, Need, all_of, any_of, need_of_regex
from monitor.rules.regex import Regex, compile_regex
from monitor.text import Folded, fold, unify

Span = tuple[int, int]
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Form:
    """A text that regular expressions search, and its UTF-8."""

    folded: Folded
    encoded: bytes


class Seen:
    """What is known of one subject while rules look at it.

    ``words`` maps each literal that stands in the folded title, boundaries kept,
    to its spans there.
    """

    __slots__ = ("_regexes", "_texts", "folded", "subject", "words")

    def __init__(self, subject: Subject, folded: Folded) -> None:
        self.subject = subject
        self.folded = folded
        self.words: dict[str, list[Span]] = {}
        self._texts: tuple[Form, ...] | None = None
        self._regexes: dict[Regex, Form | None] = {}

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

    A query with an ``event:`` filter is ``of_events``: it never looks at entries, and one
    without never looks at events.
    """

    rule_id: int
    step: Step
    need: Need
    words: frozenset[str]
    of_events: bool = False


def plan(rule_id: int, query: tree.Query) -> Plan:
    """Make ``query`` ready."""
    literals = (leaf for leaf in tree.leaves(query.root) if isinstance(leaf, tree.Literal))
    words = frozenset(fold(leaf.text).text for leaf in literals)
    return Plan(
        rule_id,
        _step(query.root, False),
        _need(query.root, False),
        words,
        tree.is_of_events(query),
    )


class _Word:
    __slots__ = ("_text",)
    cost = 0

    def __init__(self, text: str) -> None:
        self._text = text

    def test(self, seen: Seen) -> bool:
        return self._text in seen.words

    def spans(self, seen: Seen) -> Iterator[Span]:
        return itertools.starmap(seen.folded.span, seen.words[self._text])


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


def _step(node: tree.Node, negated: bool) -> Step:
    if isinstance(node, tree.Not):
        return _step(node.child, not negated)
    if isinstance(node, tree.And | tree.Or):
        steps = [_step(child, negated) for child in node.children]
        return _All(steps) if isinstance(node, tree.And) != negated else _Any(steps)
    term = _term(node)
    return _Absent(term) if negated else term


def _term(leaf: tree.Leaf) -> Step:
    if isinstance(leaf, tree.Literal):
        return _Word(fold(leaf.text).text)
    if isinstance(leaf, tree.Regex):
        return _Pattern(compile_regex(leaf.pattern, leaf.ignore_case))
    return _Check(check(leaf))


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
    return frozenset({Atom(fold(node.text).text, whole=True)})
