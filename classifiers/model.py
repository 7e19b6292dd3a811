"""The model: TF-IDF over hashed n-grams, and one linear function a section.

Three linear models are added up: a support vector machine that trusts telling n-grams more
(see ``solver``), a multinomial logistic regression, and complement naive Bayes. They err
differently; their sum is linear as well, so it costs nothing when titles are scored.

One more column may tell titles of other languages from those of all sections: see ``strange``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack, vstack
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_consistent_length, check_random_state, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from classifiers import native, solver
from classifiers.errors import TrainingError
from classifiers.lexicon import batches, learn
from classifiers.text import TextSettings
from classifiers.topics import Topics, own_topics

_STEPS = 32767  # weights are kept as 16-bit steps of a section's scale
_EPOCHS = 16
_SOFTMAX_EPOCHS = 6
_SOFTMAX_RATE = 0.5
_LEAST_COST = 1e-9

Weights = NDArray[np.float32] | NDArray[np.float64]


class TopicClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Sorts titles into sections; a scikit-learn classifier over sequences of strings.

    ``C`` is the inverse of the regularisation, ``trust`` the power of the log odds ratios that it
    follows (0: none), ``softmax`` the share of the logistic regression (needs the compiled
    solver; left out without), ``bayes`` that of naive Bayes when its margins are spread as widely
    as the machine's, ``topics`` what a term's topic counts beside the term (0, or fewer than two
    buckets for each of the project's own terms: they are not asked). The parameters before them
    are those of ``TextSettings``. After ``fit``: ``classes_``; ``lexicon_``; ``steps_`` (buckets
    x columns, 16-bit whole numbers) and ``scale_``, whose product are the weights;
    ``intercept_``; ``terms_``, the SHA-256 of the terms that were asked, if any. The columns are
    the classes, and strangeness last where it was learnt. The weights are rounded in training, so
    that a release scores exactly as the model it was made from.
    """

    def __init__(  # noqa: PLR0913 - scikit-learn's contract
        self,
        *,
        buckets: int = 1 << 18,
        longest: int = 3,
        shape: bool = False,
        letters: bool = True,
        words: bool = False,
        simplify: bool = True,
        C: float = 1.0,  # noqa: N803
        trust: float = 0.75,
        softmax: float = 0.1,
        bayes: float = 0.35,
        topics: float = 0.6,
        random_state: int = 0,
    ) -> None:
        self.buckets = buckets
        self.longest = longest
        self.shape = shape
        self.letters = letters
        self.words = words
        self.simplify = simplify
        self.C = C
        self.trust = trust
        self.softmax = softmax
        self.bayes = bayes
        self.topics = topics
        self.random_state = random_state

    @property
    def text_settings(self) -> TextSettings:
        """The part of the parameters that a release keeps."""
        return TextSettings(
            self.buckets, self.longest, self.shape, self.letters, self.words, self.simplify
        )

    def fit(
        self,
        X: Sequence[str],  # noqa: N803
        y: Sequence[str],
        sample_weight: Sequence[float] | None = None,
        strange: Sequence[str] = (),
    ) -> Self:
        """Learn from titles ``X`` and their sections ``y``; rows that weigh 0 are left out.
        ``strange`` titles are of no section: with any, there is a column for such.

        TrainingError when there are not two sections, ValueError when the arguments do not
        fit each other.
        """
        titles, labels, weights = _checked(X, y, sample_weight)
        self.classes_: NDArray[Any] = np.unique(labels)
        if len(self.classes_) < 2:
            raise TrainingError(
                "at least two sections are needed to learn, not one class; give more examples"
            )
        known = self._own_topics()
        self.terms_ = known.digest if known else ""
        terms = known.hashes if known else None
        self.lexicon_ = learn(titles, self.text_settings, strange, terms)
        costs = np.maximum(self._cost() * weights, _LEAST_COST).astype(np.float32)
        numbers = np.searchsorted(self.classes_, labels).astype(np.int32)
        rows = solver.Rows(self.matrix(titles), numbers, costs, len(self.classes_))
        coef, intercept = self._solve(rows, self.classes_.tolist())
        columns, ends = [*coef], intercept.tolist()  # not stacked: that would be copied
        if strange:
            last, end = self._strangeness(rows, strange)
            columns, ends = [*columns, last], [*ends, end]
        self._set_weights(columns, np.asarray(ends, dtype=np.float32))
        return self

    def _strangeness(self, rows: solver.Rows, strange: Sequence[str]) -> tuple[Weights, float]:
        """What parts ``strange`` titles from all others: the weights, and an intercept."""
        matrix = vstack((rows.matrix, self.matrix(strange)), format="csr")
        numbers = np.repeat(np.array([0, 1], dtype=np.int32), (len(rows.labels), len(strange)))
        costs = np.append(rows.costs, np.full(len(strange), self._cost(), dtype=np.float32))
        coef, intercept = self._solve(solver.Rows(matrix, numbers, costs, 2), ("", "strange"))
        return coef[1], float(intercept[1])

    def matrix(self, X: Sequence[str]) -> csr_matrix:  # noqa: N803
        """TF-IDF rows of the titles (titles x buckets), in single precision."""
        check_is_fitted(self)
        starts, buckets, values = [np.zeros(1, dtype=np.int64)], [], []
        for batch in batches(_titles(X)):
            found = self.lexicon_.weigh(batch)
            starts.append(found.starts[1:] + starts[-1][-1])
            buckets.append(found.buckets.astype(np.int32))
            values.append(found.values)
        indptr = np.concatenate(starts)
        if not buckets:
            return csr_matrix((0, self.buckets), dtype=np.float32)
        parts = (np.concatenate(values), np.concatenate(buckets), indptr)
        return csr_matrix(parts, shape=(len(indptr) - 1, self.buckets))

    def margins(self, X: Sequence[str]) -> NDArray[np.float64]:  # noqa: N803
        """Signed distances, titles x classes (two columns for two classes as well)."""
        return self.outputs(X)[:, : len(self.classes_)]

    def outputs(self, X: Sequence[str]) -> NDArray[np.float64]:  # noqa: N803
        """The same, and strangeness in a last column where it was learnt."""
        check_is_fitted(self)
        raw = self.matrix(X) @ self.steps_.astype(np.float64)
        return np.asarray(raw * self.scale_ + self.intercept_)

    def decision_function(self, X: Sequence[str]) -> NDArray[np.float64]:  # noqa: N803
        """``margins`` by scikit-learn's custom: for two classes, how far the second is ahead."""
        margins = self.margins(X)
        return margins[:, 1] - margins[:, 0] if len(self.classes_) == 2 else margins

    def predict(self, X: Sequence[str]) -> NDArray[Any]:  # noqa: N803
        """The class with the largest margin, for each title."""
        check_is_fitted(self)
        return np.asarray(self.classes_[self.margins(X).argmax(axis=1)])

    def _cost(self) -> float:
        """What a row of weight 1 costs where it is on the wrong side."""
        return self.C

    def _solve(self, rows: solver.Rows, names: Sequence[str]) -> tuple[Weights, Weights]:
        """Weights, sections x buckets, and an intercept a section, which have these ``names``."""
        found = self._fitted(rows, int(check_random_state(self.random_state).randint(1 << 31)))
        return found.weights.T, found.intercept

    def _fitted(self, rows: solver.Rows, seed: int) -> solver.Linear:
        machine, logistic = self._discriminating(rows, seed)
        found = machine if logistic is None else machine.plus(self.softmax, logistic)
        if self.bayes == 0:
            return found
        counted = solver.complement_bayes(rows)
        spread = machine.deviation(rows.matrix) / counted.deviation(rows.matrix)
        return found.plus(self.bayes * spread, counted)

    def _discriminating(
        self, rows: solver.Rows, seed: int
    ) -> tuple[solver.Linear, solver.Linear | None]:
        """The machine, and the logistic regression where it is wanted and can be had."""
        known = self._own_topics()
        if known is None:
            return self._by_columns(rows, seed)
        about = known.by_bucket(self.text_settings, self.topics)
        told = hstack((rows.matrix, rows.matrix @ about), format="csr")
        machine, logistic = self._by_columns(rows._replace(matrix=told), seed)
        return machine.told_by(about), logistic.told_by(about) if logistic else None

    def _own_topics(self) -> Topics | None:
        known = own_topics(self.simplify) if self.topics > 0 else None
        return known if known and known.fits(self.buckets) else None

    def _by_columns(
        self, rows: solver.Rows, seed: int
    ) -> tuple[solver.Linear, solver.Linear | None]:
        trust = solver.trust_of(rows, self.trust)
        library = native.library()
        if library is None or rows.sections > solver.MOST_SECTIONS:
            return solver.slow_margins(rows, trust, _EPOCHS, seed), None
        compiled = solver.Compiled(library, rows, seed)
        machine = compiled.margins(trust, _EPOCHS)
        if self.softmax == 0:
            return machine, None
        return machine, compiled.softmax(_SOFTMAX_RATE, _SOFTMAX_EPOCHS)

    def _set_weights(self, coef: Sequence[Weights], intercept: NDArray[np.float32]) -> None:
        self.steps_ = np.empty((self.buckets, len(coef)), dtype=np.int16)
        self.scale_ = np.empty(len(coef), dtype=np.float32)
        for section, weights in enumerate(coef):  # one at a time, for the sake of memory
            largest = max(float(np.abs(weights).max()), float(np.finfo(np.float32).tiny))
            self.scale_[section] = largest / _STEPS
            rounded = np.rint(weights / np.float64(self.scale_[section]))
            self.steps_[:, section] = rounded.clip(-_STEPS, _STEPS)
        self.intercept_ = intercept


def _titles(given: Sequence[str]) -> list[str]:
    if isinstance(given, str) or not all(isinstance(each, str) for each in given):
        raise ValueError("titles must be a sequence of str, one a title")
    return list(given)


def _checked(
    given: Sequence[str], y: Sequence[str], sample_weight: Sequence[float] | None
) -> tuple[list[str], NDArray[Any], NDArray[np.float64]]:
    """Titles, labels and weights that fit each other."""
    titles, labels = _titles(given), column_or_1d(y, warn=True)
    check_classification_targets(labels)
    check_consistent_length(titles, labels, sample_weight)
    if sample_weight is None:
        return titles, labels, np.ones(len(titles))
    weights = np.asarray(sample_weight, dtype=np.float64)
    if weights.ndim != 1 or not np.all(weights >= 0) or not weights.any():
        raise ValueError("sample_weight must hold one number a title, none negative, not all zero")
    kept = np.flatnonzero(weights)
    return [titles[at] for at in kept], labels[kept], weights[kept]
