"""Whether two titles tell the same news. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.stories.wording import Wording, wording

SAME = 0.5


@dataclass(frozen=True, slots=True)
class Likeness:
    """``score`` is in [0, 1]; from one half on it is the ``same`` news."""

    same: bool
    score: float


def compare(one: str, other: str) -> Likeness:
    """How alike two titles are, whichever is given first."""
    a, b = wording(one), wording(other)
    if a.short or b.short:
        return Likeness(False, 0.0)
    score = _score(a, b)
    return Likeness(score >= SAME, score)


def _score(a: Wording, b: Wording) -> float:
    if a.numbers and b.numbers and a.numbers != b.numbers:
        return 0.0
    shared = len(a.grams & b.grams)
    return shared / max(len(a.grams | b.grams), 1)
