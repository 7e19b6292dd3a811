"""Ours beside fastText and scikit-learn's usual pipeline, on the same rows.

Each learns the train file of a corpus and is scored on its dev file, or on a fifth held out
by hash where there is one file. Each runs in a process of its own, which reports accuracy,
macro-F1, expected calibration error, seconds to learn, its largest resident memory and titles
a second; a learner that can use more than one core is held to one when it is scored.

- ours: ``train.train`` with the settings for corpora, calibration included; scored by the
  release that was written and loaded again, as the daemon does it.
- fastText: characters as tokens (words in English), the best of six settings (two when
  quick), tried on a tenth of what is learnt (the seconds are of the last fit alone). Its own
  probabilities.
- scikit-learn: TF-IDF of character n-grams 1 to 3, LinearSVC. Its margins give no
  probabilities; ECE is of a softmax of them.

``titles_per_second`` is of the call that a user would make with a list of titles: section,
probability, runner-up and *unsure* from ours, label and probability from fastText (its spacing
of characters included), margins from scikit-learn. ``single_us`` is one title at a time through
the starter as the daemon scores it, the record that it stores included.
``first_answer_s`` is ``headlines classify`` from its start; *cold* asks the system to drop
the program's files from its cache before (where it lets us).
"""

from __future__ import annotations

import argparse
import compileall
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from classifiers import corpus
from classifiers.corpus import identity_key
from classifiers.evaluate import measure
from classifiers.examples import Example
from tests.benchmarks.report import show

PARTS = {
    "thucnews": ("train.txt", "dev.txt"),
    "toutiao": ("train_titles.txt", "dev.txt"),
    "nlpcc2017": ("train.word", "train.word"),
    "agnews": ("train.csv", "train.csv"),
}
CONTENDERS = ("ours", "fasttext", "sklearn")
HELD_OUT = 0.2
QUICK_CORPORA = ("thucnews",)
QUICK_LEARNT, QUICK_SCORED = 4_000, 2_000
TIMED_S, QUICK_TIMED_S = 3.0, 0.5
TUNED_ON = 0.1  # of what is learnt
TUNING = (  # learning rate, epochs, word n-grams, n-grams of letters in a word (0: none)
    (0.5, 10, 3, 0),
    (0.5, 10, 2, 5),
    (0.5, 10, 2, 0),
    (0.2, 25, 3, 0),
    (0.2, 10, 3, 0),
    (1.0, 5, 3, 0),
)
QUICK_TUNING = TUNING[:2]
FIELDS = ("accuracy", "macro_f1", "ece")


class Split(NamedTuple):
    """What is learnt and what is scored; no title of one is in the other."""

    learnt: list[Example]
    scored: list[Example]


class Answers(NamedTuple):
    """Places in ``names``, and how probable each is said to be."""

    names: Sequence[str]
    best: np.ndarray
    surest: np.ndarray


class Learnt(NamedTuple):
    """What a contender became: the call that a user would make, how its result reads, and the
    seconds that learning took."""

    call: Callable[[Sequence[str]], Any]
    read: Callable[[Any], Answers]
    seconds: float


def main() -> None:
    """Measure and print; with ``--worker``, be one contender."""
    chosen = _options()
    if chosen.worker:
        print(json.dumps(contend(chosen.worker, chosen.corpus, chosen.corpora, chosen.quick)))
        return
    show(run_all(chosen.corpora, quick=chosen.quick), as_json=chosen.json)


def _options() -> argparse.Namespace:
    beside = Path(__file__).parents[3] / "shared" / "corpora"
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="end within 60 seconds")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.add_argument("--corpora", type=Path, default=beside, help="folder of the corpora")
    parser.add_argument("--worker", choices=(*CONTENDERS, "single"), help=argparse.SUPPRESS)
    parser.add_argument("--corpus", choices=PARTS, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if not chosen.corpora.is_dir():
        parser.error(f"{chosen.corpora}: the corpora are not there; name them with --corpora")
    return chosen


def run_all(corpora: Path, *, quick: bool) -> dict[str, Any]:
    """Every contender on every corpus, then the times of single answers."""
    names = QUICK_CORPORA if quick else tuple(PARTS)
    found = {
        name: {who: _in_process(who, name, corpora, quick=quick) for who in CONTENDERS}
        for name in names
    }
    first = found[names[0]]
    single = _in_process("single", names[0], corpora, quick=quick)
    rates = {who: first[who]["titles_per_second"] for who in CONTENDERS}
    return {
        "titles_per_second": rates,
        "ratio": {who: rates["ours"] / rates[who] for who in CONTENDERS[1:]},
        "single_us": single["single_us"],
        "starter_titles_per_second": single["titles_per_second"],
        "first_answer_s": {
            "warm": _first_answer(cold=False, rounds=2 if quick else 5),
            "cold": _first_answer(cold=True, rounds=1 if quick else 3),
        },
        "starter_mb": single["starter_mb"],
        **{
            field: {name: {who: found[name][who][field] for who in CONTENDERS} for name in names}
            for field in (*FIELDS, "train_seconds", "memory_mb")
        },
        "scored": {name: found[name]["ours"]["scored"] for name in names},
    }


def _in_process(who: str, name: str, corpora: Path, *, quick: bool) -> dict[str, Any]:
    """A contender alone in a process, so that its memory is its own."""
    command = [sys.executable, "-m", "tests.benchmarks.classify", "--worker", who]
    command += ["--corpus", name, "--corpora", str(corpora), *(["--quick"] if quick else [])]
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        command, env=os.environ | threads, stdout=subprocess.PIPE, check=True, text=True
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(f"{name}, {who}: {found}", file=sys.stderr)
    return found


def split(name: str, corpora: Path, *, quick: bool) -> Split:
    """The rows, the same for all; fewer of them when ``quick``."""
    learnt, scored = (corpus.load(f"{name}:{corpora / name / part}") for part in PARTS[name])
    if PARTS[name][0] == PARTS[name][1]:
        learnt, scored = corpus.split(learnt, HELD_OUT)
    keys = {identity_key(each.title) for each in scored}
    apart = [each for each in learnt if identity_key(each.title) not in keys]
    if quick:
        return Split(_fewer(apart, QUICK_LEARNT), _fewer(scored, QUICK_SCORED))
    return Split(apart, scored)


def _fewer(examples: list[Example], most: int) -> list[Example]:
    share = most / len(examples)
    return [each for each in examples if corpus.position(each.title, b"bench") < share]


def contend(who: str, name: str, corpora: Path, quick: bool) -> dict[str, Any]:
    """Learn, score, and say how it went."""
    rows = split(name, corpora, quick=quick)
    titles = [each.title for each in rows.scored]
    seconds = QUICK_TIMED_S if quick else TIMED_S
    if who == "single":
        return _single(titles, seconds)
    tuning = QUICK_TUNING if quick else TUNING
    before = _peak_mb()
    if who == "ours":
        learnt = ours(rows.learnt)
    else:
        learnt = fasttext(rows.learnt, tuning) if who == "fasttext" else sklearn(rows.learnt)
    memory = _peak_mb() - before
    answers = learnt.read(learnt.call(titles))
    labels = [each.label for each in rows.scored]
    figures = measure(answers.best, answers.surest, answers.names, labels).as_json()
    return {
        **{field: figures[field] for field in FIELDS},
        "train_seconds": learnt.seconds,
        "memory_mb": memory,
        "titles_per_second": len(titles) / _least(lambda: learnt.call(titles), seconds),
        "scored": len(titles),
    }


def ours(learnt: list[Example]) -> Learnt:
    """This program, as ``evaluate`` and ``retrain`` train it; asked as the daemon asks it, for
    columns of answers, which is what the others give."""
    from classifiers.compiled import Columns, Scorer
    from classifiers.train import TrainSettings, train

    started = time.perf_counter()
    trained = train(learnt, TrainSettings())
    seconds = time.perf_counter() - started
    with tempfile.TemporaryDirectory() as folder:
        trained.write(Path(folder) / "release")
        scorer = Scorer.load(Path(folder) / "release")
    places = {section: at for at, section in enumerate(scorer.sections)}

    def read(found: Columns) -> Answers:
        best = np.array([places[section] for section in found.sections])
        return Answers(scorer.sections, best, np.array(found.probabilities))

    return Learnt(scorer.columns, read, seconds)


Tuning = tuple[float, int, int, int]


def fasttext(learnt: list[Example], tuning: Sequence[Tuning]) -> Learnt:
    """fastText with the settings that do best on a tenth of what is learnt."""
    tried = [each for each in learnt if corpus.position(each.title, b"tuning") < TUNED_ON]
    rest = [each for each in learnt if corpus.position(each.title, b"tuning") >= TUNED_ON]
    labels = [each.label for each in tried]

    def accuracy(setting: Tuning) -> float:
        model = _fasttext(rest, setting)
        answers = model.read(model.call([each.title for each in tried]))
        return measure(answers.best, answers.surest, answers.names, labels).accuracy

    best = max(tuning, key=accuracy)
    print(f"fastText on {learnt[0].origin}: {best}", file=sys.stderr)
    return _fasttext(learnt, best)


def _fasttext(learnt: list[Example], setting: Tuning) -> Learnt:
    import fasttext as library

    rate, epochs, grams, letters = setting
    names = sorted({each.label for each in learnt})
    numbers = {name: at for at, name in enumerate(names)}
    started = time.perf_counter()
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
        for each in learnt:
            file.write(f"__label__{numbers[each.label]} {_spaced(each.title)}\n")
        file.flush()
        model = library.train_supervised(
            file.name, lr=rate, epoch=epochs, wordNgrams=grams, dim=100, minCount=1,
            minn=3 if letters else 0, maxn=letters, thread=2, verbose=0,
        )  # fmt: skip

    def read(found: tuple[Any, Any]) -> Answers:
        best = np.array([int(each[0][len("__label__") :]) for each in found[0]])
        return Answers(names, best, np.minimum([each[0] for each in found[1]], 1.0))

    seconds = time.perf_counter() - started
    return Learnt(lambda titles: model.predict([_spaced(x) for x in titles]), read, seconds)


def _spaced(title: str) -> str:
    """Characters as tokens; words, where the title is of ASCII alone."""
    return title.lower() if title.isascii() else " ".join(title.lower())


def sklearn(learnt: list[Example]) -> Learnt:
    """TF-IDF of character n-grams and a linear support vector machine."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import LinearSVC

    pipeline = make_pipeline(
        TfidfVectorizer(analyzer="char", ngram_range=(1, 3), sublinear_tf=True), LinearSVC()
    )
    started = time.perf_counter()
    pipeline.fit([each.title for each in learnt], [each.label for each in learnt])
    seconds = time.perf_counter() - started

    def read(margins: np.ndarray) -> Answers:
        powers = np.exp(margins - margins.max(axis=1, keepdims=True))
        chances = powers / powers.sum(axis=1, keepdims=True)
        return Answers(pipeline.classes_.tolist(), margins.argmax(axis=1), chances.max(axis=1))

    return Learnt(lambda titles: pipeline.decision_function(list(titles)), read, seconds)


def _single(titles: Sequence[str], seconds: float) -> dict[str, Any]:
    """One title at a time, and many, through the starter."""
    from classifiers.registry import starter_folder
    from monitor.model import Classifier

    with tempfile.TemporaryDirectory() as folder:
        classifier = Classifier(Path(folder))
    few = [[title] for title in titles[:1000]]
    each = _least(lambda: [classifier(one) for one in few], seconds) / len(few)
    size = sum(path.stat().st_size for path in starter_folder().iterdir())
    return {
        "single_us": each * 1e6,
        "titles_per_second": len(titles) / _least(lambda: classifier(titles), seconds),
        "starter_mb": size / (1 << 20),
    }


def _least(work: Callable[[], object], seconds: float) -> float:
    """Processor time of the quickest of the rounds that these ``seconds`` hold, so that each
    contender waits as long for a moment in which a shared machine is quiet."""
    times: list[float] = []
    while sum(times) < seconds:
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return min(times)


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _first_answer(*, cold: bool, rounds: int) -> float:
    """Seconds from the start of ``headlines classify`` to its end with one title's answer."""
    command = [sys.executable, "-m", "monitor", "classify", "央行宣布降息"]
    compileall.compile_dir(Path(__file__).parents[2] / "monitor", quiet=2)
    times = []
    for _ in range(rounds):
        if cold:
            _forget()
        started = time.perf_counter()
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        times.append(time.perf_counter() - started)
    return min(times)


def _forget() -> None:
    """Ask the system to drop what Python, its libraries and the release have in its cache."""
    roots = {Path(__file__).parents[2] / name for name in ("monitor", "classifiers")}
    roots |= {Path(each) for each in sys.path if each.endswith(("-packages", "python3.11"))}
    for root in roots:
        for path in root.rglob("*.[pns]*"):
            _drop(path)


def _drop(path: Path) -> None:
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return
    try:
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(handle)


if __name__ == "__main__":
    main()
