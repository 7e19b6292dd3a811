"""Fit the second look (see ``revision``) to margins of titles that the model had not learnt.

Two networks of 32 hidden units each, whose outputs are averaged, which makes them one of 64.
"""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from classifiers.calibration import Places, fit_sharpness
from classifiers.corpus import position
from classifiers.revision import COUNTS, MOST_SECTIONS, Floats, Revision

FEWEST = 10_000  # titles: with fewer it is no gain
_FEWEST_OWN = 50  # of a section: what the network never saw it would never answer
_MOST = 100_000  # titles are learnt from; more would not change so few weights
_FEWEST_SECTIONS = 3
_CUT = 0.995  # of the titles have smaller counts
_FOLDS = 3
_NETWORKS, _HIDDEN = 2, 32
_ROUNDS, _TOGETHER, _RATE, _PENALTY = 60, 512, 3e-3, 1e-3


class Unseen(NamedTuple):
    """Titles with the margins of a model that was trained without them; ``strangeness`` is 0
    where none was learnt. ``made_of`` is ``revision.beside``'s, and has no columns where no
    second look is wanted. ``own`` are the project's, written by few hands."""

    titles: list[str]
    labels: list[str]
    truth: NDArray[np.intp]
    margins: NDArray[np.float64]
    strangeness: NDArray[np.float64]
    made_of: Floats
    own: NDArray[np.bool_]


def second_look(unseen: Unseen) -> tuple[Revision | None, Unseen]:
    """What revises the margins, if there are titles enough and it gets more of them right; and
    the titles with margins that were revised by what had not seen them."""
    taught = np.flatnonzero(~unseen.own)
    margins, made_of = unseen.margins[taught], unseen.made_of[taught]
    truth = unseen.truth[taught]
    titles = [unseen.titles[at] for at in taught.tolist()]
    folds = np.asarray([int(position(each, b"second look") * _FOLDS) for each in titles])
    if not _can_learn(truth, folds, unseen.margins.shape[1]):
        return None, unseen
    revision = learn(margins, made_of, truth)
    revised = revision.revise(unseen.margins, unseen.made_of).astype(np.float64)
    revised[taught] = _revise_unseen(folds, margins, made_of, truth)
    if not _is_better(margins, revised[taught], truth):
        return None, unseen
    return revision, unseen._replace(margins=revised)


def _can_learn(truth: Places, folds: Places, sections: int) -> bool:
    """Are there enough titles of each section, and without any fold?"""
    if not _FEWEST_SECTIONS <= sections <= MOST_SECTIONS or len(truth) < FEWEST:
        return False
    parts = [truth, *(truth[folds != fold] for fold in range(_FOLDS))]
    learnt = [part[_some(len(part))] for part in parts]
    return all(np.bincount(each, minlength=sections).min() >= _FEWEST_OWN for each in learnt)


def _is_better(before: NDArray[np.float64], after: NDArray[np.float64], truth: Places) -> bool:
    """Are more titles right, and by more than chance gives (one standard error)?"""
    was, is_ = before.argmax(axis=1) == truth, after.argmax(axis=1) == truth
    fixed, broken = np.count_nonzero(is_ & ~was), np.count_nonzero(was & ~is_)
    return bool(fixed - broken > np.sqrt(fixed + broken))


def learn(margins: NDArray[np.float64], made_of: Floats, truth: Places) -> Revision:
    """The second look that these titles teach: ``margins`` of models that had not learnt them,
    titles x sections, and what ``revision.beside`` says of them."""
    kept = _some(len(truth))
    margins, made_of, truth = margins[kept], made_of[kept], truth[kept]
    most = np.quantile(made_of[:, :COUNTS], _CUT, axis=0).astype(np.float32)
    cut = np.column_stack((np.minimum(made_of[:, :COUNTS], most), made_of[:, COUNTS:]))
    seen = np.column_stack((margins, cut))
    middle, spread = seen.mean(axis=0), np.maximum(seen.std(axis=0), 1e-6)
    networks = [_fitted((seen - middle) / spread, truth, seed) for seed in range(_NETWORKS)]
    first = np.concatenate([each.coefs_[0] for each in networks], axis=1) / spread[:, None]
    always = np.concatenate([each.intercepts_[0] for each in networks]) - middle @ first
    last = np.concatenate([each.coefs_[1] for each in networks])
    ends = np.sum([each.intercepts_[1] for each in networks], axis=0)
    # In the unit of the margins, so that either can be shown beside the other.
    unit = _NETWORKS * fit_sharpness(margins, truth)
    return Revision.of(
        most,
        np.vstack((first, always)).astype(np.float32),
        (np.vstack((last, ends)) / unit).astype(np.float32),
    )


def _revise_unseen(
    folds: Places, margins: NDArray[np.float64], made_of: Floats, truth: Places
) -> NDArray[np.float64]:
    """What second looks make of the margins of titles that they were not fitted to."""
    revised = np.empty_like(margins)
    for fold in range(_FOLDS):
        rest, held = folds != fold, folds == fold
        look = learn(margins[rest], made_of[rest], truth[rest])
        revised[held] = look.revise(margins[held], made_of[held])
    return revised


def _some(many: int) -> NDArray[np.intp]:
    """Places of as many titles as are learnt from, evenly spread."""
    return np.unique(np.linspace(0, many - 1, min(many, _MOST)).astype(np.intp))


def _fitted(seen: NDArray[np.float64], truth: Places, seed: int) -> Any:
    network = MLPClassifier(
        (_HIDDEN,),
        alpha=_PENALTY,
        batch_size=_TOGETHER,
        learning_rate_init=_RATE,
        max_iter=_ROUNDS,
        early_stopping=True,
        random_state=seed,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the rounds are a limit, not a wish
        return network.fit(seen, truth)
