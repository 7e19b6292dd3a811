"""What a title must contain before a rule is worth evaluating.

A ``Need`` is a set of literals and expressions of which at least one is found in every
title that matches; None means that nothing is known. It may be too weak, never too strong.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from monitor.rules.tree import Regex
from monitor.text import fold


@dataclass(frozen=True, slots=True)
class Atom:
    """A folded text; ``whole`` asks for word boundaries at its Latin ends."""

    text: str
    whole: bool


Signal = Atom | Regex
Need = frozenset[Signal] | None


def any_of(needs: Iterable[Need]) -> Need:
    """The need of alternatives."""
    united: set[Signal] = set()
    for need in needs:
        if need is None:
            return None
        united |= need
    return frozenset(united)


def all_of(needs: Iterable[Need]) -> Need:
    """The need of a conjunction: that of the part which titles meet most seldom."""
    return min((need for need in needs if need is not None), key=_frequency, default=None)


def need_of_regex(regex: Regex) -> Need:
    """Letters, digits and han that every match contains, else the expression itself.

    Anything unusual (nested deeply, octal, \\Q…\\E) is not looked into.
    """
    try:
        need = _Scan(regex.pattern).alternatives(0)
    except _UnusualError:
        need = None
    return need or frozenset({regex})


def _frequency(need: frozenset[Signal]) -> float:
    """A rough share of titles that meet ``need``: han say more than letters."""
    return sum(_share(signal) for signal in need)


def _share(signal: Signal) -> float:
    if isinstance(signal, Regex):
        return 1.0
    weights = (1.0 if char > "\u2e80" else 0.35 for char in signal.text)
    return float(0.05 ** sum(weights))


class _UnusualError(Exception):
    pass


_LITERAL = re.compile("[0-9A-Za-z\u3400-\u4dbf\u4e00-\u9fff]")
_GROUP = re.compile(r"\((?:\?(?:P?<\w+>|[A-Za-z-]*:))?")
_FLAGS = re.compile(r"\(\?[A-Za-z-]*\)")
_CLASS = re.compile(r"\[\^?\]?(?:[^\]\[\\]|\\[^pPxQ0-9])*\]")
_CLASS_ESCAPES = "dDwWsSbB"
_MOST_NESTED = 20


class _Scan:
    """One pass over a pattern that RE2 has accepted."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0

    def alternatives(self, depth: int) -> Need:
        if depth > _MOST_NESTED:
            raise _UnusualError
        needs = [self._sequence(depth)]
        while self._peek() == "|":
            self._at += 1
            needs.append(self._sequence(depth))
        return any_of(needs)

    def _sequence(self, depth: int) -> Need:
        needs: list[Need] = []
        run = ""
        while (char := self._peek()) not in {"", "|", ")"}:
            literal = _LITERAL.match(char)
            inner = None if literal else self._opaque(char, depth)
            self._at += 1 if literal else 0
            repeated = self._quantifier()
            if literal and not repeated.startswith(("?", "*", "{")):
                run += char
                if not repeated:
                    continue
            elif inner is not None and not repeated.startswith(("?", "*", "{")):
                needs.append(inner)
            needs.append(_substring(run))
            run = ""
        return all_of([*needs, _substring(run)])

    def _opaque(self, char: str, depth: int) -> Need:
        """Step over what is no literal character; a group gives its own need."""
        if char == "(":
            return self._group(depth)
        if char == "[":
            found = _CLASS.match(self._pattern, self._at)
            if found is None:
                raise _UnusualError
            self._at = found.end()
            return None
        if char == "\\":
            escaped = self._pattern[self._at + 1]
            if escaped.isalnum() and escaped not in _CLASS_ESCAPES:
                raise _UnusualError
            self._at += 2
            return None
        self._at += 1
        return None

    def _group(self, depth: int) -> Need:
        if flags := _FLAGS.match(self._pattern, self._at):
            self._at = flags.end()
            return None
        opening = _GROUP.match(self._pattern, self._at)
        if opening is None or self._pattern.startswith("?", opening.end()):
            raise _UnusualError
        self._at = opening.end()
        need = self.alternatives(depth + 1)
        if self._peek() != ")":
            raise _UnusualError
        self._at += 1
        return need

    def _quantifier(self) -> str:
        found = _QUANTIFIER.match(self._pattern, self._at)
        self._at = found.end() if found else self._at
        return found[0] if found else ""

    def _peek(self) -> str:
        return self._pattern[self._at : self._at + 1]


_QUANTIFIER = re.compile(r"(?:[*+?]|\{\d+(?:,\d*)?\})\??")


def _substring(run: str) -> Need:
    return frozenset({Atom(fold(run).text, whole=False)}) if run else None
