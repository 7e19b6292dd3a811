"""The second stage of the score: a few hundred small trees over the features of a pair. Pure.

Read from ``trees.json``, which ``tests.benchmarks.fit_stories`` writes. All trees are gone down at
once, a level at a time, the deepest first: NumPy is some three times as fast as a loop.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


_Node = tuple[int, float, int, int, float]


class Forest(NamedTuple):
    """The features' ``names``, the sum to ``start`` from, and the trees as arrays over all nodes.

    A node asks whether the feature at ``place`` is at most its ``limit`` and leads to ``less`` or
    ``more``, which is itself for a leaf; that has a ``value``. ``roots`` are the trees, the deepest
    first; ``depths`` how many of them have so many levels more. ``alone`` has what words
    speak against that one title alone has."""

    names: tuple[str, ...]
    start: float
    place: NDArray[np.intp]
    limit: NDArray[np.float64]
    less: NDArray[np.intp]
    more: NDArray[np.intp]
    value: NDArray[np.float64]
    roots: NDArray[np.intp]
    depths: tuple[int, ...]
    alone: dict[str, float]


def margin(found: Mapping[str, float], grown: Forest) -> float:
    """The sum of the leaves into which a pair falls: above 0 for what is rather the same."""
    import numpy as np  # not paid by commands that compare nothing

    row = np.array([found[name] for name in grown.names], dtype=np.float64)
    at = grown.roots.copy()
    for count in grown.depths:
        here = at[:count]
        is_less = row[grown.place[here]] <= grown.limit[here]
        at[:count] = np.where(is_less, grown.less[here], grown.more[here])
    return grown.start + float(grown.value[at].sum())


@functools.cache
def forest() -> Forest:
    """The bundled trees."""
    return planted(json.loads(files(__package__).joinpath("trees.json").read_text("utf-8")))


def planted(known: Mapping[str, Any]) -> Forest:
    """The trees of a document such as ``trees.json``."""
    import numpy as np

    nodes: list[_Node] = []
    trees = sorted((_laid(tree, nodes) for tree in known["trees"]), reverse=True)
    place, limit, less, more, value = zip(*nodes, strict=True)
    deepest = trees[0][0]
    return Forest(
        tuple(known["names"]),
        known["start"],
        np.array(place, dtype=np.intp),
        np.array(limit, dtype=np.float64),
        np.array(less, dtype=np.intp),
        np.array(more, dtype=np.intp),
        np.array(value, dtype=np.float64),
        np.array([root for _, root in trees], dtype=np.intp),
        tuple(sum(depth > level for depth, _ in trees) for level in range(deepest)),
        known["alone"],
    )


def _laid(node: float | Sequence[Any], nodes: list[_Node]) -> tuple[int, int]:
    """Put a tree behind ``nodes``: how deep it is, and where it begins."""
    at = len(nodes)
    if isinstance(node, int | float):
        nodes.append((0, 0.0, at, at, float(node)))
        return 0, at
    place, limit, less, more = node
    nodes.append((int(place), float(limit), 0, 0, 0.0))
    (depth_less, at_less), (depth_more, at_more) = _laid(less, nodes), _laid(more, nodes)
    nodes[at] = (int(place), float(limit), at_less, at_more, 0.0)
    return 1 + max(depth_less, depth_more), at
