"""Why a title went into its section and not into the runner-up."""

from __future__ import annotations

from dataclasses import dataclass

from classifiers.compiled import Scored, Scorer

ALWAYS = "(whatever the title)"
REVISED = "(how it is made, all in all)"


@dataclass(frozen=True, slots=True)
class Reason:
    """An n-gram of a title: its part of the section's margin (``speaks_for``), of the
    runner-up's (``against``), and the difference."""

    text: str
    speaks_for: float
    against: float
    weight: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """``margin`` is how far the section's margin is above the runner-up's: the sum of the
    weights of the ``reasons``, which come in the order of their size. ``familiarity`` is
    the share of the title that training knew, 0 where it is in another language."""

    answer: Scored
    margin: float
    familiarity: float
    reasons: tuple[Reason, ...]


def explain(scorer: Scorer, title: str) -> Explanation:
    """The n-grams that training knew, with what they weigh; the intercepts are one more, and what
    a second look at the title added is another."""
    answer = scorer.score([title])[0]
    best, second = (scorer.sections.index(name) for name in (answer.section, answer.runner_up))
    reasons = [_reason(ALWAYS, float(scorer.bias[best]), float(scorer.bias[second]))]
    for piece in scorer.lexicon.pieces(title):
        row = scorer.steps[piece.bucket]
        parts = (piece.value * float(row[at]) * float(scorer.scale[at]) for at in (best, second))
        reasons.append(_reason(piece.text, *parts))
    if scorer.revision is not None:  # what the second look added to the sum
        margins = scorer.margins([title])[0].tolist()
        sums = (sum(each.speaks_for for each in reasons), sum(each.against for each in reasons))
        reasons.append(_reason(REVISED, margins[best] - sums[0], margins[second] - sums[1]))
    reasons.sort(key=lambda each: (-abs(each.weight), each.text))
    familiarity = float(scorer.familiarity([title])[0])
    margin = sum(each.weight for each in reasons)
    return Explanation(answer, margin, familiarity, tuple(reasons))


def _reason(text: str, speaks_for: float, against: float) -> Reason:
    return Reason(text, speaks_for, against, speaks_for - against)
