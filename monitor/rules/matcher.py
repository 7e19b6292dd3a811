"""Many rules over many titles in one pass.

One Aho-Corasick automaton (package ``ahocorasick_rs``, whose home this is) holds the
literals of all rules; only rules whose need a title meets are evaluated. Expressions that
contain no literal are searched a few at once; rules that need nothing (only filters, only
NOT) are evaluated for every title.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ahocorasick_rs import AhoCorasick

from monitor.rules import tree
from monitor.rules.filters import Subject, age_s
from monitor.rules.plan import Plan, Seen, Span, plan
from monitor.rules.regex import alternation, compile_regex
from monitor.rules.tree import Query
from monitor.text import fold, is_word_character
from monitor.types import Hit

__all__ = ["RuleSet", "Subject", "age_s"]

SMALLEST_OVERLAY = 64
OVERLAY_SHARE = 16
GATE_SIZE = 16


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
        of_events = subject.event is not None
        hits = [
            Hit(found.rule_id, _merged(found.step.spans(seen)))
            for layer in self._layers
            for seen in (Seen(subject, folded),)
            for found in layer.candidates(seen)
            if self._plans.get(found.rule_id) is found
            and found.of_events is of_events
            and found.step.test(seen)
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
        self._by_word: dict[str, list[Plan]] = {}
        self._by_part: dict[str, list[Plan]] = {}
        by_regex: dict[tree.Regex, list[Plan]] = {}
        for entry in plans:
            for signal in entry.need or ():
                if isinstance(signal, tree.Regex):
                    by_regex.setdefault(signal, []).append(entry)
                elif signal.whole:
                    self._by_word.setdefault(signal.text, []).append(entry)
                else:
                    self._by_part.setdefault(signal.text, []).append(entry)
        self._gates = _gates(by_regex)
        words = {word for entry in plans for word in entry.words}
        self._texts = sorted(words | self._by_part.keys())
        self._ends = [
            (is_word_character(text[0]), is_word_character(text[-1])) for text in self._texts
        ]
        self._automaton = AhoCorasick(self._texts)

    def candidates(self, seen: Seen) -> Iterable[Plan]:
        """The plans that can match; notes the words of the title in ``seen``."""
        parts = self._note_words(seen)
        if not parts and not self._gates:
            return self._always
        found = {entry.rule_id: entry for entry in self._always}
        for by_text, texts in ((self._by_word, seen.words), (self._by_part, parts)):
            for text in texts:
                for entry in by_text.get(text, ()):
                    found[entry.rule_id] = entry
        for gate in self._gates:
            for entry in gate.candidates(seen):
                found[entry.rule_id] = entry
        return found.values()

    def _note_words(self, seen: Seen) -> set[str]:
        """Every literal in the title, boundaries or not; those with go into ``seen.words``."""
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


class _Gate:
    """Expressions that no literal stands for: a few are searched together, then each alone."""

    __slots__ = ("_all", "_plans")

    def __init__(self, plans: list[tuple[tree.Regex, list[Plan]]]) -> None:
        joined = [(regex.pattern, regex.ignore_case) for regex, _ in plans]
        self._all = alternation(joined) if len(joined) > 1 else None
        self._plans = [
            (compile_regex(regex.pattern, regex.ignore_case), entries) for regex, entries in plans
        ]

    def candidates(self, seen: Seen) -> Iterator[Plan]:
        if self._all is None or seen.found(self._all):
            for regex, entries in self._plans:
                if seen.found(regex):
                    yield from entries


def _gates(by_regex: dict[tree.Regex, list[Plan]]) -> list[_Gate]:
    entries = list(by_regex.items())
    return [_Gate(entries[at : at + GATE_SIZE]) for at in range(0, len(entries), GATE_SIZE)]


def _merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Sorted; spans that overlap become one."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)
