"""Fits both stages of the story score on the training part of the pairs.

``python -m tests.benchmarks.fit_stories`` writes ``monitor/stories/weights.py`` and
``monitor/stories/trees.json``; ``--cross`` fits without each file of pairs in turn instead, and
prints how its pairs come out. The first stage is a logistic regression whose coefficients are
drawn towards what each feature is for, so that one which few pairs show keeps its sense, and
none has the other sense; the second one is in ``story_trees``. Files with ``exam`` in their names
take no part.

Nearly all titles that a window brings together are other news, and labelled pairs are half and
half: so streams join in, where most headlines of a topic tell other news of it, and strangers,
headlines of the project that resemble each other.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from scipy.optimize import minimize

from monitor.stories import compare, finer, lexicon, trees, wording
from monitor.stories.grouping import JOIN_SCORE
from monitor.stories.window import Batch
from tests.benchmarks import story_trees
from tests.benchmarks.report import show
from tests.benchmarks.stories import headlines

ROOT = Path(__file__).parents[2]
PAIRS = ROOT / "tests" / "data" / "stories"
STREAMS = PAIRS / "streams"
EXAM = "exam"
TARGET = ROOT / "monitor" / "stories" / "weights.py"
FOREST = TARGET.with_name("trees.json")
PULL = 0.3
# How much each counts.
STRANGE = 0.5
# Pairs by chance: of the headlines of each language, and of each stream.
BY_CHANCE, OF_A_STREAM = 1_000, 500
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


def parts() -> dict[str, list[dict[str, Any]]]:
    """The pairs to learn from by file, each of another author, the oldest of several."""
    files = sorted(path.stem for path in PAIRS.glob("*.jsonl") if EXAM not in path.stem)
    return {
        **{name: read(name) for name in files},
        **{path.stem: streamed(path) for path in training_streams()},
    }


def training_streams() -> list[Path]:
    """The streams to learn from."""
    return sorted(path for path in STREAMS.glob("*.jsonl") if EXAM not in path.stem)


def streamed(path: Path) -> list[dict[str, Any]]:
    """The pairs of a stream: what a window would compare, and all headlines of one event."""
    told = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    batch, found = Batch(), []
    for number, late in enumerate(told):
        own = wording.grams(late["title"])
        alike = {at for at in range(number) if told[at]["event"] == late["event"]}
        for at in sorted(alike.union(batch.near(own))):
            if told[at]["title"] != late["title"]:
                pair = {"a": told[at]["title"], "b": late["title"], "same": at in alike}
                found.append({**pair, "kind": "stream"})
        batch.add(number, own)
    return found


def strangers() -> list[dict[str, Any]]:
    """Headlines that share a quarter of their words, taken for other news, as few are not; and
    some taken by chance, which share nothing, or a place alone."""
    batch, found, told = Batch(), [], headlines()
    for number, title in enumerate(told):
        own = wording.grams(title)
        found += [(title, told[other]) for other in batch.near(own) if told[other] != title]
        batch.add(number, own)
    for is_ascii in (False, True):
        chance = [title for title in told if title.isascii() == is_ascii]
        random.Random(BY_CHANCE).shuffle(chance)
        found += zip(chance[:BY_CHANCE], chance[BY_CHANCE : 2 * BY_CHANCE], strict=False)
    for path in training_streams():
        lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        rng = random.Random(path.stem)
        for one, other in (rng.sample(lines, 2) for _ in range(OF_A_STREAM)):
            if one["event"] != other["event"]:
                found.append((one["title"], other["title"]))
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
        if compare.is_hopeless(found, first):
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


Read = dict[str, list[Rows]]


def readings_of(found: dict[str, list[dict[str, Any]]]) -> Read:
    """By file, the features of its pairs to one who knows all words, then to some who do not."""
    pairs = [pair for each in found.values() for pair in each]
    read_ = [featured(pairs), *(forgetfully(pairs, seed) for seed in range(FORGETFUL))]
    parted: Read = {}
    at = 0
    for name, each in found.items():
        parted[name] = [rows[at : at + len(each)] for rows in read_]
        at += len(each)
    return parted


def joined(
    names: list[str], found: dict[str, list[dict[str, Any]]], read_: Read, others: Rows
) -> Data:
    """The training data of some files."""
    pairs = [pair for name in names for pair in found[name]]
    readings = [[row for name in names for row in read_[name][at]] for at in range(FORGETFUL + 1)]
    return gathered(pairs, readings, others)


def cross() -> dict[str, dict[str, float]]:
    """How the pairs of each file come out when all others are learnt."""
    found = parts()
    read_, others = readings_of(found), featured(strangers())
    told = {}
    for name, pairs in found.items():
        rest = [other for other in found if other != name]
        bias, weights, document = fit(joined(rest, found, read_, others))
        grown = trees.planted(document)
        scores = [scored(row, bias, weights, grown) for row in read_[name][0]]
        told[name] = judged([pair["same"] for pair in pairs], scores)
        print(f"{name}: {told[name]}", file=sys.stderr)
    return told


def scored(row: Row, bias: float, weights: dict[str, float], grown: trees.Forest) -> float:
    """The score of a pair, as ``compare`` finds it with the bundled weights and trees."""
    found, finer_ones, keys = row
    first = bias + sum(weights[name] * value for name, value in found.items())
    if compare.is_hopeless(found, first):
        return compare.logistic(first)
    words = finer.weighed(keys, grown.alone)
    second = trees.margin({**found, **finer_ones, **words, "first": compare.bounded(first)}, grown)
    return compare.logistic(compare.added(first, second))


def judged(same: list[bool], scores: list[float]) -> dict[str, float]:
    """Precision and recall, as titles are compared and as entries join."""
    told: dict[str, float] = {"pairs": len(same)}
    for name, least in (("", compare.SAME), ("joining_", JOIN_SCORE)):
        both = sum(each and score >= least for each, score in zip(same, scores, strict=True))
        told[f"{name}precision"] = both / max(sum(score >= least for score in scores), 1)
        told[f"{name}recall"] = both / sum(same)
    return told


def main() -> None:
    """Fit, and write the weights and the trees; or judge by leaving files out."""
    chosen = argparse.ArgumentParser(description=__doc__)
    chosen.add_argument("--cross", action="store_true", help="leave each file out in turn")
    chosen.add_argument("--json", action="store_true", help="one JSON document")
    options = chosen.parse_args()
    if options.cross:
        show(cross(), as_json=options.json)
        return
    found = parts()
    data = joined(list(found), found, readings_of(found), featured(strangers()))
    bias, weights, grown = fit(data)
    story_trees.write(grown, FOREST)
    lines = [f'    "{name}": {value:.3f},' for name, value in weights.items()]
    TARGET.write_text(
        '"""What each feature of a pair counts; written by ``tests.benchmarks.fit_stories``."""\n\n'
        f"BIAS = {bias:.3f}\nWEIGHTS = {{\n" + "\n".join(lines) + "\n}\n",
        "utf-8",
    )


if __name__ == "__main__":
    main()
