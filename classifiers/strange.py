"""Titles that are of no section: other languages, of which a model learns to keep its hands off.

A title in French shares names, loanwords and most n-grams with English ones, so that few
of its words being unknown does not tell it. What tells it is learnt: a column beside the
sections', from words and titles of some forty languages in ``training_data/strange``.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from classifiers.examples import training_folder

# Of unseen titles in Latin letters so many are let through. Chinese ones are far from strange.
_LET_THROUGH = 0.995
_FEWEST = 100


@functools.cache
def strange_titles() -> tuple[str, ...]:
    """What is known to be strange, sorted."""
    files = (training_folder() / "strange").glob("*.txt")
    lines = {line for file in files for line in file.read_text(encoding="utf-8").splitlines()}
    return tuple(sorted(line for line in lines if line))


def limit(titles: Sequence[str], strangeness: NDArray[np.float64]) -> float:
    """The strangeness from which a title shall be strange, by that of ``titles`` that are not
    and that the model had not seen."""
    latin = np.fromiter(map(is_latin, titles), dtype=np.bool_, count=len(titles))
    if np.count_nonzero(latin) < _FEWEST:
        return float(strangeness.max())
    return float(np.quantile(strangeness[latin], _LET_THROUGH))


def is_latin(title: str) -> bool:
    """Whether a title is mostly of plain Latin letters."""
    return 2 * sum(char.isascii() and char.isalpha() for char in title) > len(title)
