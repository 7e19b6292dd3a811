"""The model: TF-IDF over hashed n-grams, one linear L2 support vector machine a section."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, vstack
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import LinearSVC
from sklearn.utils.validation import check_is_fitted

from classifiers.errors import TrainingError
from classifiers.lexicon import batches, learn
from classifiers.text import TextSettings

_STEPS = 32767  # weights are kept as 16-bit steps of a section's scale


class TopicClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Sorts titles into sections; a scikit-learn classifier over sequences of strings.

    ``C`` is the inverse of the regularisation; the other parameters up to it are those of
    ``TextSettings``. After ``fit``: ``classes_``; ``lexicon_``; ``steps_`` (buckets x
    classes, 16-bit whole numbers) and ``scale_``, whose product are the weights;
    ``intercept_``. The weights are rounded in training, so that a release scores exactly
    as the model it was made from.
    """

    def __init__(  # noqa: PLR0913 - scikit-learn's contract
        self,
        *,
        buckets: int = 1 << 18,
        longest: int = 3,
        shape: bool = False,
        words: bool = False,
        simplify: bool = True,
        C: float = 1.0,  # noqa: N803
        tol: float = 1e-2,
        max_iter: int = 200,
        random_state: int = 0,
    ) -> None:
        self.buckets = buckets
        self.longest = longest
        self.shape = shape
        self.words = words
        self.simplify = simplify
        self.C = C
        self.tol = tol
        self.max_iter = max_iter
        self.random_state = random_state

    @property
    def text_settings(self) -> TextSettings:
        """The part of the parameters that a release keeps."""
        return TextSettings(self.buckets, self.longest, self.shape, self.words, self.simplify)

    def fit(
        self,
        X: Sequence[str],  # noqa: N803
        y: Sequence[str],
        sample_weight: Sequence[float] | None = None,
    ) -> Self:
        """Learn from titles ``X`` and their sections ``y``."""
        titles = list(X)
        self.classes_: NDArray[Any] = np.unique(np.asarray(y))
        if len(self.classes_) < 2:
            raise TrainingError("at least two sections are needed to learn; give more examples")
        self.lexicon_ = learn(titles, self.text_settings)
        self._set_weights(*self._solve(self.matrix(titles), np.asarray(y), sample_weight))
        return self

    def matrix(self, X: Sequence[str]) -> csr_matrix:  # noqa: N803
        """TF-IDF rows of the titles (titles x buckets)."""
        blocks = []
        for batch in batches(list(X)):
            found = self.lexicon_.weigh(batch)
            parts = (found.values.astype(np.float64), found.buckets, found.starts)
            blocks.append(csr_matrix(parts, shape=(len(batch), self.buckets)))
        return vstack(blocks, format="csr") if blocks else csr_matrix((0, self.buckets))

    def margins(self, X: Sequence[str]) -> NDArray[np.float64]:  # noqa: N803
        """Signed distances, titles x classes (two columns for two classes as well)."""
        check_is_fitted(self)
        raw = self.matrix(X) @ self.steps_.astype(np.float64)
        return np.asarray(raw * self.scale_ + self.intercept_)

    def decision_function(self, X: Sequence[str]) -> NDArray[np.float64]:  # noqa: N803
        """``margins`` by scikit-learn's custom: for two classes, the second's column alone."""
        margins = self.margins(X)
        return margins[:, 1] if len(self.classes_) == 2 else margins

    def predict(self, X: Sequence[str]) -> NDArray[Any]:  # noqa: N803
        """The class with the largest margin, for each title."""
        check_is_fitted(self)
        return np.asarray(self.classes_[self.margins(X).argmax(axis=1)])

    def _solve(
        self, matrix: csr_matrix, y: NDArray[Any], weights: Sequence[float] | None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        svm = LinearSVC(
            C=self.C, tol=self.tol, max_iter=self.max_iter, random_state=self.random_state
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # near enough is enough
            svm.fit(matrix, y, sample_weight=weights)
        if len(self.classes_) > 2:
            return svm.coef_, svm.intercept_
        return np.vstack((-svm.coef_, svm.coef_)), np.concatenate((-svm.intercept_, svm.intercept_))

    def _set_weights(self, coef: NDArray[np.float64], intercept: NDArray[np.float64]) -> None:
        largest = np.maximum(np.abs(coef).max(axis=1), np.finfo(np.float32).tiny)
        self.scale_ = (largest / _STEPS).astype(np.float32)
        rounded = np.rint(coef / self.scale_[:, None].astype(np.float64))
        self.steps_ = np.ascontiguousarray(rounded.T.clip(-_STEPS, _STEPS).astype(np.int16))
        self.intercept_ = intercept.astype(np.float32)
