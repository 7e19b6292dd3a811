"""What a report tells, as plain numbers. Pure; needs NumPy, neither scikit-learn nor pictures."""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classifiers.evaluate import Answers

MOST_SECTIONS = 30  # in the matrix; the rest are counted together
OTHERS = "…"
WORST_PAIRS = 12
TITLES_OF_A_PAIR = 5
MOST_MOVED = 30
MOST_CORRECTIONS = 200
_CURVE_POINTS = 100
_LONGEST_TITLE = 200
_UNPRINTABLE = {"Cc", "Cs", "Cn", "Co", "Zl", "Zp"}
_DIRECTIONS = {*map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A))}


@dataclass(frozen=True, slots=True)
class Matrix:
    """``counts[i, j]`` titles of section ``rows[i]`` were answered ``columns[j]``."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    counts: NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Mistake:
    """A title that was answered wrong, and how sure the answer was."""

    title: str
    probability: float


@dataclass(frozen=True, slots=True)
class Pair:
    """``count`` titles of ``section`` were taken for ``answered``; the surest of them."""

    section: str
    answered: str
    count: int
    mistakes: tuple[Mistake, ...]


@dataclass(frozen=True, slots=True)
class Moved:
    """A title of ``section`` that two models answer differently."""

    title: str
    section: str
    before: str
    after: str


def matrix(answers: Answers, most: int = MOST_SECTIONS) -> Matrix:
    """The confusion matrix; beyond ``most`` sections the smallest are one, ``OTHERS``."""
    said = answers.sections()
    sizes, answered = Counter(answers.labels), Counter(said)
    order = [*answers.names, *sorted(set(sizes) - set(answers.names))]
    rows = _order([name for name in order if sizes[name]], sizes, most)
    columns = _order([name for name in order if answered[name]], answered, most)
    counts = np.zeros((len(rows), len(columns)), dtype=np.intp)
    np.add.at(counts, (_places(answers.labels, rows), _places(said, columns)), 1)
    return Matrix(tuple(rows), tuple(columns), counts)


def _order(names: Sequence[str], sizes: Mapping[str, int], most: int) -> list[str]:
    if len(names) <= most:
        return list(names)
    largest = set(sorted(names, key=lambda name: (-sizes[name], name))[: most - 1])
    return [*(name for name in names if name in largest), OTHERS]


def _places(names: Sequence[str], order: Sequence[str]) -> list[int]:
    place = {name: at for at, name in enumerate(order)}
    return [place.get(name, len(order) - 1) for name in names]


def coverage_curve(answers: Answers) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(share answered, share of those right), the surest titles being answered first."""
    right = np.asarray(correct(answers))[np.argsort(-answers.surest, kind="stable")]
    count = len(right)
    shares = np.arange(1, _CURVE_POINTS + 1) / _CURVE_POINTS
    sizes = np.unique(np.maximum((shares * count).round(), 1).astype(np.intp))
    return sizes / count, np.cumsum(right)[sizes - 1] / sizes


def correct(answers: Answers) -> list[bool]:
    """For each title whether it was answered right."""
    return [a == b for a, b in zip(answers.sections(), answers.labels, strict=True)]


def worst_pairs(answers: Answers) -> list[Pair]:
    """The sections that are taken for each other most often, most often first."""
    wrong: dict[tuple[str, str], list[Mistake]] = defaultdict(list)
    rows = zip(
        answers.titles, answers.labels, answers.sections(), answers.surest.tolist(), strict=True
    )
    for title, label, said, probability in rows:
        if label != said:
            wrong[label, said].append(Mistake(title, probability))
    ranked = sorted(wrong.items(), key=lambda item: (-len(item[1]), item[0]))[:WORST_PAIRS]
    return [
        Pair(label, said, len(found), tuple(_surest(found)[:TITLES_OF_A_PAIR]))
        for (label, said), found in ranked
    ]


def _surest(mistakes: Sequence[Mistake]) -> list[Mistake]:
    """The surest first, a repeated title once."""
    return sorted(set(mistakes), key=lambda each: (-each.probability, each.title))


def moved(before: Answers, after: Answers) -> tuple[list[Moved], list[Moved]]:
    """Titles that only ``after`` has right, and those that only ``before`` has."""
    fixed: list[Moved] = []
    broken: list[Moved] = []
    for each in both(before, after):
        if each.before != each.after == each.section:
            fixed.append(each)
        elif each.before == each.section != each.after:
            broken.append(each)
    return fixed, broken


def both(before: Answers, after: Answers) -> Iterator[Moved]:
    """Both models' answers; they were asked for the same titles in the same order."""
    if list(before.titles) != list(after.titles):
        raise ValueError("answers for different titles cannot be compared")
    said = zip(before.sections(), after.sections(), strict=True)
    for title, label, (was, now) in zip(after.titles, after.labels, said, strict=True):
        yield Moved(title, label, was, now)


def printable(title: str) -> str:
    """A title as a page can hold it: one line, 200 characters, no control characters."""
    cut = title[:_LONGEST_TITLE] + ("…" if len(title) > _LONGEST_TITLE else "")
    return "".join(_shown(char) for char in cut)


def _shown(char: str) -> str:
    if char in "\t\r\n":
        return " "
    hidden = unicodedata.category(char) in _UNPRINTABLE or char in _DIRECTIONS
    return "\N{REPLACEMENT CHARACTER}" if hidden else char
