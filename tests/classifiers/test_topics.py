"""What a model of a corpus takes from the project's own terms."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from classifiers.compiled import Scorer, compile_model
from classifiers.corpus import load
from classifiers.examples import Example
from classifiers.features import describe, whole
from classifiers.model import TopicClassifier
from classifiers.text import TextSettings, fold_table
from classifiers.topics import own_topics
from classifiers.train import TrainSettings, calibrate, out_of_fold, train

FRAMES = (
    "今天{}有了消息",
    "{}的最新情况",
    "记者了解到{}",
    "都在谈论{}",
    "一文说说{}",
    "关于{}的几点",
)
PLACES = 1 << 18


def terms_of(section: str, least: int, most: int) -> list[str]:
    """Chinese terms of two or three characters, of the section alone."""
    found = [each for each in load("builtin", "sections") if each.term and each.label == section]
    return [
        each.title
        for each in found
        if least <= len(each.title) <= most and all(ord(char) > 0x2E80 for char in each.title)
    ]


def titles_of(terms: Sequence[str], label: str) -> list[Example]:
    return [
        Example(FRAMES[at % len(FRAMES)].format(term), label, 1.0, f"made:{at}")
        for at, term in enumerate(terms)
    ]


@pytest.fixture(scope="module")
def halves() -> tuple[list[Example], list[Example]]:
    """Titles of two labels; and titles of other terms of the same two sections, of which no
    character stands in the first ones but the frames'."""
    learnt, others = [], []
    for section, label in (("food", "左"), ("sports", "右")):
        terms = terms_of(section, 3, 3)
        learnt += titles_of(terms[::2], label)
        seen = set("".join(terms[::2]) + "".join(FRAMES))
        others += titles_of([term for term in terms[1::2] if not set(term) & seen], label)
    assert len(learnt) > 300
    assert len(others) > 20
    return learnt, others


def score(model: TopicClassifier, examples: Sequence[Example]) -> float:
    return float(model.score([each.title for each in examples], [each.label for each in examples]))


def fitted(examples: Sequence[Example], **parameters: float) -> TopicClassifier:
    model = TopicClassifier(buckets=PLACES, **parameters)  # type: ignore[arg-type]
    return model.fit([each.title for each in examples], [each.label for each in examples])


def test_terms_that_a_corpus_never_had_go_where_their_like_went(
    halves: tuple[list[Example], list[Example]],
) -> None:
    learnt, others = halves
    knowing, ignorant = fitted(learnt), fitted(learnt, topics=0.0)
    assert score(knowing, others) > 0.9
    assert score(ignorant, others) < 0.8
    assert knowing.terms_ == own_topics(True).digest
    assert ignorant.terms_ == ""


def test_a_release_scores_them_as_the_model_does(
    halves: tuple[list[Example], list[Example]],
) -> None:
    learnt, others = halves
    model = fitted(learnt)
    settings = TrainSettings(buckets=PLACES, shape=False)
    calibration = calibrate(out_of_fold(learnt, model.classes_, settings), settings)
    scorer: Scorer = compile_model(model, calibration)
    titles = [each.title for each in others]
    assert np.allclose(scorer.margins(titles), model.margins(titles), atol=1e-5)


def test_a_release_names_the_terms(halves: tuple[list[Example], list[Example]]) -> None:
    assert train(halves[0], TrainSettings()).manifest.provenance["terms"] == own_topics(True).digest


def test_a_table_without_room_for_the_terms_does_without(
    halves: tuple[list[Example], list[Example]],
) -> None:
    learnt, _ = halves
    titles = [each.title for each in learnt]
    model = TopicClassifier(buckets=1 << 12).fit(titles, [each.label for each in learnt])
    assert model.terms_ == ""


def test_what_is_whole_is_all_of_a_title() -> None:
    settings, fold = TextSettings(shape=True), fold_table(simplify=True)
    titles = ["人寿", "中国人寿", "insurer", "life insurer", "a life insurer", "保", "險資"]
    rows, hashes = whole(titles, settings, fold)
    found = {
        (titles[row], dict(describe(titles[row], settings, fold))[number])
        for row, number in zip(rows.tolist(), hashes.tolist(), strict=True)
    }
    assert found == {
        ("人寿", "人寿"),
        ("insurer", "insurer"),
        ("life insurer", "life insurer"),
        ("險資", "险资"),
    }
