"""Which of very many titles hold a Chinese keyword as a word.

To cut a title into words takes some ten microseconds. Where no word of the dictionary reaches
over an end of the keyword, every cut has that end. Only the rest is cut: not the title but the
run of letters around the keyword, and those of all titles in one call.
"""

from __future__ import annotations

import bisect
import itertools
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ahocorasick_rs import AhoCorasick

from monitor.rules.words import Words, joined

BREAK = "\x00"  # stands in no title
# Marks that belong to no run of letters that is cut, neither by jieba nor by rjieba.
_MARKS = re.compile("[\x00 !\"'()*,/:;<=>?\\[\\]|~。、《》“”‘’…—「」『』【】]")
Fits = Callable[[str, int, int], bool]


@dataclass(frozen=True, slots=True)
class _Open:
    """An occurrence that only a cut can judge: ``inner`` are its ends within a run of letters,
    as places in that ``run``."""

    place: int
    run: str
    inner: tuple[int, ...]


class WordEnds:
    """Judges all occurrences of a folded keyword as ``Seen.ends_words`` does one by one."""

    def __init__(self, text: str, words: Words) -> None:
        self._words = words
        self._size = len(text)
        self._occurrence = re.compile(f"(?={re.escape(text)})")
        over = words.reaching_over(text)
        self._over = AhoCorasick(over) if over else None

    def standing(self, titles: Sequence[str], fits: Fits | None = None) -> set[int]:
        """The places of the folded ``titles`` in which the keyword stands as a word, where it
        also ``fits``: a title, and the span in it."""
        text = BREAK.join(titles)
        begins = list(itertools.accumulate((len(title) + 1 for title in titles), initial=0))
        doubtful, found, open_ = self._doubtful(text), set[int](), list[tuple[int, int]]()
        for match in self._occurrence.finditer(text):
            start, place = match.start(), bisect.bisect_right(begins, match.start()) - 1
            begin = begins[place]
            if place in found or (
                fits and not fits(titles[place], start - begin, start - begin + self._size)
            ):
                continue
            if start in doubtful or start + self._size in doubtful:
                open_.append((place, start))
            else:
                found.add(place)
        left = [each for each in open_ if each[0] not in found]
        return found.union(self._cut(self._runs(text, left)))

    def _doubtful(self, text: str) -> set[int]:
        """Within words that reach over an end: letters elsewhere are parted by every cut."""
        if self._over is None:
            return set()
        words = self._over.find_matches_as_indexes(text, overlapping=True)
        return {at for _, start, end in words for at in range(start + 1, end)}

    def _runs(self, text: str, occurrences: Iterable[tuple[int, int]]) -> Iterable[_Open]:
        parted = _MARKS.sub(BREAK, text)
        for place, start in occurrences:
            end = start + self._size
            first, last = parted.rfind(BREAK, 0, start) + 1, parted.find(BREAK, end)
            run = text[first : last if last >= 0 else len(text)]
            inner = tuple(at - first for at in (start, end) if joined(text, at))
            yield _Open(place, run, inner)

    def _cut(self, occurrences: Iterable[_Open]) -> Iterable[int]:
        """The places of those whose inner ends are ends of words."""
        given = list(occurrences)
        runs = list(dict.fromkeys(each.run for each in given))
        begins = itertools.accumulate((len(run) + 1 for run in runs), initial=0)
        begin_of = dict(zip(runs, begins, strict=False))
        ends = self._words.boundaries("\n".join(runs)) if runs else frozenset()
        for each in given:
            if all(begin_of[each.run] + at in ends for at in each.inner):
                yield each.place
