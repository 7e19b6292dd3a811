"""Regular expressions in linear time. The home of RE2 (package ``google-re2``)."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence

import re2

MEMORY = 4 << 20
TOGETHER = 16
# The very ends of a text, what sets flags of its own, and what hides either.
_ENDS = re.compile(r"\\[AzQE]|\(\?[A-Za-z]*-?[A-Za-z]*[):]")
# What takes a single byte, which may be part of a character; all between \Q and \E stands
# for itself.
_BYTE = re.compile(r"(?:[^\\]|\\Q(?>.*?(?:\\E|\Z))|\\[^CQ])*?\\C", re.DOTALL)
MOST_SPANS = 64  # empty matches included: each search is linear, so is a bounded number


class RegexError(Exception):
    """RE2 refused a pattern: ``reason`` says why and the way out, ``offset`` where."""

    def __init__(self, reason: str, offset: int) -> None:
        self.reason = reason
        self.offset = offset
        super().__init__(reason)


class Regex:
    """A compiled pattern that searches in time linear in the text's length."""

    __slots__ = ("_gate", "_iterate", "_quick", "_search")

    def __init__(self, pattern: str, ignore_case: bool) -> None:
        if byte := _BYTE.match(pattern):
            raise RegexError("\\C is a byte, a part of a character; write .", byte.end() - 2)
        options = re2.Options()
        options.log_errors = False
        options.never_capture = True
        options.case_sensitive = not ignore_case
        options.max_mem = MEMORY
        try:
            compiled = re2.compile(pattern.encode(), options)
        except re2.error as error:
            raise _explain(pattern, error) from error
        self._search = compiled.search
        self._iterate = compiled.finditer
        self._quick = _quick(pattern, options)
        # Of lines: what matches a line alone, matches there among others too.
        lines = None if _ENDS.search(pattern) else f"(?m:{pattern})"
        self._gate = _gate(lines, options) if lines else None

    def found(self, text: bytes) -> bool:
        """Whether the pattern matches somewhere in ``text``, which is UTF-8."""
        return self._search(text) is not None

    def found_among(self, texts: Sequence[bytes]) -> set[int]:
        """The places of those ``texts`` in which the pattern is found.

        A call costs more than the search: several texts are searched together first.
        """
        found: set[int] = set()
        for at in range(0, len(texts), TOGETHER):
            part = texts[at : at + TOGETHER]
            if self._gate is None or self._gate(b"\n".join(part)) is not None:
                quick = self._quick if 2 * len(found) > at else _never
                search = self._search
                found.update(
                    at + i for i, each in enumerate(part) if quick(each) or search(each) is not None
                )
        return found

    def spans(self, text: bytes) -> Iterator[tuple[int, int]]:
        """Up to 64 non-empty matches in order, in characters."""
        chars = at = 0
        for match, _ in zip(self._iterate(text), range(MOST_SPANS), strict=False):
            start, end = match.span()
            if start < end:
                chars += len(text[at:start].decode())
                width = len(text[start:end].decode())
                yield chars, chars + width
                chars, at = chars + width, end


def _gate(lines: str, options: re2.Options) -> Callable[[bytes], object] | None:
    """A search of several lines at once; None where the expression alone just fits in memory."""
    try:
        search: Callable[[bytes], object] = re2.compile(lines.encode(), options).search
    except re2.error:
        return None
    return search


def _quick(pattern: str, options: re2.Options) -> Callable[[bytes], object]:
    """A search without a match object, three times as fast. A miss says nothing: where memory
    runs short, as it does for a set long before it does for an expression, it finds nothing at
    all."""
    one = re2.Set.SearchSet(options)
    one.Add(pattern.encode())
    try:
        one.Compile()
    except re2.error:
        return _never
    match: Callable[[bytes], object] = one.Match
    return match


def _never(_text: bytes) -> bool:
    return False


@functools.lru_cache(maxsize=512)
def compile_regex(pattern: str, ignore_case: bool) -> Regex:
    """The compiled pattern; RegexError where RE2 refuses it."""
    return Regex(pattern, ignore_case)


def alternation(regexes: Iterable[tuple[str, bool]]) -> Regex | None:
    """One expression found wherever one of ``regexes`` (pattern, ignore case) is.

    None where they cannot be joined: a group's name twice, an open quotation, too large.
    """
    parts = [f"(?{'i' if ignore_case else ''}:{pattern})" for pattern, ignore_case in regexes]
    if any("\\Q" in part for part in parts):
        return None
    try:
        return Regex("|".join(parts), ignore_case=False)
    except RegexError:
        return None


def _explain(pattern: str, error: Exception) -> RegexError:
    message = error.args[0]
    text = message.decode("utf-8", "replace") if isinstance(message, bytes) else str(message)
    kind, _, fragment = text.partition(": ")
    reason = f"RE2 refuses this expression: {kind} {fragment}".rstrip()
    for part, way_out in _WAYS_OUT:
        if re.search(part, text):
            reason += f"; {way_out}"
            break
    # What is not closed reaches to the end: the same may stand before it.
    find = pattern.rfind if kind == "missing ]" else pattern.find
    offset = find(fragment) if fragment and fragment != pattern else 0
    return RegexError(reason, max(offset, 0))


_WAYS_OUT = (
    (r"\(\?<?[=!]", "there is no look-around: write /this/ AND NOT /that/ as two terms"),
    (r"\(\?>", "there are no atomic groups, and no need: write (?:…)"),
    (r"invalid escape sequence: \\\d", "there are no back-references: spell the repetition out"),
    (r"invalid escape sequence: \\Z", "the end of the title is $"),
    (r"bad repetition operator: .*\+$", "there are no possessive repetitions: drop the last +"),
    (r"bad repetition operator", "put the repeated part into (…)"),
    (r"repetition size", "a repetition is at most 1000"),
    (r"no argument for repetition", "something must stand before * + ? — for the character: \\*"),
    (r"missing \)", "close the group with ), or write \\( for the character"),
    (r"unexpected \)", "write \\) for the character"),
    (r"missing \]", "close the class with ], or write \\[ for the character"),
    (r"pattern too large", "use smaller repetitions"),
    (r"trailing \\", "write \\\\ for a backslash"),
)
