"""A model for small authored data: ridge regression and naive Bayes in one linear matrix.

A support vector machine fits the few thousand lines that an author wrote, and leaves
n-grams that stood in one of them near zero. Ridge regression spreads the weight wider, and
complement naive Bayes (Rennie et al., ICML 2003) counts every n-gram for what it is. The sum
of their margins is better than either on titles of other writers, and stays linear, so a
release looks the same.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import RidgeClassifier

from classifiers import solver
from classifiers.model import TopicClassifier

_PENALTY = 0.5
_TOLERANCE = 1e-2

# (section, neighbour, share): the section gets this share of its neighbour's margin. What is
# news of other states at one portal is politics at the next; where there is no world section
# to win such a title, politics shall.
KIN = (("politics", "world", 0.3),)

Matrix = NDArray[np.float64]


class BlendedClassifier(TopicClassifier):
    """A ``TopicClassifier`` whose weights are ridge regression's plus ``bayes`` times
    complement naive Bayes', each scaled to margins of deviation 1 on the training titles."""

    def __init__(
        self,
        *,
        buckets: int = 1 << 18,
        longest: int = 3,
        shape: bool = False,
        letters: bool = True,
        words: bool = False,
        simplify: bool = True,
        bayes: float = 0.75,
    ) -> None:
        super().__init__(
            buckets=buckets,
            longest=longest,
            shape=shape,
            letters=letters,
            words=words,
            simplify=simplify,
            topics=0.0,
        )
        self.bayes = bayes

    def _cost(self) -> float:
        return 1.0

    def _solve(self, rows: solver.Rows, names: Sequence[str]) -> tuple[Matrix, Matrix]:
        coef, intercept = _ridge(rows)
        spread = max(float((rows.matrix @ coef.T + intercept).std()), 1e-9)
        counted = solver.complement_bayes(rows)
        share = self.bayes / counted.deviation(rows.matrix)
        kin = _kinship(names)
        return kin @ (coef / spread + share * counted.weights.T), kin @ (intercept / spread)


def _ridge(rows: solver.Rows) -> tuple[Matrix, Matrix]:
    ridge = RidgeClassifier(alpha=_PENALTY, solver="sparse_cg", tol=_TOLERANCE)
    ridge.fit(rows.matrix.astype(np.float64), rows.labels, sample_weight=rows.costs)
    coef, intercept = np.atleast_2d(ridge.coef_), np.atleast_1d(ridge.intercept_)
    if len(coef) > 1:
        return coef, intercept
    return np.vstack((-coef, coef)), np.concatenate((-intercept, intercept))


def _kinship(sections: Sequence[str]) -> Matrix:
    found = np.eye(len(sections))
    for section, neighbour, share in KIN:
        if section in sections and neighbour in sections:
            found[sections.index(section), sections.index(neighbour)] = share
    return found
