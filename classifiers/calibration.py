"""Margins -> probabilities, and the line below which an answer is *unsure*. NumPy alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32] | NDArray[np.float64]
Places = NDArray[np.intp]

_LOWEST, _HIGHEST = -4.0, 6.0  # the sharpness is looked for between e^-4 and e^6
_TURNS = 60
_FEWEST = 30  # answers that a section needs to have a threshold of its own


@dataclass(frozen=True, slots=True)
class Calibration:
    """``sharpness`` multiplies margins before the softmax (the inverse of a temperature).

    ``thresholds`` has one probability a section. Titles whose ``familiarity`` is less
    than this share of known n-grams are unsure whatever the probability.
    """

    sharpness: float
    thresholds: NDArray[np.float32]
    familiarity: float

    def probabilities(self, margins: Floats) -> NDArray[np.float32]:
        """Softmax of the sharpened margins; rows sum to 1."""
        return softmax(margins, self.sharpness)

    def unsure(
        self, best: Places, probability: NDArray[np.float32], familiarity: NDArray[np.float32]
    ) -> NDArray[np.bool_]:
        """Which answers to mark: ``best`` is the index of the section that was answered."""
        return (probability < self.thresholds[best]) | (familiarity < self.familiarity)


def softmax(margins: Floats, sharpness: float) -> NDArray[np.float32]:
    """Probabilities in single precision, safe for any finite margin."""
    scaled = np.asarray(margins * np.float32(sharpness), dtype=np.float32)
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def fit_sharpness(margins: Floats, truth: Places, weights: Floats | None = None) -> float:
    """The sharpness with the least log loss (golden-section search; the loss is convex)."""
    ratio = (np.sqrt(5.0) - 1) / 2
    low, high = _LOWEST, _HIGHEST
    for _ in range(_TURNS):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        if _loss(margins, truth, left, weights) < _loss(margins, truth, right, weights):
            high = right
        else:
            low = left
    return float(np.exp((low + high) / 2))


def _loss(margins: Floats, truth: Places, log_sharpness: float, weights: Floats | None) -> float:
    scaled = margins * np.exp(log_sharpness)
    top = scaled.max(axis=1)
    total = top + np.log(np.exp(scaled - top[:, None]).sum(axis=1))
    return float(np.average(total - scaled[np.arange(len(truth)), truth], weights=weights))


def fit_thresholds(
    probabilities: NDArray[np.float32], truth: Places, precision: float
) -> NDArray[np.float32]:
    """Per section, the least probability above which ``precision`` of answers are right.

    A section with few answers uses the threshold of all sections together.
    """
    best = probabilities.argmax(axis=1)
    surest = probabilities[np.arange(len(best)), best]
    right = best == truth
    common = _threshold(surest, right, precision)
    own = []
    for section in range(probabilities.shape[1]):
        mine = best == section
        enough = np.count_nonzero(mine) >= _FEWEST
        own.append(_threshold(surest[mine], right[mine], precision) if enough else common)
    return np.asarray(own, dtype=np.float32)


def _threshold(surest: NDArray[np.float32], right: NDArray[np.bool_], precision: float) -> float:
    if not len(surest):
        return 1.0
    order = np.argsort(-surest, kind="stable")
    share = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    good = np.flatnonzero(share >= precision)
    if not len(good):
        return float(surest.max())
    return float(surest[order[good[-1]]])
