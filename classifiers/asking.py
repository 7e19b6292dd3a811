"""Which titles a person should be asked about: those whose answers teach most.

Uncertainty sampling by the margin between the two best sections (Scheffer, Decomain and
Wrobel, 2001), made diverse the way maximal marginal relevance does it (Carbonell and
Goldstein, 1998): what resembles a title that was chosen before is worth less.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from classifiers.text import identity_key

HALF_LIFE_S = 3 * 86_400.0
SAME_PAIR = 0.8  # of the worth that is left each time the same two sections compete


def ask_first(
    titles: Sequence[str],
    margins: NDArray[np.float32],
    ages_s: Sequence[float],
    limit: int,
) -> list[int]:
    """Places of up to ``limit`` titles, the most telling first.

    ``margins`` are titles x sections; ``ages_s`` say how old each title is. A copy of a
    title that was chosen is left out.
    """
    order = np.argsort(-margins, axis=1, kind="stable")[:, :2]
    rows = np.arange(len(titles))
    gaps = margins[rows, order[:, 0]] - margins[rows, order[:, 1]] if len(titles) else np.zeros(0)
    worth = 0.5 ** (np.asarray(ages_s, dtype=np.float64) / HALF_LIFE_S) / (0.1 + gaps)
    pairs = [frozenset(each) for each in order.tolist()]
    keys = [identity_key(title) for title in titles]
    return _choose(worth, keys, pairs, limit)


def _choose(
    worth: NDArray[np.float64],
    keys: Sequence[str],
    pairs: Sequence[frozenset[int]],
    limit: int,
) -> list[int]:
    grams = [_bigrams(key) for key in keys]
    near = np.zeros(len(keys))  # to the most similar title that was chosen
    asked: Counter[frozenset[int]] = Counter()
    chosen: list[int] = []
    while len(chosen) < min(limit, len(keys)):
        tired = np.asarray([SAME_PAIR ** asked[pair] for pair in pairs])
        value = worth * (1 - near) * tired
        best = int(value.argmax())
        if value[best] <= 0:  # only copies are left
            break
        chosen.append(best)
        asked[pairs[best]] += 1
        likeness = [_jaccard(grams[best], other) for other in grams]
        near = np.maximum(near, likeness)
        near[best] = 1.0
    return chosen


def _bigrams(key: str) -> frozenset[str]:
    return frozenset(key[at : at + 2] for at in range(max(1, len(key) - 1)))


def _jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    both = len(one & other)
    return both / (len(one) + len(other) - both)
