"""The second stage of the score: a few hundred small trees over the features of a pair. Pure.

Read from ``trees.json``, which ``tests.benchmarks.fit_stories`` writes.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any, NamedTuple

# A leaf, or the place of a feature, what it must not exceed, what follows then, and otherwise.
Node = Any


class Forest(NamedTuple):
    """``names`` are the features by place; ``start`` is the sum to which the leaves are added;
    ``alone`` has what words speak against that one title alone has."""

    names: tuple[str, ...]
    start: float
    trees: tuple[Node, ...]
    alone: dict[str, float]


def margin(found: Mapping[str, float]) -> float:
    """The sum of the leaves into which a pair falls: above 0 for what is rather the same."""
    names, total, trees, _ = forest()
    row = [found[name] for name in names]
    for tree in trees:
        node = tree
        while node.__class__ is tuple:
            place, limit, less, more = node
            node = less if row[place] <= limit else more
        total += node
    return total


@functools.cache
def forest() -> Forest:
    """The bundled trees."""
    known = json.loads(files(__package__).joinpath("trees.json").read_text("utf-8"))
    trees = tuple(map(_frozen, known["trees"]))
    return Forest(tuple(known["names"]), known["start"], trees, known["alone"])


def _frozen(node: Any) -> Node:
    if not isinstance(node, list):
        return float(node)
    place, limit, less, more = node
    return int(place), float(limit), _frozen(less), _frozen(more)
