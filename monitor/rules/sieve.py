"""Which of very many titles are worth a closer look: folded and searched all at once.

Folding a title costs some microseconds, most of it for the calls. Thousands of titles as one
text cost a tenth of that, and one search finds the literals of all queries in all of them.
"""

from __future__ import annotations

import bisect
import itertools
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ahocorasick_rs import AhoCorasick

from monitor.rules.plan import need_of
from monitor.rules.prefilter import Need, any_of
from monitor.rules.preimage import is_han, spellings
from monitor.rules.regex import Regex, compile_regex
from monitor.rules.tree import Query
from monitor.rules.tree import Regex as Pattern
from monitor.text import fold, unify

FEW_TEXTS = 8
BREAK = "\x00"  # stands in no title, and combines with nothing


@dataclass(frozen=True, slots=True)
class Found:
    """For each text that is in a folded title the ``places`` of all such, and by place the
    ``folded`` titles: of those that may hold a text."""

    places: dict[str, set[int]]
    folded: dict[int, str]


class Scan:
    """Folded texts to find in very many titles."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = sorted(set(texts))
        self._automaton = AhoCorasick(self._texts) if self._texts else None
        self._hint = _hint(self._texts)

    def find(self, titles: Sequence[str]) -> Found:
        """What is where in ``titles``."""
        if self._hint is None:
            return self._find(titles)
        hinted = [at for at, title in enumerate(titles) if self._hint(title)]
        found = self._find([titles[at] for at in hinted])
        return Found(
            {text: {hinted[at] for at in places} for text, places in found.places.items()},
            {hinted[at]: folded for at, folded in found.folded.items()},
        )

    def _find(self, titles: Sequence[str]) -> Found:
        places: dict[str, set[int]] = {}
        if self._automaton is None or not titles:
            return Found(places, {})
        joined = fold(join(titles)).text
        folded = joined.split(BREAK)
        ends = list(itertools.accumulate(len(part) + 1 for part in folded))
        for which, start, _ in self._automaton.find_matches_as_indexes(joined, overlapping=True):
            text = self._texts[which]
            places.setdefault(text, set()).add(bisect.bisect_right(ends, start))
        return Found(places, dict(enumerate(folded)))


def _hint(texts: Sequence[str]) -> Callable[[str], object] | None:
    """Tells of a title as it is, cheaply, whether one of a few texts may be in it: each begins
    with a Chinese character, one of whose spellings is there. None where there is no telling."""
    if not 0 < len(texts) <= FEW_TEXTS or not all(is_han(text[0]) for text in texts):
        return None
    chars = set().union(*(spellings(text[0]) for text in texts))
    return re.compile(f"[{re.escape(''.join(sorted(chars)))}]").search


def join(titles: Sequence[str]) -> str:
    """``titles`` as one text, with a BREAK between each two."""
    joined = BREAK.join(titles)
    if joined.count(BREAK) != len(titles) - 1:
        joined = BREAK.join(title.replace(BREAK, " ") for title in titles)
    return joined


class Sieve:
    """Lets every title pass that one of ``queries`` could match, and few others."""

    def __init__(self, queries: Iterable[Query]) -> None:
        self._need: Need = any_of(need_of(query) for query in queries)
        signals = self._need or ()
        self._scan = Scan(each.text for each in signals if not isinstance(each, Pattern))
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
        found: set[int] = set().union(*self._scan.find(titles).places.values())
        if self._regexes:
            found |= self._by_regex(titles)
        return sorted(found)

    def _by_regex(self, titles: Sequence[str]) -> set[int]:
        return set().union(*(found_in(titles, regex) for regex in self._regexes))


def found_in(titles: Sequence[str], regex: Regex) -> set[int]:
    """The places of those titles in which ``regex`` is found, as given or else unified."""
    given = _encoded(join(titles))
    found = regex.found_among(given)
    left = [at for at in range(len(titles)) if at not in found]
    if not left:
        return found
    unified = _encoded(unify(join([titles[at] for at in left])).text)
    changed = [(at, text) for at, text in zip(left, unified, strict=True) if text != given[at]]
    again = regex.found_among([text for _, text in changed])
    return found.union(changed[place][0] for place in again)


def _encoded(joined: str) -> list[bytes]:
    return joined.encode("utf-8", "replace").split(BREAK.encode())
