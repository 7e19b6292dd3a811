"""Margins -> probabilities, and the line below which an answer is *unsure*. NumPy alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32] | NDArray[np.float64]
Places = NDArray[np.intp]

ALL = "all"  # every section that has no threshold of its own

_LOWEST, _HIGHEST = -4.0, 6.0  # the sharpness is looked for between e^-4 and e^6
_TURNS = 60
_BIN_TITLES = 100
_FEWEST_BINS, _MOST_BINS = 3, 40
_SLOPE = 1e-3
_FEWEST = 30  # answers that a section needs to have a threshold of its own


@dataclass(frozen=True, slots=True)
class Calibration:
    """``sharpness`` multiplies margins before the softmax (the inverse of a temperature).

    ``curve`` (two rows: from, to) then corrects the largest probability of a title.
    ``thresholds`` has one probability a section. Titles whose ``familiarity`` is less
    than this share of known n-grams are unsure whatever the probability.
    """

    sharpness: float
    curve: NDArray[np.float32]
    thresholds: NDArray[np.float32]
    familiarity: float

    def answer(self, margins: Floats) -> tuple[Places, NDArray[np.float32]]:
        """For each title the column of the best section, and its probability."""
        raw = softmax(margins, self.sharpness)
        probability = np.interp(raw.max(axis=1), self.curve[0], self.curve[1])
        return margins.argmax(axis=1), probability.astype(np.float32)

    def override(self, sections: Sequence[str], below: Mapping[str, float]) -> Calibration:
        """With thresholds of the user's: a section's own, else that of ``all`` if given.

        Names that are none of ``sections`` change nothing; ``unknown`` finds them.
        """
        common = below.get(ALL)
        chosen = [
            float(below.get(name, was if common is None else common))
            for name, was in zip(sections, self.thresholds.tolist(), strict=True)
        ]
        return replace(self, thresholds=np.asarray(chosen, dtype=np.float32))

    def unsure(
        self, best: Places, probability: NDArray[np.float32], familiarity: NDArray[np.float32]
    ) -> NDArray[np.bool_]:
        """Which answers to mark: ``best`` is the index of the section that was answered."""
        return (probability < self.thresholds[best]) | (familiarity < self.familiarity)


def unknown(sections: Sequence[str], below: Mapping[str, float]) -> list[str]:
    """The names in a user's thresholds that are no section."""
    return sorted(set(below) - {ALL, *sections})


def softmax(margins: Floats, sharpness: float) -> NDArray[np.float64]:
    """Probabilities, safe for any finite margin. A steep curve would show single precision."""
    scaled = np.asarray(margins, dtype=np.float64) * sharpness
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


def fit_curve(raw: Floats, right: NDArray[np.bool_]) -> NDArray[np.float32]:
    """How often answers of a raw probability are right: isotonic over bins of equal count.

    It always rises a little, so that no two titles lose their order. With few titles it
    is the straight line.
    """
    bins = min(len(raw) // _BIN_TITLES, _MOST_BINS)
    if bins < _FEWEST_BINS:
        return np.array([[0, 1], [0, 1]], dtype=np.float32)
    order = np.argsort(raw, kind="stable")
    mean = [float(part.mean()) for part in np.array_split(raw[order], bins)]
    share = _rising([(part.mean(), len(part)) for part in np.array_split(right[order], bins)])
    top = (share[-1] + 1) / 2
    ends = np.array([[0.0, *mean, 1.0], [0.0, *share, top]])
    ends[1] = (1 - _SLOPE) * ends[1] + _SLOPE * ends[0]
    return ends.astype(np.float32)


def _rising(steps: Sequence[tuple[float, int]]) -> list[float]:
    """The nearest sequence that never falls (pool adjacent violators)."""
    pools: list[tuple[float, int, int]] = []  # mean, titles, steps
    for mean, titles in steps:
        pool = (float(mean), titles, 1)
        while pools and pools[-1][0] >= pool[0]:
            before = pools.pop()
            both = before[1] + pool[1]
            middle = (before[0] * before[1] + pool[0] * pool[1]) / both
            pool = (middle, both, before[2] + pool[2])
        pools.append(pool)
    return [mean for mean, _, count in pools for _ in range(count)]


def fit_thresholds(
    best: Places, surest: NDArray[np.float32], truth: Places, sections: int, precision: float
) -> NDArray[np.float32]:
    """Per section, the least probability above which ``precision`` of answers are right.

    A section with few answers uses the threshold of all sections together.
    """
    right = best == truth
    common = _threshold(surest, right, precision)
    own = []
    for section in range(sections):
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
