"""Fits the linear models: compiled where it was built (``_fit.c``), else with scikit-learn.

Both find support vector machines with a *trust* in each weight: the prior variance that the
regularisation assumes. Trust in proportion to how much a feature alone tells a section from
the others is the idea of NBSVM (Wang and Manning, ACL 2012).
"""

from __future__ import annotations

import ctypes
import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import LinearSVC

from classifiers.native import Library

MOST_SECTIONS = 64  # of the compiled solver
_STRIDE = 4
_TOLERANCE = 0.05
_SMOOTHING = 1.0
_BAYES_SMOOTHING = 0.1

Floats = NDArray[np.float32]
Trust = NDArray[np.float32]


class Rows(NamedTuple):
    """What is learnt from: a title a row, its section's number, and what a mistake costs."""

    matrix: csr_matrix
    labels: NDArray[np.int32]
    costs: Floats
    sections: int


class Linear(NamedTuple):
    """Weights, columns x sections, and an intercept a section."""

    weights: Floats
    intercept: Floats

    def plus(self, share: float, other: Linear) -> Linear:
        """The sum with a share of another's margins."""
        by = np.float32(share)
        weights = other.weights * by
        weights += self.weights
        return Linear(weights, self.intercept + by * other.intercept)

    def told_by(self, about: csr_matrix) -> Linear:
        """The same without the last columns, which are the first ones times ``about``."""
        columns = about.shape[0]
        weights = self.weights[:columns] + about @ self.weights[columns:]
        return Linear(weights, self.intercept)

    def deviation(self, matrix: csr_matrix) -> float:
        """How widely the margins of these rows are spread."""
        return max(float((matrix @ self.weights + self.intercept).std()), 1e-9)


class _Task(ctypes.Structure):
    _fields_ = (
        ("rows", ctypes.c_int64),
        *((name, ctypes.c_void_p) for name in ("starts", "columns", "values")),
        *((name, ctypes.c_void_p) for name in ("labels", "costs", "order")),
        ("features", ctypes.c_int64),
        *((name, ctypes.c_int32) for name in ("sections", "stride", "epochs")),
        ("rate", ctypes.c_float),
        ("seed", ctypes.c_uint64),
    )


def trust_of(rows: Rows, power: float) -> Trust:
    """|log odds ratio of a column in a section| ** (2 * power): columns x sections.

    Counts are of titles, weighted by their cost, with one added to each column that some title
    has. A ``power`` of 0 trusts all weights alike; else columns of no title have no trust.
    """
    columns = rows.matrix.shape[1]
    if power == 0:
        return np.ones((columns, rows.sections), dtype=np.float32)
    lengths = np.diff(rows.matrix.indptr)
    whose, worth = np.repeat(rows.labels, lengths), np.repeat(rows.costs, lengths)
    seen = rows.matrix.indices
    everywhere = _sums(seen, worth, columns)
    known = np.flatnonzero(everywhere)
    trust = np.zeros((columns, rows.sections), dtype=np.float32)
    for section in range(rows.sections):  # one at a time: all at once would fill the memory
        own = whose == section
        inside = _sums(seen[own], worth[own], columns)
        ratio = _log_share(inside, known) - _log_share(everywhere - inside, known)
        trust[known, section] = np.abs(ratio) ** (2 * power)
    return trust


def _sums(columns: NDArray[np.int32], worth: Floats, many: int) -> NDArray[np.float64]:
    return np.asarray(np.bincount(columns, worth, minlength=many), dtype=np.float64)


def _log_share(counts: NDArray[np.float64], columns: NDArray[np.intp]) -> NDArray[np.float64]:
    total = counts.sum() + _SMOOTHING * len(columns)
    return np.asarray(np.log((counts[columns] + _SMOOTHING) / total))


def complement_bayes(rows: Rows) -> Linear:
    """Naive Bayes by what is *not* a section's (Rennie et al., ICML 2003), less what all
    sections have in common. Columns of no title weigh nothing."""
    matrix = rows.matrix
    lengths, columns = np.diff(matrix.indptr), matrix.shape[1]
    whose = np.repeat(rows.labels, lengths)
    worth = matrix.data * np.repeat(rows.costs, lengths)
    everywhere = _sums(matrix.indices, worth, columns)
    known = np.flatnonzero(everywhere)
    found = np.empty((len(known), rows.sections), dtype=np.float32)
    for section in range(rows.sections):
        own = whose == section
        others = everywhere - _sums(matrix.indices[own], worth[own], columns) + _BAYES_SMOOTHING
        found[:, section] = -np.log(others[known] / others.sum())
    weights = np.zeros((columns, rows.sections), dtype=np.float32)
    weights[known] = found - found.mean(axis=1, keepdims=True)
    return Linear(weights, np.zeros(rows.sections, dtype=np.float32))


class Compiled:
    """The models by the compiled solver; at most ``MOST_SECTIONS`` sections."""

    def __init__(self, library: Library, rows: Rows, seed: int) -> None:
        self._library = library
        self._rows = rows
        self._stride = -(-rows.sections // _STRIDE) * _STRIDE
        matrix = rows.matrix
        self._kept: tuple[NDArray[Any], ...] = (
            matrix.indptr.astype(np.int64),
            matrix.indices.astype(np.int32),
            matrix.data.astype(np.float32),
            np.ascontiguousarray(rows.labels, dtype=np.int32),
            np.ascontiguousarray(rows.costs, dtype=np.float32),
            np.empty(matrix.shape[0], dtype=np.int32),
        )
        self._seed = seed

    def margins(self, trust: Trust, epochs: int) -> Linear:
        """One support vector machine a section against the rest, squared hinge loss."""
        padded = self._room()
        padded[:-1, : self._rows.sections] = trust
        weights = self._room()
        duals, curves = (
            np.zeros((self._rows.matrix.shape[0], self._stride), np.float32) for _ in (0, 1)
        )
        task = self._task(epochs, _TOLERANCE)
        places = (each.ctypes.data for each in (padded, weights, duals, curves))
        self._library.fit_margins(ctypes.addressof(task), *places)
        return self._linear(weights)

    def softmax(self, rate: float, epochs: int) -> Linear:
        """Multinomial logistic regression, stopped early."""
        weights, squares = self._room(), self._room()
        task = self._task(epochs, rate)
        places = (each.ctypes.data for each in (weights, squares))
        self._library.fit_softmax(ctypes.addressof(task), *places)
        return self._linear(weights)

    def _room(self) -> Floats:
        return np.zeros((self._rows.matrix.shape[1] + 1, self._stride), dtype=np.float32)

    def _linear(self, weights: Floats) -> Linear:
        sections = self._rows.sections
        return Linear(weights[:-1, :sections], weights[-1, :sections])

    def _task(self, epochs: int, rate: float) -> _Task:
        rows, columns = self._rows.matrix.shape
        places = (each.ctypes.data for each in self._kept)
        sizes = (columns, self._rows.sections, self._stride, epochs)
        return _Task(rows, *places, *sizes, rate, self._seed)


def slow_margins(rows: Rows, trust: Trust, epochs: int, seed: int) -> Linear:
    """``Compiled.margins`` by liblinear: a section after the other, on scaled columns."""
    scale = np.sqrt(trust.astype(np.float64))
    weights = np.zeros((rows.matrix.shape[1], rows.sections), dtype=np.float32)
    intercept = np.zeros(rows.sections, dtype=np.float32)
    matrix = rows.matrix.astype(np.float64)
    for section in range(rows.sections):
        scaled = matrix.copy()
        scaled.data *= scale[matrix.indices, section]
        svm = LinearSVC(tol=_TOLERANCE, max_iter=10 * epochs, random_state=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # near enough is enough
            svm.fit(scaled, rows.labels == section, sample_weight=rows.costs)
        weights[:, section] = svm.coef_[0] * scale[:, section]
        intercept[section] = svm.intercept_[0]
    return Linear(weights, intercept)
