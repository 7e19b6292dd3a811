"""A second look at a title's margins, by a small network. Needs NumPy alone.

The margins are sums over n-grams. What they mean together depends on how the title is made: how
long it is, how many of its characters are digits, letters, blanks or marks, and how much of it
training knew. A network of one hidden layer sees both (stacked generalization: Wolpert, 1992);
``stacking`` fits it to titles that the linear models had not learnt.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from classifiers.release import REVISION

Floats = NDArray[np.float32]

COUNTS = 5  # ``features.make_up``'s
INPUTS = COUNTS + 1  # and familiarity
BESIDE = 32  # hidden units are worked out so many at a time
MOST_HIDDEN = 256
MOST_SECTIONS = 64


@dataclass(frozen=True, slots=True)
class Revision:
    """``most``: where each count is cut, so that no title is odder than those it was fitted to.
    ``inner`` is (sections + ``INPUTS`` + 1) x hidden, ``outer`` (hidden + 1) x sections; the last
    row of either is what is added in any case."""

    most: Floats
    inner: Floats
    outer: Floats

    @classmethod
    def of(cls, most: Floats, inner: Floats, outer: Floats) -> Self:
        """ValueError when the arrays do not fit each other."""
        hidden, sections = (outer.shape[0] - 1, outer.shape[1]) if outer.ndim == 2 else (0, 0)
        fits = (
            most.shape == (COUNTS,)
            and 0 < hidden <= MOST_HIDDEN
            and hidden % BESIDE == 0
            and sections <= MOST_SECTIONS
            and inner.shape == (sections + INPUTS + 1, hidden)
            and all(each.dtype == np.float32 for each in (most, inner, outer))
        )
        if not fits:
            raise ValueError("a revision whose arrays do not fit each other")
        return cls(most, inner, outer)

    @property
    def arrays(self) -> dict[str, Floats]:
        """By the names that a release has for them."""
        return dict(zip(REVISION, (self.most, self.inner, self.outer), strict=True))

    def revise(self, margins: Floats | NDArray[np.float64], made_of: Floats) -> Floats:
        """Other margins, titles x sections; ``made_of`` is titles x ``INPUTS``, as ``beside``
        has it."""
        seen = np.concatenate((margins, made_of), axis=1, dtype=np.float64)
        seen[:, margins.shape[1] : -1] = np.minimum(made_of[:, :COUNTS], self.most)
        hidden = np.maximum(seen @ self.inner[:-1].astype(np.float64) + self.inner[-1], 0)
        return np.asarray(hidden @ self.outer[:-1].astype(np.float64) + self.outer[-1], np.float32)


def beside(counts: Floats, familiarity: Floats) -> Floats:
    """What is seen beside the margins."""
    return np.column_stack((counts, familiarity)).astype(np.float32)
