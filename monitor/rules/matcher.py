"""Many rules over many titles in one pass.

One Aho-Corasick automaton (package ``ahocorasick_rs``, whose home this is) holds the
literals of all rules; only rules whose need a title meets are evaluated. Rules that need
no literal (only filters, only NOT, some expressions) are evaluated for every title.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ahocorasick_rs import AhoCorasick

from monitor.rules.filters import Subject
from monitor.rules.plan import Plan, Seen, Span, plan
from monitor.rules.prefilter import Atom
from monitor.rules.tree import Query
from monitor.text import fold, is_word_character
from monitor.types import Hit

__all__ = ["RuleSet", "Subject"]

SMALLEST_OVERLAY = 64
OVERLAY_SHARE = 16


class RuleSet:
    """Rules by id, ready to match. Immutable: a change gives a new set that shares the rest."""

    def __init__(self, rules: Iterable[tuple[int, Query]] = ()) -> None:
        self._plans = {rule_id: plan(rule_id, query) for rule_id, query in rules}
        self._layers: tuple[_Layer, ...] = (_Layer(list(self._plans.values())),)

    def __len__(self) -> int:
        return len(self._plans)

    def with_rule(self, rule_id: int, query: Query) -> RuleSet:
        """A set in which ``rule_id`` means ``query``; costs far less than building anew."""
        return self._changed({**self._plans, rule_id: plan(rule_id, query)}, rule_id)

    def without_rule(self, rule_id: int) -> RuleSet:
        """A set without ``rule_id``."""
        left = {key: value for key, value in self._plans.items() if key != rule_id}
        return self._changed(left)

    def match(self, subject: Subject) -> list[Hit]:
        """The rules that ``subject`` matches, by id, with spans in its title as given."""
        folded = fold(subject.title)
        hits = [
            Hit(found.rule_id, _merged(found.step.spans(seen)))
            for layer in self._layers
            for seen in (Seen(subject, folded),)
            for found in layer.candidates(seen)
            if self._plans.get(found.rule_id) is found and found.step.test(seen)
        ]
        hits.sort(key=lambda hit: hit.rule_id)
        return hits

    def match_many(self, subjects: Sequence[Subject]) -> list[list[Hit]]:
        """``match`` for each subject, in order."""
        return [self.match(subject) for subject in subjects]

    def _changed(self, plans: dict[int, Plan], added: int | None = None) -> RuleSet:
        """A set of ``plans``: the first layer stays while the overlay above it is small."""
        base = self._layers[0]
        overlay = [entry for layer in self._layers[1:] for entry in layer.plans]
        overlay = [entry for entry in overlay if plans.get(entry.rule_id) is entry]
        overlay += [] if added is None else [plans[added]]
        result = RuleSet()
        result._plans = plans
        if len(overlay) > max(SMALLEST_OVERLAY, len(base.plans) // OVERLAY_SHARE):
            result._layers = (_Layer(list(plans.values())),)
        else:
            result._layers = (base, _Layer(overlay)) if overlay else (base,)
        return result


class _Layer:
    """Plans behind one automaton. A plan that its set has replaced since is still found."""

    def __init__(self, plans: list[Plan]) -> None:
        self.plans = plans
        self._always = [entry for entry in plans if entry.need is None]
        self._texts: list[str] = []
        self._by_word: dict[str, list[Plan]] = {}
        self._by_part: dict[str, list[Plan]] = {}
        texts: set[str] = set()
        for entry in plans:
            texts.update(entry.words)
            for atom in entry.need or ():
                self._index(atom, entry)
        self._texts = sorted(texts | self._by_word.keys() | self._by_part.keys())
        self._ends = [
            (is_word_character(text[0]), is_word_character(text[-1])) for text in self._texts
        ]
        self._automaton = AhoCorasick(self._texts) if self._texts else None

    def candidates(self, seen: Seen) -> Iterable[Plan]:
        """The plans that can match; notes the words of the title in ``seen``."""
        if self._automaton is None:
            return self._always
        parts = self._note_words(seen)
        if not parts:
            return self._always
        found = {id(entry): entry for entry in self._always}
        for by_text, texts in ((self._by_word, seen.words), (self._by_part, parts)):
            for text in texts:
                for entry in by_text.get(text, ()):
                    found[id(entry)] = entry
        return found.values()

    def _note_words(self, seen: Seen) -> set[str]:
        """Every literal in the title, boundaries or not; those with go into ``seen.words``."""
        assert self._automaton is not None
        folded = seen.folded.text
        parts: set[str] = set()
        for index, start, end in self._automaton.find_matches_as_indexes(folded, overlapping=True):
            text = self._texts[index]
            parts.add(text)
            latin_start, latin_end = self._ends[index]
            if latin_start and start and is_word_character(folded[start - 1]):
                continue
            if latin_end and end < len(folded) and is_word_character(folded[end]):
                continue
            seen.words.setdefault(text, []).append((start, end))
        return parts

    def _index(self, atom: Atom, entry: Plan) -> None:
        by_text = self._by_word if atom.whole else self._by_part
        by_text.setdefault(atom.text, []).append(entry)


def _merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Sorted; spans that overlap become one."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)
