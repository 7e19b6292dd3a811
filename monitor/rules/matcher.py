"""Many rules over many titles in one pass.

One Aho-Corasick automaton (package ``ahocorasick_rs``, whose home this is) holds the
literals of all rules; only rules whose need a title meets are evaluated. Expressions that
contain no literal are searched a few at once; rules that need nothing (only filters, only
NOT) are evaluated for every title.
"""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from ahocorasick_rs import AhoCorasick

from monitor.rules import tree
from monitor.rules.filters import Subject, age_s
from monitor.rules.plan import Plan, hidden, holds, plan
from monitor.rules.regex import alternation, compile_regex
from monitor.rules.seen import Seen, Span
from monitor.rules.tree import Query, literals
from monitor.rules.words import KEYWORD, Cover, Words, default_words
from monitor.text import Folded, fold, is_word_character
from monitor.types import Hit

__all__ = ["Hidden", "RuleSet", "Subject", "age_s"]

SMALLEST_OVERLAY = 64
OVERLAY_SHARE = 16
GATE_SIZE = 16
FEW_WORDS = 32
# A literal's number, and its span in a folded title.
Place = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Hidden:
    """A keyword at ``span`` of the title that does not count, since ``word`` covers it."""

    span: Span
    word: str
    origin: str


class RuleSet:
    """Rules by id, ready to match. Immutable: a change gives a new set that shares the rest.

    Of two keywords in one place the longer wins, whichever rule it is from; ``words`` adds
    what covers keywords beside the rules.
    """

    def __init__(self, rules: Iterable[tuple[int, Query]] = (), words: Words | None = None) -> None:
        self.words = words or default_words()
        self._plans = {rule_id: plan(rule_id, query) for rule_id, query in rules}
        self._keywords = Counter(word for entry in self._plans.values() for word in entry.keywords)
        self._layers: tuple[_Layer, ...] = (_Layer(list(self._plans.values())),)

    def __len__(self) -> int:
        return len(self._plans)

    def __contains__(self, rule_id: int) -> bool:
        return rule_id in self._plans

    def with_rule(self, rule_id: int, query: Query) -> RuleSet:
        """A set in which ``rule_id`` means ``query``; costs far less than building anew."""
        return self._changed(rule_id, plan(rule_id, query))

    def without_rule(self, rule_id: int) -> RuleSet:
        """A set without ``rule_id``."""
        return self._changed(rule_id, None)

    def match(self, subject: Subject) -> list[Hit]:
        """The rules that ``subject`` matches, by id, with spans in its title as given."""
        folded = fold(subject.title)
        places = [layer.find(folded.text) for layer in self._layers]
        if not any(places) and not any(layer.asks_always for layer in self._layers):
            return []  # most titles meet no literal of any rule
        seen = self._seen(subject, folded, places)
        hits = [
            Hit(found.rule_id, _merged(found.step.spans(seen)))
            for layer in self._layers
            for found in layer.candidates(seen)
            if self._plans.get(found.rule_id) is found and holds(found, seen)
        ]
        if len(hits) > 1:
            hits.sort(key=_rule_id)
        return hits

    def match_one(self, rule_id: int, seen: Seen) -> Hit | None:
        """What one rule says of a subject that this set was shown. Raises KeyError."""
        found = self._plans[rule_id]
        return Hit(rule_id, _merged(found.step.spans(seen))) if holds(found, seen) else None

    def match_many(self, subjects: Sequence[Subject]) -> list[list[Hit]]:
        """``match`` for each subject, in order."""
        return [self.match(subject) for subject in subjects]

    def look(self, subject: Subject) -> Seen:
        """What rules see of ``subject``: for those who ask more than ``match`` answers."""
        folded = fold(subject.title)
        return self._seen(subject, folded, [layer.find(folded.text) for layer in self._layers])

    def _seen(self, subject: Subject, folded: Folded, places: Iterable[list[Place]]) -> Seen:
        seen = Seen(subject, folded, self)
        for layer, found in zip(self._layers, places, strict=True):
            if found:
                layer.note_words(seen, found)
        return seen

    def plan(self, rule_id: int) -> Plan:
        """The rule made ready. Raises KeyError."""
        return self._plans[rule_id]

    def hidden(self, rule_id: int, subject: Subject) -> list[Hidden]:
        """Keywords of a rule that stand in the title and do not count, since longer ones do."""
        return self.hidden_in(rule_id, self.look(subject))

    def hidden_in(self, rule_id: int, seen: Seen) -> list[Hidden]:
        """``hidden``, of a subject that this set was shown."""
        return [
            Hidden(seen.folded.span(*span), cover.text, cover.origin)
            for span, cover in hidden(self._plans[rule_id], seen)
        ]

    def covers(self, seen: Seen) -> list[Cover]:
        """The rules' keywords and the known words in a title."""
        known = self.words.covers(seen.folded.text) if self.words.may_cover(seen.words) else []
        longer = _longer(seen.words) if len(seen.words) > 1 else ()
        if not longer:
            return known
        ours = [
            Cover(start, end, text, None, KEYWORD)
            for text in longer
            if self._keywords[text] > 0
            for start, end in seen.words[text]
        ]
        return ours + known

    def stands_alone(self, text: str, own: frozenset[str]) -> bool:
        """Whether no word covers the folded keyword ``text`` of a rule with these keywords."""
        if self.words.may_cover((text,)):
            return False
        others = (word for word, count in self._keywords.items() if count > 0)
        return not any(text in word and text != word and word not in own for word in others)

    def prepare(self) -> None:
        """Read what matching will need, if a rule needs it: seconds, once."""
        for entry in self._plans.values():
            if any(literal.mode == "word" for literal in literals(entry.query.root)):
                self.words.boundaries("")
                return

    def _changed(self, rule_id: int, added: Plan | None) -> RuleSet:
        """A set with one rule replaced: the first layer stays while the overlay is small."""
        plans, keywords = dict(self._plans), self._keywords.copy()
        former = plans.pop(rule_id, None)
        keywords.subtract(former.keywords if former else ())
        if added:
            plans[rule_id] = added
            keywords.update(added.keywords)
        base = self._layers[0]
        overlay = [entry for layer in self._layers[1:] for entry in layer.plans]
        overlay = [entry for entry in overlay if plans.get(entry.rule_id) is entry]
        overlay += [added] if added else []
        result = RuleSet((), self.words)
        result._plans, result._keywords = plans, keywords
        if len(overlay) > max(SMALLEST_OVERLAY, len(base.plans) // OVERLAY_SHARE):
            result._layers = (_Layer(list(plans.values())),)
        else:
            result._layers = (base, _Layer(overlay, below=base)) if overlay else (base,)
        return result


class _Layer:
    """Plans behind one automaton. A plan that its set has replaced since is still found."""

    def __init__(self, plans: list[Plan], below: _Layer | None = None) -> None:
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
        # What the layer below finds already is not looked for again.
        found: frozenset[str] = below.texts if below else frozenset()
        self.texts: frozenset[str] = frozenset(words | self._by_part.keys())
        self._texts = sorted(self.texts - found)
        self._ends = [
            (is_word_character(text[0]), is_word_character(text[-1])) for text in self._texts
        ]
        self._automaton = AhoCorasick(self._texts)
        self.asks_always = bool(self._always or self._gates)

    def find(self, folded: str) -> list[Place]:
        """Where the layer's literals stand in a folded title."""
        return self._automaton.find_matches_as_indexes(folded, overlapping=True)

    def candidates(self, seen: Seen) -> Iterable[Plan]:
        """The plans that can match."""
        if not seen.words and not seen.loose and not self._gates:
            return self._always
        found = {entry.rule_id: entry for entry in self._always}
        for text in seen.words:
            for entry in self._by_word.get(text, ()):
                found[entry.rule_id] = entry
            for entry in self._by_part.get(text, ()):
                found[entry.rule_id] = entry
        for text in seen.loose:
            for entry in self._by_part.get(text, ()):
                found[entry.rule_id] = entry
        for gate in self._gates:
            for entry in gate.candidates(seen):
                found[entry.rule_id] = entry
        return found.values()

    def note_words(self, seen: Seen, places: Iterable[Place]) -> None:
        """Put every literal where it belongs: in ``seen.words`` or ``seen.loose``."""
        folded = seen.folded.text
        for index, start, end in places:
            latin_start, latin_end = self._ends[index]
            within = (latin_start and start and is_word_character(folded[start - 1])) or (
                latin_end and end < len(folded) and is_word_character(folded[end])
            )
            noted = seen.loose if within else seen.words
            noted.setdefault(self._texts[index], []).append((start, end))


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


def _longer(words: Collection[str]) -> list[str]:
    """Those of ``words`` that hold another: most titles have none."""
    shortest = min(map(len, words))
    longer = [word for word in words if len(word) > shortest]
    if len(words) > FEW_WORDS:
        return longer
    return [word for word in longer if any(other in word and other != word for other in words)]


_rule_id = operator.attrgetter("rule_id")


def _merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Sorted; spans that overlap become one."""
    given = sorted(spans)
    if len(given) < 2:
        return tuple(given)
    merged: list[Span] = []
    for start, end in given:
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)
