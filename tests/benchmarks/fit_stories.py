"""Fits the weights of the story score on the training half of the pairs.

``python -m tests.benchmarks.fit_stories`` writes ``monitor/stories/weights.py``. A logistic
regression whose coefficients are drawn towards what each feature is for, so that one which
few pairs show keeps its sense, and none has the other sense. The held-out half takes no part.

Nearly all titles that a window brings together are other news, and labelled pairs are half and
half: so strangers join in, headlines of the project that resemble each other.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from scipy.optimize import minimize

from monitor.stories import compare, lexicon, wording
from monitor.stories.window import Batch
from tests.benchmarks.stories import headlines

ROOT = Path(__file__).parents[2]
PAIRS = ROOT / "tests" / "data" / "stories"
TARGET = ROOT / "monitor" / "stories" / "weights.py"
PULL = 0.3
# So many, and how much each counts.
STRANGERS, STRANGE = 4_000, 0.35
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
    "negated": -3.0, "contrary": -8.0, "aftermath": -3.0, "reworded": 0.5,
    "novel": -1.0,
}  # fmt: skip


# Most news that portals tell twice is told nearly alike, and few of the pairs are.
COPIES = 3.0
# How many times pairs are read with words forgotten, how much each of these counts, and the one
# with all words.
FORGETFUL, COUNTS, KNOWING = 3, 1 / 3, 0.5
FORGOTTEN = 0.35


def read(name: str) -> list[dict[str, Any]]:
    """The labelled pairs of a file."""
    lines = (PAIRS / f"{name}.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def strangers() -> list[dict[str, Any]]:
    """Headlines that share a quarter of their words, taken for other news: few are not."""
    batch, found, told = Batch(), [], headlines()
    for number, title in enumerate(told):
        own = wording.grams(title)
        found += [(title, told[other]) for other in batch.near(own) if told[other] != title]
        batch.add(number, own)
    chosen = random.Random(1).sample(found, STRANGERS)
    return [{"a": a, "b": b, "same": False} for a, b in chosen]


Rows = list[dict[str, float]]


def featured(pairs: list[dict[str, Any]]) -> Rows:
    """The features of each pair, as it is compared."""
    found = []
    for pair in pairs:
        both = wording.wording(pair["a"]), wording.wording(pair["b"])
        found.append(compare.features(*sorted(both, key=lambda each: (each.plain, each.order))))
    return found


def forgetfully(pairs: list[dict[str, Any]], seed: int) -> Rows:
    """The features of each pair to one who knows only some words of the lists."""
    whole = list(lexicon.groups())

    def some() -> Iterator[tuple[str, list[str]]]:
        for kind, words in whole:
            rng = random.Random(f"{seed} {words}")
            if rng.random() >= FORGOTTEN / 2:
                first = 2 if words[0] == "=" else 1
                yield (
                    kind,
                    [
                        *words[:first],
                        *(word for word in words[first:] if rng.random() >= FORGOTTEN),
                    ],
                )

    with mock.patch.object(lexicon, "groups", some):
        forget()
        found = featured(pairs)
    forget()
    return found


def forget() -> None:
    """Let all words be looked up anew."""
    for module in (lexicon, wording):
        for each in vars(module).values():
            if hasattr(each, "cache_clear"):
                each.cache_clear()


def fit(rows: Rows, told: list[bool], counts: list[float]) -> tuple[float, dict[str, float]]:
    """The bias and the weights."""
    names = list(rows[0])
    x = np.array([[row[name] for name in names] for row in rows], dtype=float)
    sign = np.where(told, 1.0, -1.0)
    cost = np.where(told, 1.0, NEGATIVE) * counts
    prior = np.array([PRIORS[name] for name in names])

    def loss(point: Any) -> tuple[float, Any]:
        margin = sign * (x @ point[1:] + point[0])
        slope = -cost * sign / (1.0 + np.exp(margin))
        away = point[1:] - prior
        value = float((cost * np.logaddexp(0.0, -margin)).sum() + PULL * (away @ away))
        return value, np.concatenate(([slope.sum()], x.T @ slope + 2 * PULL * away))

    senses = [(None, None), *((0.0, None) if each > 0 else (None, 0.0) for each in prior)]
    start = np.concatenate(([-3.0], prior))
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=senses).x
    return float(found[0]), dict(zip(names, map(float, found[1:]), strict=True))


def main() -> None:
    """Fit, and write the module."""
    pairs, others = read("train"), strangers()
    alike = [COPIES if pair["kind"] == "copy" else 1.0 for pair in pairs]
    rows, counts = featured(pairs), [KNOWING * each for each in alike]
    for seed in range(FORGETFUL):
        rows += forgetfully(pairs, seed)
        counts += [COUNTS * each for each in alike]
    told = [pair["same"] for pair in pairs] * (1 + FORGETFUL) + [False] * len(others)
    bias, weights = fit(rows + featured(others), told, counts + [STRANGE] * len(others))
    lines = [f'    "{name}": {value:.3f},' for name, value in weights.items()]
    TARGET.write_text(
        '"""What each feature of a pair counts; written by ``tests.benchmarks.fit_stories``."""\n\n'
        f"BIAS = {bias:.3f}\nWEIGHTS = {{\n" + "\n".join(lines) + "\n}\n",
        "utf-8",
    )


if __name__ == "__main__":
    main()
