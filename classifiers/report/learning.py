"""The learning curve: how the same titles are answered by models that learnt less."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from classifiers.corpus import position
from classifiers.evaluate import present
from classifiers.examples import Example
from classifiers.train import TrainSettings, alone, fit

SHARES = (1 / 16, 1 / 8, 1 / 4, 1 / 2)


@dataclass(frozen=True, slots=True)
class Learnt:
    """With ``titles`` examples learnt, terms included, this share was answered right."""

    titles: int
    accuracy: float


@alone()
def learning_curve(
    examples: Sequence[Example],
    held: Sequence[Example],
    settings: TrainSettings,
    *,
    only_present: bool = False,
    whole: float | None = None,
) -> list[Learnt]:
    """Accuracy on ``held`` after learning growing shares of ``examples``, and all of them.

    The shares lie within each other and sum to less than one, so this costs less than one
    more fit; where ``whole``, the accuracy after all, is not given, two. Shares that hold
    fewer than two sections are left out.
    """
    at = [position(each.title, b"share") for each in examples]
    shares = [*SHARES] if whole is not None else [*SHARES, 1.0]
    points = []
    for share in shares:
        part = [each for each, its in zip(examples, at, strict=True) if its < share]
        if len({each.label for each in part}) > 1:
            points.append(Learnt(len(part), _accuracy(part, held, settings, only_present)))
    return points if whole is None else [*points, Learnt(len(examples), whole)]


def _accuracy(
    part: Sequence[Example], held: Sequence[Example], settings: TrainSettings, only_present: bool
) -> float:
    model = fit(part, settings)
    names = [str(name) for name in model.classes_]
    labels = [each.label for each in held]
    margins = model.margins([each.title for each in held])
    if only_present:
        if not set(names) & set(labels):
            return 0.0
        columns = present(names, labels)
        margins, names = margins[:, columns], [names[column] for column in columns]
    said = np.asarray(names)[margins.argmax(axis=1)]
    return float(np.mean(said == np.asarray(labels)))
