"""Which of very many titles are worth a closer look: folded and searched all at once.

Folding a title costs some microseconds, most of it for the calls. Thousands of titles as one
text cost a tenth of that, and one search finds the literals of all queries in all of them.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterable, Sequence

from ahocorasick_rs import AhoCorasick

from monitor.rules.plan import need_of
from monitor.rules.prefilter import Need, any_of
from monitor.rules.regex import compile_regex
from monitor.rules.tree import Query
from monitor.rules.tree import Regex as Pattern
from monitor.text import fold, unify

BREAK = "\x00"  # stands in no title, and combines with nothing


class Sieve:
    """Lets every title pass that one of ``queries`` could match, and few others."""

    def __init__(self, queries: Iterable[Query]) -> None:
        self._need: Need = any_of(need_of(query) for query in queries)
        signals = self._need or ()
        texts = [each.text for each in signals if not isinstance(each, Pattern)]
        self._automaton = AhoCorasick(texts) if texts else None
        self._regexes = [
            compile_regex(each.pattern, each.ignore_case)
            for each in signals
            if isinstance(each, Pattern)
        ]

    @property
    def is_open(self) -> bool:
        """Whether it can hold nothing back: the queries ask for no text."""
        return self._need is None

    @property
    def texts(self) -> list[str] | None:
        """Folded texts of which a title must hold one; None where that does not say it all."""
        if self._need is None or self._regexes:
            return None
        return [each.text for each in self._need if not isinstance(each, Pattern)]

    def select(self, titles: Sequence[str]) -> list[int]:
        """The places in ``titles`` of those that pass, in order."""
        if self._need is None or not titles:
            return list(range(len(titles)))
        joined = BREAK.join(titles)
        if joined.count(BREAK) != len(titles) - 1:
            joined = BREAK.join(title.replace(BREAK, " ") for title in titles)
        found = self._by_literal(joined) if self._automaton else set()
        if self._regexes:
            found |= self._by_regex(titles, joined)
        return sorted(found)

    def _by_literal(self, joined: str) -> set[int]:
        assert self._automaton is not None
        folded = fold(joined).text
        ends = list(itertools.accumulate(len(part) + 1 for part in folded.split(BREAK)))
        matches = self._automaton.find_matches_as_indexes(folded)
        return {bisect.bisect_right(ends, start) for _, start, _ in matches}

    def _by_regex(self, titles: Sequence[str], joined: str) -> set[int]:
        unified = unify(joined).text.split(BREAK)
        return {
            at
            for at, (title, other) in enumerate(zip(titles, unified, strict=True))
            if self._matches(title) or (other != title and self._matches(other))
        }

    def _matches(self, text: str) -> bool:
        encoded = text.encode("utf-8", "replace")
        return any(regex.found(encoded) for regex in self._regexes)
