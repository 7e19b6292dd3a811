"""Queries that can never match, and queries that match everything.

A query is searched for a way to hold: a set of its terms, held or not, that does not contradict
itself. Where that search is cut short, or a term says nothing that can be reasoned about, the
query counts as possible: what is reported is so, what is not reported may be.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from monitor.rules.filters import Check, Subject, check
from monitor.rules.regex import compile_regex
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
    is_of_events,
)
from monitor.rules.words import Words, default_words, is_whole
from monitor.text import TITLE_LIMIT, fold

STEPS = 20_000
MOST_OF_FAMILY = 24
NEVER = "never"
ALWAYS = "always"
DEAD = "dead-part"
_FINE = 0.00005  # half of the last decimal that a bound may have
# What is found in the empty text is found everywhere, unless it asks where it stands.
_ASSERTS = re.compile(r"[\^$]|\\[AzbBQ]")


@dataclass(frozen=True, slots=True)
class World:
    """What there is to ask about; None where anything may be.

    ``sources`` are the stored sources as subjects, ``events`` the names of all events, ``words``
    those that hide shorter keywords.
    """

    sources: Sequence[Subject] | None = None
    events: Sequence[str] | None = None
    words: Words = field(default_factory=default_words)


@dataclass(frozen=True, slots=True)
class Finding:
    """``kind`` is never, always or dead-part; ``part`` the text that it is about."""

    kind: str
    part: str
    why: str


def lint(query: Query, world: World | None = None) -> list[Finding]:
    """What is wrong with ``query``."""
    world = world or World()
    searching = _Search(world, of_events=is_of_events(query))
    reason = searching.contradiction(query.root, asked=True)
    if reason is not None:
        return [Finding(NEVER, str(query), f"can never match: {reason}")]
    # What is stored now matches everything? Tomorrow's source may not.
    anything = _Search(World(words=world.words), searching.of_events)
    if anything.contradiction(query.root, asked=False) is not None:
        return [Finding(ALWAYS, str(query), "matches everything: no headline could fail it")]
    return [
        Finding(DEAD, str(part), f"this alternative can never hold: {why}")
        for part in _alternatives(query.root)
        if (why := searching.contradiction(part, asked=True)) is not None
    ]


def _alternatives(node: Node) -> Iterable[Node]:
    """The children of every OR that is asked for."""
    if isinstance(node, Or):
        yield from node.children
    if isinstance(node, And | Or):
        for child in node.children:
            yield from _alternatives(child)


_Task = tuple[Node, bool]


class _CutShort(Exception):
    pass


@dataclass(frozen=True, slots=True)
class _Facts:
    """Terms that hold, and terms that do not."""

    held: tuple[Leaf, ...] = ()
    failed: tuple[Leaf, ...] = ()


@dataclass(slots=True)
class _Search:
    world: World
    of_events: bool
    reason: str = ""
    _always: dict[Regex, bool] = field(default_factory=dict)

    def contradiction(self, node: Node, *, asked: bool) -> str | None:
        """Why ``node`` cannot hold (or, not ``asked``, cannot fail); None where it may."""
        self.reason = ""
        try:
            possible = self._possible(node, asked=asked)
        except _CutShort:
            return None
        return None if possible else self.reason

    def _possible(self, node: Node, *, asked: bool) -> bool:
        """Whether some way through the alternatives contradicts nothing."""
        ways: list[tuple[list[_Task], _Facts]] = [([(node, asked)], _Facts())]
        steps = 0
        while ways:
            todo, facts = ways.pop()
            while todo:
                steps += 1
                if steps > STEPS:
                    raise _CutShort
                now, wanted = todo.pop()
                if isinstance(now, Not):
                    todo.append((now.child, not wanted))
                elif isinstance(now, And | Or):
                    parts = [(child, wanted) for child in now.children]
                    if isinstance(now, And) == wanted:
                        todo += parts
                        continue
                    ways += [([*todo, part], facts) for part in reversed(parts)]
                    break
                else:
                    more = self._with(facts, now, wanted)
                    if more is None:
                        break
                    facts = more
                    if isinstance(now, Near) and wanted:
                        todo += [(side, True) for side in _sides(now)]
            else:
                return True
        return False

    def _with(self, facts: _Facts, leaf: Leaf, asked: bool) -> _Facts | None:
        """``facts`` with one more, or None where it contradicts them."""
        if leaf in (facts.held if asked else facts.failed):
            return facts
        why = self._against(facts, leaf, asked)
        if why:
            self.reason = self.reason or why
            return None
        if asked:
            return replace(facts, held=(*facts.held, leaf))
        return replace(facts, failed=(*facts.failed, leaf))

    def _against(self, facts: _Facts, leaf: Leaf, asked: bool) -> str:
        if leaf in (facts.failed if asked else facts.held):
            return f"{leaf} is both asked for and excluded"
        if isinstance(leaf, Literal):
            return _literal_against(facts, leaf, asked, self.world.words)
        if isinstance(leaf, Regex) and not asked and self._is_always(leaf):
            return f"{leaf} is found in every title"
        if isinstance(leaf, Filter):
            return self._filter_against(facts, leaf, asked)
        return ""

    def _is_always(self, regex: Regex) -> bool:
        if regex not in self._always:
            found = compile_regex(regex.pattern, regex.ignore_case).found
            self._always[regex] = not _ASSERTS.search(regex.pattern) and found(b"")
        return self._always[regex]

    def _filter_against(self, facts: _Facts, leaf: Filter, asked: bool) -> str:
        family = _FAMILIES.get(leaf.name)
        if family is None:
            return ""
        held = [each for each in facts.held if _is_of(each, family.names)]
        failed = [each for each in facts.failed if _is_of(each, family.names)]
        (held if asked else failed).append(leaf)
        many = len(held) + len(failed) > MOST_OF_FAMILY
        subjects = None if many else family.subjects([*held, *failed], self)
        if subjects is None:
            return ""
        wanted = [check(each) for each in held if isinstance(each, Filter)]
        unwanted = [check(each) for each in failed if isinstance(each, Filter)]
        if any(_fits(subject, wanted, unwanted) for subject in subjects):
            return ""
        parts = [str(each) for each in held] + [f"NOT {each}" for each in failed]
        return f"no {family.what} is {' and '.join(parts)}"


def _fits(subject: Subject, wanted: Sequence[Check], unwanted: Sequence[Check]) -> bool:
    return all(holds(subject) for holds in wanted) and not any(holds(subject) for holds in unwanted)


def _is_of(leaf: Leaf, names: frozenset[str]) -> bool:
    return isinstance(leaf, Filter) and leaf.name in names


@functools.lru_cache(maxsize=4096)
def _folded(text: str) -> str:
    return fold(text).text


def _sides(near: Near) -> list[Node]:
    return [side[0] if len(side) == 1 else Or(side) for side in (near.left, near.right)]


def _literal_against(facts: _Facts, leaf: Literal, asked: bool, words: Words) -> str:
    text = _folded(leaf.text)
    if asked and len(text) > TITLE_LIMIT:
        return f"titles have at most {TITLE_LIMIT:,} characters"
    held = [each for each in facts.held if isinstance(each, Literal)]
    failed = [each for each in facts.failed if isinstance(each, Literal)]
    pairs = [(leaf, each) for each in failed] if asked else [(each, leaf) for each in held]
    for present, absent in pairs:
        if _implies(present, absent, words):
            return f"where {present} is, {absent} is too"
    anchored = asked and (leaf.start or leaf.end)
    for other in held if anchored else ():
        if not _ends_agree(leaf, other):
            return f"{leaf} and {other} cannot both be there"
    return ""


def _implies(present: Literal, absent: Literal, words: Words) -> bool:
    """Whether a title that holds ``present`` holds ``absent``."""
    if absent.mode == "exact" or absent.start or absent.end:
        return False
    whole, part = _folded(present.text), _folded(absent.text)
    if absent.mode == "sub":
        return part in whole
    if absent.mode == "word":
        return present.mode == "word" and whole == part
    starts = (at for at in range(len(whole)) if whole.startswith(part, at))
    return any(
        is_whole(whole, start, start + len(part))
        and (present.mode != "sub" or (start > 0 and start + len(part) < len(whole)))
        and not (whole != part and words.may_hide(part, whole, start))
        for start in starts
    )


def _ends_agree(one: Literal, other: Literal) -> bool:
    a, b = _folded(one.text), _folded(other.text)
    starts = not (one.start and other.start) or a.startswith(b) or b.startswith(a)
    ends = not (one.end and other.end) or a.endswith(b) or b.endswith(a)
    return starts and ends


_Subjects = Callable[[Sequence[Leaf], _Search], Iterable[Subject] | None]


@dataclass(frozen=True, slots=True)
class _Family:
    """Filters that ask of the same thing: together they contradict where no subject fits."""

    names: frozenset[str]
    what: str
    subjects: _Subjects


def _sections(terms: Sequence[Leaf], search: _Search) -> Iterable[Subject]:
    if search.of_events:
        return [Subject("", event="x")]
    names = {value for term in terms if isinstance(term, Filter) for value in term.values}
    shares = [share for share in _around(terms, _FINE, 0.0) if share <= 1.0]
    return [
        Subject("", section=name, probability=share, unsure=unsure)
        for name, share, unsure in itertools.product(
            (names - {"unsure"}) | {"\x00"}, shares, (False, True)
        )
    ]


def _numbers(make: Callable[[float], Subject], step: float, least: float) -> _Subjects:
    """Subjects with each telling number, and one without."""

    def subjects(terms: Sequence[Leaf], search: _Search) -> Iterable[Subject]:
        if search.of_events:
            return [Subject("", event="x")]
        return [Subject(""), *map(make, _around(terms, step, least))]

    return subjects


def _around(terms: Sequence[Leaf], step: float, least: float) -> list[float]:
    """Numbers on, just below and just above every bound of ``terms``, from ``least`` up."""
    bounds: list[Bound] = [
        bound for term in terms if isinstance(term, Filter) for bound in term.bounds
    ]
    marks = {least, *(each for bound in bounds for each in (bound.number, bound.upto))}
    return sorted(
        value for mark in marks for value in (mark - step, mark, mark + step) if value >= least
    )


def _is_first(_: Sequence[Leaf], search: _Search) -> Iterable[Subject]:
    return [Subject("", is_first=True), Subject("", is_first=False)]


def _known_sources(_: Sequence[Leaf], search: _Search) -> Iterable[Subject] | None:
    return None if search.of_events else search.world.sources


def _events(_: Sequence[Leaf], search: _Search) -> Iterable[Subject] | None:
    names = search.world.events
    return None if names is None else [Subject("", event=name) for name in names]


_LIST = (
    _Family(frozenset({"section"}), "entry", _sections),
    _Family(frozenset({"rank"}), "place", _numbers(lambda n: Subject("", rank=int(n)), 1.0, 1.0)),
    _Family(frozenset({"age"}), "entry", _numbers(lambda n: Subject("", age_s=n), 0.5, 0.0)),
    _Family(
        frozenset({"portals"}), "story", _numbers(lambda n: Subject("", portals=int(n)), 1.0, 1.0)
    ),
    _Family(frozenset({"hot"}), "story", _numbers(lambda n: Subject("", hot=n), _FINE, 0.0)),
    _Family(frozenset({"burst"}), "story", _numbers(lambda n: Subject("", burst=n), _FINE, 0.0)),
    _Family(frozenset({"is"}), "entry", _is_first),
    _Family(frozenset({"source", "label"}), "stored source", _known_sources),
    _Family(frozenset({"event"}), "event", _events),
)
_FAMILIES: Mapping[str, _Family] = {name: family for family in _LIST for name in family.names}
