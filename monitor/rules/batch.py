"""One query asked of thousands of entries at once: which does it match?

Looking at one title costs some ten microseconds, however little is in it. Here a term is
asked only of the entries that its answer depends on: a word of the titles that hold its
text, and a filter where the rest of the query leaves the answer open.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Protocol

from monitor.rules.matcher import RuleSet, Subject
from monitor.rules.plan import Step, is_anchored, make_step
from monitor.rules.prefilter import need_of_regex
from monitor.rules.preimage import is_han
from monitor.rules.regex import compile_regex
from monitor.rules.seen import Seen
from monitor.rules.sieve import Scan, found_in
from monitor.rules.tree import (
    And,
    Filter,
    Leaf,
    Literal,
    Near,
    Node,
    Not,
    Or,
    Regex,
    leaves,
    literals,
)
from monitor.rules.wordends import Fits, WordEnds
from monitor.text import fold, is_word_character

OF_STORIES = frozenset({"portals", "hot", "burst", "is"})


class Facts(Protocol):
    """What is known of a batch's entries beside their titles; ``at`` is a place in the batch."""

    def where(self, term: Filter, among: set[int]) -> set[int]:
        """The entries of ``among`` for which a filter holds."""
        ...


class Asked:
    """Queries that will be asked of many batches, among other rules. ``own`` are the keywords
    of the rule that asks: they cover none of its own."""

    def __init__(self, rules: RuleSet, roots: Iterable[Node], own: frozenset[str]) -> None:
        self.rules = rules
        self._own = own
        self._steps: dict[Leaf, Step] = {}
        self._texts: dict[Leaf, list[list[str]]] = {}
        self._certain: dict[Leaf, bool] = {}
        self._plain: dict[Leaf, bool] = {}
        self._word_ends: dict[Literal, WordEnds] = {}
        self._verbatim: dict[Leaf, Callable[[str], object] | None] = {}
        given = list(roots)
        terms = [leaf for root in given for leaf in leaves(root)]
        texts = {text for leaf in terms for group in self.texts(leaf) for text in group}
        texts |= {fold(each.text).text for root in given for each in literals(root)}
        self.scan = Scan(texts)

    def step(self, leaf: Leaf) -> Step:
        """What answers for one title."""
        if leaf not in self._steps:
            self._steps[leaf] = make_step(leaf, self._own)
        return self._steps[leaf]

    def is_certain(self, leaf: Leaf) -> bool:
        """Whether ``leaf`` holds for every title that holds its text."""
        if leaf not in self._certain:
            self._certain[leaf] = isinstance(leaf, Literal) and self._is_certain(leaf)
        return self._certain[leaf]

    def _is_certain(self, literal: Literal) -> bool:
        if literal.start or literal.end or literal.mode not in {"", "sub"}:
            return False
        return literal.mode == "sub" or self._is_everywhere(literal)

    def _is_everywhere(self, literal: Literal) -> bool:
        """Whether each occurrence counts, but for mode and anchors."""
        text = fold(literal.text).text
        return (
            not is_word_character(text[0])
            and not is_word_character(text[-1])
            and self.rules.stands_alone(text, self._own)
        )

    def verbatim(self, leaf: Leaf) -> Callable[[str], object] | None:
        """For an exact Chinese word what tells of most titles that hold it that they do."""
        if leaf not in self._verbatim:
            self._verbatim[leaf] = None
            if isinstance(leaf, Literal) and leaf.mode == "exact" and self._is_everywhere(leaf):
                bare = not (leaf.start or leaf.end) and all(map(is_han, leaf.text))
                # A mark may follow, which belongs to the last character.
                after = r"(?:$|[!-~，。：、？！《》\u3400-\u4dbf\u4e00-\u9fff])"
                self._verbatim[leaf] = re.compile(leaf.text + after).search if bare else None
        return self._verbatim[leaf]

    def is_plain(self, leaf: Leaf) -> bool:
        """Whether a folded title is all that ``leaf`` asks for: ends of it or of words."""
        if leaf not in self._plain:
            self._plain[leaf] = (
                isinstance(leaf, Literal) and leaf.mode != "exact" and self._is_everywhere(leaf)
            )
        return self._plain[leaf]

    def word_ends(self, literal: Literal) -> WordEnds:
        """What tells where the text of ``literal`` is a word."""
        if literal not in self._word_ends:
            self._word_ends[literal] = WordEnds(fold(literal.text).text, self.rules.words)
        return self._word_ends[literal]

    def texts(self, leaf: Leaf) -> list[list[str]]:
        """Folded texts, of each list of which a title must hold one for ``leaf`` to hold."""
        if leaf not in self._texts:
            self._texts[leaf] = _texts_of(leaf)
        return self._texts[leaf]


class Batch:
    """Entries with clean titles, as they are stored; answers are kept for the next query."""

    def __init__(self, asked: Asked, titles: Sequence[str], facts: Facts) -> None:
        self._asked = asked
        self._titles = titles
        self._facts = facts
        self._found = asked.scan.find(titles)
        self._seen: dict[int, Seen] = {}
        self._known: dict[Leaf, tuple[set[int], set[int]]] = {}

    def where(self, node: Node, among: set[int]) -> set[int]:
        """The entries of ``among`` for which ``node`` holds."""
        if not among:
            return set()
        if isinstance(node, And):
            for child in sorted(node.children, key=_cost):
                among = self.where(child, among)
            return among
        if isinstance(node, Or):
            found: set[int] = set()
            for child in sorted(node.children, key=_cost):
                found |= self.where(child, among - found if _cost(child) else among)
            return found
        if isinstance(node, Not):
            return among - self.where(node.child, among)
        return self._decided(node, among)

    def _decided(self, leaf: Leaf, among: set[int]) -> set[int]:
        """``where`` of a term; asks only of entries that it was not asked of before."""
        among = self._candidates(leaf, among)
        if self._asked.is_certain(leaf):
            return among
        asked, holds = self._known.setdefault(leaf, (set(), set()))
        open_ = among - asked
        if open_:
            asked |= open_
            holds |= self._ask(leaf, open_)
        return among & holds

    def _candidates(self, leaf: Leaf, among: set[int]) -> set[int]:
        for group in self._asked.texts(leaf):
            among = among.intersection(
                set().union(*(self._found.places.get(text, ()) for text in group))
                if len(group) > 1
                else self._found.places.get(group[0], ())
            )
        return among

    def _ask(self, leaf: Leaf, among: set[int]) -> set[int]:
        if isinstance(leaf, Filter):
            return self._facts.where(leaf, among)
        if isinstance(leaf, Regex):
            places = sorted(among)
            regex = compile_regex(leaf.pattern, leaf.ignore_case)
            found = found_in([self._titles[at] for at in places], regex)
            return {places[at] for at in found}
        if isinstance(leaf, Literal) and self._asked.is_plain(leaf):
            return self._where_plain(leaf, sorted(among))
        step, verbatim = self._asked.step(leaf), self._asked.verbatim(leaf)
        sure = {at for at in among if verbatim(self._titles[at])} if verbatim else set[int]()
        return sure | {at for at in among - sure if step.test(self._look(at))}

    def _where_plain(self, literal: Literal, places: Sequence[int]) -> set[int]:
        """Where a plain literal holds, without all that is made for a closer look."""
        folded = [self._found.folded[at] for at in places]
        fits = partial(is_anchored, literal) if literal.start or literal.end else None
        if literal.mode == "word":
            found = self._asked.word_ends(literal).standing(folded, fits)
            return {places[at] for at in found}
        text = fold(literal.text).text
        return {
            place for place, title in zip(places, folded, strict=True) if _stands(text, title, fits)
        }

    def _look(self, at: int) -> Seen:
        if at not in self._seen:
            self._seen[at] = self._asked.rules.look(Subject(self._titles[at]))
        return self._seen[at]


def _stands(text: str, folded: str, fits: Fits | None) -> bool:
    """Whether an occurrence of ``text`` fits."""
    start = folded.find(text)
    while start >= 0:
        if fits is None or fits(folded, start, start + len(text)):
            return True
        start = folded.find(text, start + 1)
    return False


def _texts_of(leaf: Leaf) -> list[list[str]]:
    if isinstance(leaf, Literal):
        return [[fold(leaf.text).text]]
    if isinstance(leaf, Near):
        return [[fold(each.text).text for each in side] for side in (leaf.left, leaf.right)]
    if isinstance(leaf, Regex):
        need = need_of_regex(leaf) or ()
        texts = [each.text for each in need if not isinstance(each, Regex)]
        return [texts] if texts and len(texts) == len(need) else []
    return []


def _cost(node: Node) -> int:
    """0 for what few titles hold, then what is read of a row, searched for, asked of stories."""
    if isinstance(node, And | Or):
        return max(map(_cost, node.children))
    if isinstance(node, Not):
        return max(1, _cost(node.child))
    if isinstance(node, Filter):
        return 3 if node.name in OF_STORIES else 1
    return 2 if isinstance(node, Regex) else 0
