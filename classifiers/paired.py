"""Two models on the same titles: what each section gained, and how sure that is. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

from classifiers.evaluate import Answers

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Change:
    """Of ``titles``, ``fixed`` are right only after and ``broken`` only before.

    ``delta`` is the change of the share right, ``low`` to ``high`` its interval.
    """

    titles: int
    fixed: int
    broken: int
    delta: float
    low: float
    high: float


def change(titles: int, fixed: int, broken: int, confidence: float = CONFIDENCE) -> Change:
    """A change and its interval, for paired shares.

    Wald's interval after half a title is added to each of the four cells (Agresti and Min,
    2005), which keeps its promise where titles are few.
    """
    count, up, down = titles + 2.0, fixed + 0.5, broken + 0.5
    middle = (up - down) / count
    spread = math.sqrt(up + down - (up - down) ** 2 / count) / count
    reach = NormalDist().inv_cdf((1 + confidence) / 2) * spread
    delta = (fixed - broken) / titles if titles else 0.0
    low, high = max(-1.0, middle - reach), min(1.0, middle + reach)
    return Change(titles, fixed, broken, delta, min(low, delta), max(high, delta))


def overall(before: Answers, after: Answers) -> Change:
    """The change over all titles, which both were asked in the same order."""
    return _of(list(zip(before.sections(), after.sections(), after.labels, strict=True)))


def per_section(before: Answers, after: Answers) -> dict[str, Change]:
    """The change of each section's recall, in the order of the models' sections."""
    rows: dict[str, list[tuple[str, str, str]]] = {name: [] for name in after.names}
    for row in zip(before.sections(), after.sections(), after.labels, strict=True):
        rows.setdefault(row[2], []).append(row)
    return {name: _of(found) for name, found in rows.items() if found}


def _of(rows: Sequence[tuple[str, str, str]]) -> Change:
    fixed = sum(was != label == now for was, now, label in rows)
    broken = sum(was == label != now for was, now, label in rows)
    return change(len(rows), fixed, broken)
