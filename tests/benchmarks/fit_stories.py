"""Fits the weights of the story score on the training half of the pairs.

``python -m tests.benchmarks.fit_stories`` writes ``monitor/stories/weights.py``. A logistic
regression whose coefficients are drawn towards what each feature is for, so that one which
few pairs show keeps its sense. The held-out half takes no part.

Nearly all titles that a window brings together are other news, and labelled pairs are half and
half: so strangers join in, headlines of the project that resemble each other.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize

from monitor.stories import compare
from monitor.stories.window import Batch
from monitor.stories.wording import grams, wording
from tests.benchmarks.stories import headlines

ROOT = Path(__file__).parents[2]
PAIRS = ROOT / "tests" / "data" / "stories"
TARGET = ROOT / "monitor" / "stories" / "weights.py"
PULL = 0.3
STRANGERS = 600
# A wrong "same" costs an alert, a wrong "other" one mail too many.
NEGATIVE = 1.5
PRIORS = {
    "shared": 2.0, "containment": 3.0, "more": -0.2,
    "names_same": 0.5, "places_differ": -8.0, "names_differ": -6.0, "proper_same": 0.5,
    "numbers_same": 1.2, "numbers_differ": -6.0, "numbers_lone": -1.0,
    "acts_same": 0.7, "acts_differ": -5.0, "opposed": -6.0,
    "undone_in_frame": -4.0, "ahead": -4.0, "sequel": -2.0,
    "unplayed": -2.0, "lone_groups": -0.5, "toll": -4.0, "soft_differ": -0.8,
    "turned": -8.0, "replaced": -2.5, "template": -1.0, "runs": 0.5,
    "labels_same": 0.3, "hazard_differ": -3.0, "react": -1.0, "plan_done": -4.0, "core": 1.0,
    "negated": -3.0, "contrary": -8.0, "aftermath": -3.0,
}  # fmt: skip


def read(name: str) -> list[dict[str, Any]]:
    """The labelled pairs of a file."""
    lines = (PAIRS / f"{name}.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def strangers() -> list[dict[str, Any]]:
    """Headlines that share a quarter of their words, taken for other news: few are not."""
    batch, found, told = Batch(), [], headlines()
    for number, title in enumerate(told):
        own = grams(title)
        found += [(title, told[other]) for other in batch.near(own) if told[other] != title]
        batch.add(number, own)
    chosen = random.Random(1).sample(found, STRANGERS)
    return [{"a": a, "b": b, "same": False} for a, b in chosen]


def fit(pairs: list[dict[str, Any]]) -> tuple[float, dict[str, float]]:
    """The bias and the weights."""
    rows = [compare.features(wording(pair["a"]), wording(pair["b"])) for pair in pairs]
    names = list(rows[0])
    x = np.array([[row[name] for name in names] for row in rows], dtype=float)
    sign = np.array([1.0 if pair["same"] else -1.0 for pair in pairs])
    cost = np.where(sign > 0, 1.0, NEGATIVE)
    prior = np.array([PRIORS[name] for name in names])

    def loss(point: Any) -> tuple[float, Any]:
        margin = sign * (x @ point[1:] + point[0])
        slope = -cost * sign / (1.0 + np.exp(margin))
        away = point[1:] - prior
        value = float((cost * np.logaddexp(0.0, -margin)).sum() + PULL * (away @ away))
        return value, np.concatenate(([slope.sum()], x.T @ slope + 2 * PULL * away))

    found = minimize(loss, np.concatenate(([-3.0], prior)), jac=True, method="L-BFGS-B").x
    return float(found[0]), dict(zip(names, map(float, found[1:]), strict=True))


def main() -> None:
    """Fit, and write the module."""
    bias, weights = fit([*read("train"), *strangers()])
    lines = [f'    "{name}": {value:.3f},' for name, value in weights.items()]
    TARGET.write_text(
        '"""What each feature of a pair counts; written by ``tests.benchmarks.fit_stories``."""\n\n'
        f"BIAS = {bias:.3f}\nWEIGHTS = {{\n" + "\n".join(lines) + "\n}\n",
        "utf-8",
    )


if __name__ == "__main__":
    main()
