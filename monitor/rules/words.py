"""Known words: of two keywords the longer wins, and Chinese words end where they end.

``bundled.txt`` holds short names that hide in longer words of another meaning; it was
written for this project. A user adds words of their own (setting ``words`` of ``[text]``).
"""

from __future__ import annotations

import functools
import itertools
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files

from ahocorasick_rs import AhoCorasick

from monitor.text import fold, is_word_character

Span = tuple[int, int]
BUNDLED = "the bundled list"
YOURS = "your word list"
KEYWORD = "a rule's keyword"


@dataclass(frozen=True, slots=True)
class Cover:
    """A known word in a folded title; a shorter keyword within it does not count.

    ``over`` names the keywords that it covers, None all of them; ``origin`` says whose it is.
    """

    start: int
    end: int
    text: str
    over: frozenset[str] | None
    origin: str

    def hides(self, text: str, start: int, end: int, folded: str) -> bool:
        """Whether the keyword ``text`` at ``start`` is but a part of this word.

        Only where the word goes on in a writing without spaces: AI stays whole in AI芯片.
        """
        if not (self.start <= start and end <= self.end and end - start < self.end - self.start):
            return False
        if self.over is not None and text not in self.over:
            return False
        goes_on = self.start < start and joined(folded, start)
        return goes_on or (end < self.end and joined(folded, end))


class Words:
    """The bundled pairs and a user's words, folded. Immutable; safe between threads."""

    def __init__(
        self, yours: Iterable[str] = (), pairs: Mapping[str, frozenset[str]] | None = None
    ) -> None:
        self.yours = folded_words(yours)
        self._pairs = bundled() if pairs is None else pairs
        self._short = frozenset(short for shorts in self._pairs.values() for short in shorts)
        self._texts = sorted(self.yours | self._pairs.keys())
        self._automaton = AhoCorasick(self._texts)
        self._lock = threading.Lock()
        self._cut: Callable[[str], Iterable[str]] | None = None

    def may_cover(self, keywords: Iterable[str]) -> bool:
        """Whether a known word could cover one of ``keywords``."""
        return bool(self.yours) or not self._short.isdisjoint(keywords)

    def may_hide(self, text: str, whole: str, at: int) -> bool:
        """Whether a known word could cover the keyword ``text`` where it stands in ``whole``."""
        return any(
            _covers(word, text, whole, at)
            for word in self._texts
            if text in word and (word in self.yours or text in self._pairs[word])
        )

    def covers(self, folded: str) -> list[Cover]:
        """Every known word in ``folded``."""
        return [
            self._cover(self._texts[index], start, end)
            for index, start, end in self._automaton.find_matches_as_indexes(
                folded, overlapping=True
            )
            if is_whole(folded, start, end)
        ]

    def _cover(self, text: str, start: int, end: int) -> Cover:
        if text in self.yours:
            return Cover(start, end, text, None, YOURS)
        return Cover(start, end, text, self._pairs[text], BUNDLED)

    def boundaries(self, folded: str) -> frozenset[int]:
        """Where words of ``folded`` begin or end, as segmentation with the user's words has it.

        The dictionary (about a second and 100 MB) is read at the first call.
        """
        cut = self._cut
        if cut is None:
            with self._lock:
                cut = self._cut = self._cut or _segmenter(self.yours)
        return frozenset(itertools.accumulate(map(len, cut(folded)), initial=0))

    def reaching_over(self, text: str) -> list[str]:
        """The words that segmentation knows, and that can reach over an end of ``text``."""
        from classifiers.dictionary import words_with  # only who asks for it pays

        known = self.yours.union(*(words_with(char) for char in {text[0], text[-1]}))
        return sorted(word for word in known if _reaches_over(word, text))


def is_whole(folded: str, start: int, end: int) -> bool:
    """Whether no letter or digit of an alphabet written with spaces goes on at either end."""
    return not (
        (start and is_word_character(folded[start]) and is_word_character(folded[start - 1]))
        or (
            end < len(folded)
            and is_word_character(folded[end])
            and is_word_character(folded[end - 1])
        )
    )


# Han, kana and hangul.
_UNSPACED = re.compile(
    "[\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u9fff\uac00-\ud7ff\U00020000-\U0003ffff]"
)


def joined(folded: str, at: int) -> bool:
    """Whether letters of Chinese, Japanese or Korean stand on both sides of ``at``."""
    return 0 < at < len(folded) and bool(
        _UNSPACED.match(folded, at - 1) and _UNSPACED.match(folded, at)
    )


def _reaches_over(word: str, text: str) -> bool:
    """Whether an end of ``text`` can lie within ``word``."""
    for at in range(1 - len(text), len(word)):
        within = 0 < at < len(word) or 0 < at + len(text) < len(word)
        if within and word[max(at, 0) : at + len(text)] == text[max(-at, 0) : len(word) - at]:
            return True
    return False


def _covers(word: str, text: str, whole: str, at: int) -> bool:
    """Whether ``word`` can lie over ``text``, which stands in ``whole`` at ``at``, and goes on."""
    for begin in range(len(word) - len(text) + 1):
        if not word.startswith(text, begin):
            continue
        end, place = begin + len(text), at - begin
        shared = slice(max(place, 0), place + len(word))
        agrees = whole[shared] == word[max(-place, 0) :][: len(whole[shared])]
        if agrees and (joined(word, begin) or joined(word, end)):
            return True
    return False


def folded_words(words: Iterable[str]) -> frozenset[str]:
    """``words`` as they are compared."""
    folded = (fold(word).text.strip() for word in words)
    return frozenset(word for word in folded if word)


@functools.cache
def bundled() -> Mapping[str, frozenset[str]]:
    """The longer words of the bundled list, folded, and the shorter names that each covers."""
    pairs: dict[str, set[str]] = {}
    text = files("monitor.rules").joinpath("bundled.txt").read_text("utf-8")
    for line in text.splitlines():
        short, *longer = fold(line.partition("#")[0]).text.split() or [""]
        for word in longer:
            pairs.setdefault(word, set()).add(short)
    return {word: frozenset(shorts) for word, shorts in pairs.items()}


@functools.cache
def default_words() -> Words:
    """The bundled list alone."""
    return Words()


def _segmenter(words: Iterable[str]) -> Callable[[str], Iterable[str]]:
    from classifiers.segment import UserWord, make_segmenter  # only who asks for it pays

    return make_segmenter([UserWord(word) for word in sorted(words)])
