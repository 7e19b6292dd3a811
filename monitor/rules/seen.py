"""One title as all rules look at it: folded once, searched once, the rest on demand."""

from __future__ import annotations

import bisect
import operator
import re
from dataclasses import dataclass
from typing import Protocol

from monitor.rules.filters import Subject
from monitor.rules.regex import Regex
from monitor.rules.words import Cover, Words, joined
from monitor.text import Folded, unify

Span = tuple[int, int]
FEW_COVERS = 16
# A number, a word of an alphabet written with spaces, or one letter of any other writing.
_TOKEN = re.compile(
    r"\d+(?:[.,]\d+)+|[^\W_\u0590-\u1c7f\u2000-\U0010ffff]+|[^\W_]",
)
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Form:
    """A text that regular expressions search, and its UTF-8."""

    folded: Folded
    encoded: bytes


class Known(Protocol):
    """What covers keywords, whoever's title it is."""

    words: Words

    def covers(self, seen: Seen) -> list[Cover]:
        """Every word of the title that can cover a shorter keyword."""
        ...


class _Others:
    """The words of a title that are none of a rule's own, by their start."""

    __slots__ = ("covers", "longest", "starts")

    def __init__(self, covers: list[Cover]) -> None:
        self.covers = covers
        self.starts = [cover.start for cover in covers]
        self.longest = max((cover.end - cover.start for cover in covers), default=0)


class Seen:
    """What is known of one subject while rules look at it.

    ``words`` maps each literal that stands in the folded title, boundaries kept, to its
    spans there; ``loose`` those occurrences that a Latin letter or a digit continues.
    """

    __slots__ = ("_boundaries", "_covers", "_known", "_others", "_regexes", "_texts", "_tokens",
        "folded", "loose", "subject", "words")  # fmt: skip

    def __init__(self, subject: Subject, folded: Folded, known: Known) -> None:
        self.subject = subject
        self.folded = folded
        self.words: dict[str, list[Span]] = {}
        self.loose: dict[str, list[Span]] = {}
        self._known = known
        self._covers: list[Cover] | None = None
        self._others: dict[frozenset[str], _Others] = {}
        self._boundaries: frozenset[int] | None = None
        self._tokens: list[int] | None = None
        self._texts: tuple[Form, ...] | None = None
        self._regexes: dict[Regex, Form | None] = {}

    def cover(self, text: str, start: int, end: int, own: frozenset[str]) -> Cover | None:
        """The known word that makes the keyword ``text`` at this place count for nothing.

        ``own`` are the keywords of the rule that asks: they cover none of its own.
        """
        covers = self.covers()
        if len(covers) <= FEW_COVERS:
            for cover in covers:
                if cover.start > start:
                    break
                if cover.hides(text, start, end, self.folded.text) and cover.text not in own:
                    return cover
            return None
        return self._cover_among_many(text, start, end, own)

    def _cover_among_many(
        self, text: str, start: int, end: int, own: frozenset[str]
    ) -> Cover | None:
        others = self._others.get(own)
        if others is None:
            left = [cover for cover in self.covers() if cover.text not in own]
            others = self._others[own] = _Others(left)
        starts = others.starts
        first = bisect.bisect_left(starts, end - others.longest)
        for cover in others.covers[first : bisect.bisect_right(starts, start)]:
            if cover.hides(text, start, end, self.folded.text):
                return cover
        return None

    def covers(self) -> list[Cover]:
        """Every word of the title that can cover a shorter keyword, by its start."""
        if self._covers is None:
            self._covers = self._known.covers(self)
            self._covers.sort(key=_cover_start)
        return self._covers

    def ends_words(self, start: int, end: int) -> bool:
        """Whether both ends of a span are ends of words, Chinese ones by segmentation."""
        text = self.folded.text
        inner = [at for at in (start, end) if joined(text, at)]
        if not inner:
            return True
        if self._boundaries is None:
            self._boundaries = self._known.words.boundaries(text)
        return all(at in self._boundaries for at in inner)

    def token_starts(self) -> list[int]:
        """Where the tokens of the folded title begin, in order."""
        if self._tokens is None:
            self._tokens = [found.start() for found in _TOKEN.finditer(self.folded.text)]
        return self._tokens

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


_cover_start = operator.attrgetter("start")
