"""What learning costs as titles grow: seconds and largest memory for 50,000, 200,000 and more.

The titles are THUCNews' with noise: copies of which a tenth of the characters are others of
the same corpus, so that new n-grams keep coming as they do in real titles. Each size runs in a
process of its own, calibration included. ``seconds`` is by the clock and ``cpu_seconds`` of the
processors, ``memory_mb`` the largest resident memory of the process, ``us_a_title`` the
processors' time for each title: where cost is linear it stays the same.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from classifiers import corpus
from classifiers.examples import Example
from tests.benchmarks.report import show

SIZES = (50_000, 200_000, 1_000_000)
QUICK_SIZES = (5_000, 20_000)
NOISE = 0.1


def main() -> None:
    """Measure and print; with ``--worker``, be one size."""
    beside = Path(__file__).parents[3] / "shared" / "corpora" / "thucnews" / "train.txt"
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="end within 60 seconds")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.add_argument("--titles", type=Path, default=beside, help="a file of THUCNews")
    parser.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if not chosen.titles.is_file():
        parser.error(f"{chosen.titles}: the titles are not there; name them with --titles")
    if chosen.worker:
        print(json.dumps(learn(chosen.titles, chosen.worker)))
        return
    sizes = QUICK_SIZES if chosen.quick else SIZES
    found = {str(size): _in_process(chosen.titles, size) for size in sizes}
    show(found, as_json=chosen.json)


def _in_process(titles: Path, size: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.benchmarks.scale"]
    command += ["--titles", str(titles), "--worker", str(size)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(f"{size}: {found}", file=sys.stderr)
    return found


def learn(titles: Path, size: int) -> dict[str, Any]:
    """Learn ``size`` titles, and say what it cost."""
    from classifiers.train import TrainSettings, train

    examples = list(noisy(corpus.load(f"thucnews:{titles}"), size))
    started, cpu = time.perf_counter(), time.process_time()
    trained = train(examples, TrainSettings())
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu
    return {
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "us_a_title": cpu_seconds / size * 1e6,
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "accuracy": trained.evaluation.accuracy,
    }


def noisy(examples: list[Example], size: int) -> Iterator[Example]:
    """Titles by turns, each with other characters here and there."""
    random_ = random.Random(7)
    chars = "".join(each.title for each in examples)
    for at in range(size):
        each = examples[at % len(examples)]
        title = "".join(
            random_.choice(chars) if random_.random() < NOISE else char for char in each.title
        )
        yield Example(title, each.label, origin=each.origin)


if __name__ == "__main__":
    main()
