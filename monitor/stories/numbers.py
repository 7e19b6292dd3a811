"""The numbers of a title: their value, and what they count. Pure.

Two titles of the same news may leave a number out, but do not give two values for one thing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from monitor.stories import measures

_SLACK = 0.05
# Nearly four tenths may be 36 %.
_TENTHS = 0.11
# 300 and more may be 399, and over 215 may be 230.
_ONE_FIGURE, _MORE = 1.34, 1.08
# Small numbers are the same by chance unless they count the same.
_SMALL = 10
# Numbers as large are sums of money, unless Chinese tells of what.
_LARGE = 1e8
_STRICT = frozenset(
    {"%", "grade", "score", "month", "day", "quarter", "model", "age", "minutes", "hour"}
)
# Line 2, the 8th fair, November: whatever is told of them has these numbers.
_LABELS = frozenset({"model", "nth", "day", "month", "year", "quarter"})
_PEOPLE = frozenset({"人", *measures.CASUALTIES})


_LETTER = re.compile("[a-z](?![a-z0-9])")


class Quantity(NamedTuple):
    """``kind`` is what is counted: ``%``, ``money``, ``dead``, or the word that follows.
    ``least``: it may be somewhat more."""

    kind: str
    value: tuple[float, ...]
    rough: bool
    least: bool = False


def find(text: str) -> tuple[tuple[Quantity, ...], str]:
    """The numbers of a folded text, and the text with a ``\\0`` where each stood."""
    if "th" in text:
        text = measures.ORDINAL.sub(lambda match: measures.NTH[match[1]], text)
    if not measures.MAY_COUNT.search(text):
        return (), text
    found: list[Quantity] = []
    rest: list[str] = []
    at = 0
    for match in measures.NUMBER.finditer(text):
        start, end = match.span()
        if start < at or _is_in_word(text, match):
            continue
        quantity, end = _read(text, match)
        if quantity is not None:
            found.append(quantity)
            rest += (text[at:start], "\0")
            at = end
    return tuple(found), "".join((*rest, text[at:]))


def agree(a: Sequence[Quantity], b: Sequence[Quantity]) -> tuple[int, int, int, int]:
    """How many quantities are the same, how many numbers that are but part of a name or a date,
    how many contradict each other, and how many of the side with fewer left have no fellow."""
    fellows, mine, left = _matched(a, b)
    labels = sum(one.kind in _LABELS or other.kind in _LABELS for one, other in fellows)
    shared = len(fellows) - labels
    against = 0
    for one in mine:
        if any(one.kind == other.kind or {one.kind, other.kind} & {""} for other in left):
            against += 1
    return shared, labels, against, min(len(mine), len(left))


def unmatched(
    a: Sequence[Quantity], b: Sequence[Quantity]
) -> tuple[list[Quantity], list[Quantity]]:
    """The quantities of each that the other does not tell."""
    _, mine, left = _matched(a, b)
    return mine, left


def _matched(
    a: Sequence[Quantity], b: Sequence[Quantity]
) -> tuple[list[tuple[Quantity, Quantity]], list[Quantity], list[Quantity]]:
    """Those that are the same, and what is left of each."""
    left, mine, fellows = list(b), list[Quantity](), list[tuple[Quantity, Quantity]]()
    for one in a:
        fellow = next((other for other in left if _same(one, other)), None)
        if fellow is None:
            mine.append(one)
        else:
            left.remove(fellow)
            fellows.append((one, fellow))
    return fellows, mine, left


def _same(one: Quantity, other: Quantity) -> bool:
    if len(one.value) != len(other.value) or not _comparable(one, other):
        return False
    if one.value == other.value:
        return True
    a, b = one.value[0], other.value[0]
    if len(one.value) > 1:
        return False
    if one.least != other.least:
        return _is_a_little_more(*((a, b) if one.least else (b, a)))
    if one.rough or other.rough:
        tenths = one.kind == other.kind == "%" and (a % 10 == 0 or b % 10 == 0)
        return abs(a - b) <= (_TENTHS if tenths else _SLACK) * max(a, b)
    return max(a, b) >= 1_000 and _rounded(a, b)


def _comparable(one: Quantity, other: Quantity) -> bool:
    """Whether the two may count the same; a number without a word may count anything."""
    kinds = {one.kind, other.kind}
    if len(kinds) == 1 or "" in kinds:
        return True
    return not kinds <= _STRICT and (max(one.value) > _SMALL or kinds <= _PEOPLE)


def _is_a_little_more(least: float, value: float) -> bool:
    """Whether a number is told as ``least`` or more: 325 as 300 and more, 215 as over 200."""
    one_figure = len(f"{least:.9g}".replace(".", "").strip("0")) == 1
    return least * (1 - _SLACK) <= value <= least * (_ONE_FIGURE if one_figure else _MORE)


def _rounded(a: float, b: float) -> bool:
    """Whether the less exact one, of two figures or more, is the other rounded."""
    digits = min(len(f"{value:.9g}".replace(".", "").rstrip("0")) for value in (a, b))
    return digits >= 2 and f"{a:.{digits}g}" == f"{b:.{digits}g}"


def _is_in_word(text: str, match: re.Match[str]) -> bool:
    """Whether a number is part of a name, such as yu9, mh370 or 5g."""
    start, end, group = match.start(), match.end(), match.lastgroup or ""
    before = text[start - 1] if start else " "
    if group == "digits" and _LETTER.match(text, end):
        return True
    return group not in {"score", "han"} and before.isascii() and before.isalpha()


def _read(text: str, match: re.Match[str]) -> tuple[Quantity | None, int]:
    groups, end = match.groupdict(), match.end()
    if groups["score"] or groups["hanscore"]:
        sides = re.split("[-–—:比]", match[0])
        values = [float(side) if groups["score"] else _han(side) for side in sides]
        return Quantity("score", tuple(sorted(values)), False), end
    if groups["quarter"]:
        return Quantity("quarter", (_quarter(match[0]),), False), end
    if groups["fraction"]:
        return Quantity("%", (0.25 if "quarter" in match[0] else 0.5,), False), end
    if groups["part"]:
        return Quantity("%", (measures.PARTS[match[0].split()[-1]],), True), end
    if groups["month"]:
        return Quantity("month", (float(measures.MONTHS[match[0]]),), False), end
    return _counted(text, match, _value(groups))


def _counted(text: str, match: re.Match[str], value: float) -> tuple[Quantity | None, int]:
    before, end = text[max(0, match.start() - 30) : match.start()], match.end()
    least = bool(measures.LEAST_BEFORE.search(before) or measures.ROUGH_AFTER.match(text, end))
    rough = least or bool(measures.ROUGH_BEFORE.search(before))
    kind = ""
    if measures.ANY_BEFORE.search(before) and not measures.SURELY_AFTER.match(text, end):
        kind = next(kind for pattern, kind in measures.BEFORE if pattern.search(before))
    elif after := measures.ANY_AFTER.match(text, end):
        kind, factor = measures.AFTER[int((after.lastgroup or "k0")[1:])][1:]
        value = round(value * factor, 6)
        # What happened to them is an act besides.
        end = end if kind in measures.CASUALTIES else after.end()
    kind, value = _dated(kind, value, match, before)
    if not kind:
        kind = _unit(text, end)
        if value >= _LARGE and kind >= "\u3400" and kind not in measures.COUNTED:
            kind = "money"
        if value == 1:
            return None, end
    return Quantity(kind, (value,), rough, least), end


def _dated(kind: str, value: float, match: re.Match[str], before: str) -> tuple[str, float]:
    """The kind of a number that may stand for a time."""
    if kind == "hour" and value <= 12 and measures.AFTERNOON.search(before):
        return kind, value + 12
    if kind == "day" and (match["han"] or measures.DETAINED.search(before)):
        return "days", value
    if kind == "month" and value > 12:
        return "months", value
    bare = not kind and match["digits"] and len(match[0]) == 4
    if (kind == "years" and 1900 <= value <= 2100) or (bare and 1990 <= value <= 2050):
        return "year", value
    return kind, value


def _unit(text: str, at: int) -> str:
    """The word that follows a number."""
    found = measures.UNIT.match(text, at)
    word = (found[1] if found else "") or ""
    return measures.UNITS.get(word, word.rstrip("s"))


def _value(groups: dict[str, str | None]) -> float:
    if digits := groups["digits"]:
        scale = (groups["scale"] or "").strip()
        return float(digits.replace(",", "")) * measures.SCALES.get(scale, 1.0)
    if han := groups["han"]:
        return _han(han)
    scale = (groups["wscale"] or "").strip()
    return measures.WORDS[groups["word"] or "zero"] * measures.SCALES.get(scale, 1.0)


def _han(text: str) -> float:
    """A number in Chinese characters."""
    total, section, digit = 0, 0, 0
    for char in text:
        if char in measures.HAN_DIGITS:
            digit = measures.HAN_DIGITS[char]
        elif char in measures.HAN_UNITS:
            section += (digit or 1) * measures.HAN_UNITS[char]
            digit = 0
        else:
            total = (total + section + digit) * measures.HAN_SCALES[char]
            section = digit = 0
    return float(total + section + digit)


def _quarter(text: str) -> float:
    for word, value in measures.ORDINALS.items():
        if text.startswith(word):
            return float(value)
    char = next(char for char in text if char.isdecimal() or char in measures.HAN_DIGITS)
    return float(char) if char.isdecimal() else float(measures.HAN_DIGITS[char])
