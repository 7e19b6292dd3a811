"""Fits the trees of the second stage of the story score, for ``tests.benchmarks.fit_stories``.

Gradient boosting on the pairs that the first stage does not rule out. Features whose sense is
known cannot speak against it.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

TREES, RATE, LEAVES, LEAST = 400, 0.06, 24, 40
# What speaks for the same news, and what against.
FOR = frozenset(
    {
        *("shared", "containment", "names_same", "numbers_same", "core", "proper_same", "first"),
        *("told_less", "told_more", "told_mean", "characters", "characters_share", "reworded"),
        *("acts_same", "labels_same"),
    }
)
AGAINST = frozenset(
    {
        *("replaced", "places_differ", "names_differ", "numbers_differ", "acts_differ", "opposed"),
        *("turned", "contrary", "toll", "unplayed", "aftermath", "plan_done", "ahead", "sequel"),
        *(
            "alone",
            "alone_most",
            "alone_least",
            "hazard_differ",
            "undone_in_frame",
            "react",
            "differ_toll",
            "differ_score",
        ),
        *("differ_label", "differ_grade"),
    }
)


# So many pairs are as good as known already of a word.
DOUBT, FEWEST = 4.0, 3


@dataclass(frozen=True, slots=True)
class Alone:
    """How often each word stands alone in pairs that are the same, and in others."""

    same: Counter[str]
    other: Counter[str]
    share: float

    @staticmethod
    def count(words: list[frozenset[str]], told: list[bool]) -> Alone:
        same, other = Counter[str](), Counter[str]()
        for keys, each in zip(words, told, strict=True):
            (same if each else other).update(keys)
        return Alone(same, other, sum(told) / len(told))

    def weights(self, keys: Iterable[str], own: frozenset[str], told: bool) -> dict[str, float]:
        """What each of ``keys`` speaks against, but for a pair with ``own`` that was counted."""
        found = {}
        for key in keys:
            same = self.same[key] - (told and key in own)
            other = self.other[key] - (not told and key in own)
            if same + other >= FEWEST - 1:
                against = (other + DOUBT * (1 - self.share)) / (same + DOUBT * self.share)
                found[key] = math.log(against * self.share / (1 - self.share))
        return found

    def table(self) -> dict[str, float]:
        """What each word speaks against that is known well enough."""
        known = [key for key, n in (self.same + self.other).items() if n >= FEWEST]
        weights = self.weights(sorted(known), frozenset(), False)
        return {key: round(weight, 2) for key, weight in weights.items() if abs(weight) >= 0.1}


def fit(rows: list[dict[str, float]], told: list[bool], counts: list[float]) -> dict[str, Any]:
    """The trees as ``monitor.stories.trees`` reads them."""
    names = list(rows[0])
    senses = [(name in FOR) - (name in AGAINST) for name in names]
    model = HistGradientBoostingClassifier(
        max_iter=TREES, learning_rate=RATE, max_leaf_nodes=LEAVES, min_samples_leaf=LEAST,
        l2_regularization=5.0, max_features=0.5, monotonic_cst=senses, early_stopping=False,
        random_state=1,
    )  # fmt: skip
    model.fit(np.array([[row[name] for name in names] for row in rows]), told, counts)
    trees = [_node(each.nodes, 0) for [each] in model._predictors]
    return {
        "names": names,
        "start": round(float(model._baseline_prediction.item()), 4),
        "trees": trees,
    }


def _node(nodes: Any, at: int) -> Any:
    node = nodes[at]
    if node["is_leaf"]:
        return round(float(node["value"]), 4)
    less, more = _node(nodes, int(node["left"])), _node(nodes, int(node["right"]))
    return [int(node["feature_idx"]), float(f"{node['num_threshold']:.6g}"), less, more]


def write(trees: dict[str, Any], target: Path) -> None:
    """Write the trees, one a line."""
    lines = ",\n".join(json.dumps(each, separators=(",", ":")) for each in trees["trees"])
    names, start = json.dumps(trees["names"]), json.dumps(trees["start"])
    alone = json.dumps(trees["alone"], ensure_ascii=False, indent=0)
    text = f'{{"names": {names},\n"start": {start},\n"alone": {alone},\n"trees": [\n{lines}\n]}}\n'
    target.write_text(text, "utf-8")
