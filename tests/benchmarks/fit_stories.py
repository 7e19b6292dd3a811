"""Fits both stages of the story score on the training part of the pairs.

``python -m tests.benchmarks.fit_stories`` writes ``monitor/stories/weights.py`` and
``monitor/stories/trees.json``. The first stage is a logistic regression whose coefficients are
drawn towards what each feature is for, so that one which few pairs show keeps its sense, and
none has the other sense; the second one is in ``story_trees``. The held-out parts take no part.

Nearly all titles that a window brings together are other news, and labelled pairs are half and
half: so strangers join in, headlines of the project that resemble each other.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from scipy.optimize import minimize

from monitor.stories import compare, finer, lexicon, wording
from monitor.stories.window import Batch
from tests.benchmarks import story_trees
from tests.benchmarks.stories import headlines

ROOT = Path(__file__).parents[2]
PAIRS = ROOT / "tests" / "data" / "stories"
TARGET = ROOT / "monitor" / "stories" / "weights.py"
FOREST = TARGET.with_name("trees.json")
PULL = 0.3
# How much each counts.
STRANGE = 0.5
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
    return [{"a": a, "b": b, "same": False} for a, b in found]


# Priors of what cannot be in one piece of news, and what share of them stays at least.
CONTRADICTION, SURELY = -8.0, 0.75

# What the first stage looks at, and what the second one looks at besides.
# And the words that one title alone has.
Row = tuple[dict[str, float], dict[str, float], frozenset[str]]
Rows = list[Row]


def featured(pairs: list[dict[str, Any]]) -> Rows:
    """The features of each pair, as it is compared."""
    found = []
    for pair in pairs:
        pair_ = compare.paired(pair["a"], pair["b"])
        both = (pair_.a, pair_.b, pair_.told_a, pair_.told_b)
        found.append((compare.features(pair_), finer.features(*both), finer.alone(*both)))
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


@dataclass(frozen=True, slots=True)
class Data:
    """The features of ``pairs`` pairs in so many ``readings``, then of strangers; whether they
    are the same, and how much each counts."""

    rows: Rows
    told: list[bool]
    counts: list[float]
    pairs: int
    readings: int


def gathered(pairs: list[dict[str, Any]], readings: list[Rows], others: Rows) -> Data:
    """The training data: ``readings`` are the features of ``pairs`` to one who knows all words,
    then to some who do not; ``others`` those of strangers."""
    alike = [COPIES if pair["kind"] == "copy" else 1.0 for pair in pairs]
    rates = [KNOWING, *[COUNTS] * (len(readings) - 1)]
    told = [pair["same"] for pair in pairs] * len(readings) + [False] * len(others)
    counts = [rate * each for rate in rates for each in alike] + [STRANGE] * len(others)
    rows = [row for reading in readings for row in reading]
    costs = [count * (1.0 if same else NEGATIVE) for count, same in zip(counts, told, strict=True)]
    return Data(rows + others, told, costs, len(pairs), len(readings))


def fit(data: Data) -> tuple[float, dict[str, float], dict[str, Any]]:
    """The bias and the weights of the first stage, and the trees of the second."""
    bias, weights = fit_linear([found for found, _, _ in data.rows], data)
    known = [row[2] for row in data.rows[: data.pairs]]
    words = story_trees.Alone.count(known, data.told[: data.pairs])
    seen, told, counts = [], [], []
    for at, (found, finer_ones, keys) in enumerate(data.rows):
        first = bias + sum(weights[name] * value for name, value in found.items())
        if first <= compare.HOPELESS:
            continue
        is_pair = data.readings > at // data.pairs
        own = known[at % data.pairs] if is_pair else frozenset[str]()
        alone = finer.weighed(keys, words.weights(keys, own, data.told[at]))
        seen.append({**found, **finer_ones, **alone, "first": compare.bounded(first)})
        told.append(data.told[at])
        counts.append(data.counts[at])
    return bias, weights, {**story_trees.fit(seen, told, counts), "alone": words.table()}


def fit_linear(rows: list[dict[str, float]], data: Data) -> tuple[float, dict[str, float]]:
    """The bias and the weights."""
    names = list(rows[0])
    x = np.array([[row[name] for name in names] for row in rows], dtype=float)
    sign, cost = np.where(data.told, 1.0, -1.0), np.array(data.counts)
    prior = np.array([PRIORS[name] for name in names])

    def loss(point: Any) -> tuple[float, Any]:
        margin = sign * (x @ point[1:] + point[0])
        slope = -cost * sign / (1.0 + np.exp(margin))
        away = point[1:] - prior
        value = float((cost * np.logaddexp(0.0, -margin)).sum() + PULL * (away @ away))
        return value, np.concatenate(([slope.sum()], x.T @ slope + 2 * PULL * away))

    senses = [(None, None), *map(_sense, prior)]
    start = np.concatenate(([-3.0], prior))
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=senses).x
    return float(found[0]), dict(zip(names, map(float, found[1:]), strict=True))


def _sense(prior: float) -> tuple[float | None, float | None]:
    """Between what a weight may lie: it has the sense of its prior; a contradiction stays one,
    though rewrites by other desks may happen to show it."""
    if prior <= CONTRADICTION:
        return None, SURELY * prior
    return (0.0, None) if prior > 0 else (None, 0.0)


def main() -> None:
    """Fit, and write the weights and the trees."""
    pairs = read("train")
    readings = [featured(pairs), *(forgetfully(pairs, seed) for seed in range(FORGETFUL))]
    bias, weights, trees = fit(gathered(pairs, readings, featured(strangers())))
    story_trees.write(trees, FOREST)
    lines = [f'    "{name}": {value:.3f},' for name, value in weights.items()]
    TARGET.write_text(
        '"""What each feature of a pair counts; written by ``tests.benchmarks.fit_stories``."""\n\n'
        f"BIAS = {bias:.3f}\nWEIGHTS = {{\n" + "\n".join(lines) + "\n}\n",
        "utf-8",
    )


if __name__ == "__main__":
    main()
