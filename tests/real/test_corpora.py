"""Training and scoring on the public corpora, with floors a little below what was measured."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from classifiers import corpus, train
from classifiers.compiled import Scorer
from classifiers.diversity import Index
from classifiers.evaluate import Evaluation, evaluate
from classifiers.examples import Example

pytestmark = pytest.mark.real

TITLES = 12_000  # learnt from, of each corpus at most
STARTER_FLOORS = {"thucnews": 0.78, "toutiao": 0.74, "nlpcc2017": 0.67, "agnews": 0.75}
OWN_FLOORS = {  # accuracy, and the error of its probabilities at most
    "thucnews": (0.875, 0.04),
    "toutiao": (0.78, 0.04),
    "nlpcc2017": (0.73, 0.05),
    "agnews": (0.70, 0.07),
}
PARTS = {
    "thucnews": ("train.txt", "dev.txt"),
    "toutiao": ("train_titles.txt", "dev.txt"),
    "nlpcc2017": ("train.word", "train.word"),
    "agnews": ("train.csv", "train.csv"),
}


@pytest.fixture(scope="module")
def corpora() -> Path:
    beside = Path(__file__).parents[3] / "shared"
    folder = Path(os.environ.get("HEADLINES_SHARED", beside)) / "corpora"
    assert folder.is_dir(), f"{folder}: the corpora are not there; set HEADLINES_SHARED"
    return folder


@pytest.fixture(scope="module")
def starter(tmp_path_factory: pytest.TempPathFactory) -> Scorer:
    folder = tmp_path_factory.mktemp("starter") / "release"
    train.build_starter(folder)
    return Scorer.load(folder)


def less(examples: list[Example], most: int) -> list[Example]:
    share = most / len(examples)
    return [each for each in examples if corpus.position(each.title, b"less") < share]


def learn_and_score(folder: Path, name: str) -> Evaluation:
    learnt, scored = (corpus.load(f"{name}:{folder / name / part}") for part in PARTS[name])
    if PARTS[name][0] == PARTS[name][1]:
        learnt, scored = corpus.split(learnt, 0.2)
    keys = {corpus.identity_key(each.title) for each in scored}
    apart = [each for each in learnt if corpus.identity_key(each.title) not in keys]
    model = train.train(less(apart, TITLES), train.TrainSettings())
    return evaluate(model.scorer, scored)


@pytest.mark.parametrize("name", OWN_FLOORS)
def test_learning_a_corpus(name: str, corpora: Path, record_property: Callable[..., None]) -> None:
    found = learn_and_score(corpora, name)
    for key, value in found.as_json().items():
        record_property(key, value)
    accuracy, error = OWN_FLOORS[name]
    assert found.accuracy >= accuracy
    assert found.ece <= error
    assert found.coverage["0.80"] >= found.coverage["0.90"] >= found.accuracy


@pytest.mark.parametrize("name", STARTER_FLOORS)
def test_the_starter_on_titles_it_never_saw(name: str, corpora: Path, starter: Scorer) -> None:
    titles = less(corpus.load(f"{name}:{corpora / name / PARTS[name][1]}", "sections"), 5000)
    found = evaluate(starter, titles, only_present=True)
    assert found.accuracy >= STARTER_FLOORS[name]
    answers = starter.score([each.title for each in titles])
    right = [
        answer.section == each.label
        for answer, each in zip(answers, titles, strict=True)
        if not answer.unsure
    ]
    assert sum(right) / len(right) > found.accuracy - 0.02, "unsure must take the worse answers"


def test_the_starter_is_not_swayed_by_the_language(corpora: Path, starter: Scorer) -> None:
    """English titles spread over the sections as their subjects do."""
    titles = corpus.load(f"agnews:{corpora / 'agnews'}", "sections")
    answers = [answer.section for answer in starter.score([each.title for each in titles])]
    most = max(starter.sections, key=answers.count)
    assert answers.count(most) / len(answers) < 0.35


def test_own_headlines_are_nobody_elses(corpora: Path) -> None:
    """None of the data written here stands in a public corpus, or nearly."""
    own = [each for each in corpus.load("builtin") if not each.term]
    index = Index([each.title for each in own])
    found = set()
    for name in PARTS:
        for each in corpus.load(f"{name}:{corpora / name}"):
            found.update(own[at].origin for at in index.within(each.title, 0.8))
    assert not found, "these lines are somebody's, or nearly: write others"
