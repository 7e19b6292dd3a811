"""The blended model: a classifier like the other, better on little data, with kin sections."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.base import clone

from classifiers import blend, train
from classifiers.blend import KIN, BlendedClassifier
from classifiers.examples import Example
from classifiers.train import TrainSettings
from tests.classifiers.conftest import make_examples


def accuracy(settings: TrainSettings) -> float:
    learnt = train.train(make_examples(60, seed=8, noise=0.25), settings)
    scored = make_examples(600, seed=9)
    answers = learnt.scorer.score([each.title for each in scored])
    return sum(a.section == e.label for a, e in zip(answers, scored, strict=True)) / len(scored)


def test_a_release_of_it_scores_as_the_model_does(small: TrainSettings) -> None:
    titles = [each.title for each in make_examples(50, seed=3)]
    found = train.train(make_examples(), replace(small, bayes=0.75))
    assert isinstance(found.model, BlendedClassifier)
    assert np.allclose(found.scorer.margins(titles), found.model.margins(titles), atol=1e-4)


def test_naive_bayes_helps_where_labels_are_few_and_noisy(small: TrainSettings) -> None:
    assert accuracy(replace(small, bayes=2.0)) > accuracy(small)


def test_two_classes_and_weights() -> None:
    titles = ["足球 联赛", "足球 冠军", "银行 利率", "银行 基金", "火锅"]
    labels = ["sports", "sports", "finance", "finance", "finance"]
    model = clone(BlendedClassifier(buckets=1 << 10, bayes=0.5)).fit(titles, labels)
    assert model.margins(titles).shape == (5, 2)
    assert model.predict(titles).tolist() == labels
    both = ["火锅", "火锅"]
    for heavy in ("sports", "finance"):
        weights = [1, 1, 1, 1, *(50 if name == heavy else 1 for name in ("sports", "finance"))]
        model.fit([*titles[:4], *both], [*labels[:4], "sports", "finance"], weights)
        assert model.predict(["火锅"]).tolist() == [heavy]


def test_a_section_gets_a_share_of_its_neighbours_margin(
    small: TrainSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """World news is answered as politics, not at random, where world may not be answered."""
    ((section, neighbour, share),) = KIN
    words = {section: "人大 政协", neighbour: "总统 大选", "food": "火锅 面条"}
    made = [
        Example(f"{word} {number}", label)
        for label, several in words.items()
        for word in several.split()
        for number in range(20)
    ]

    def margins() -> dict[str, float]:
        found = train.train(made, replace(small, bayes=0.75)).scorer
        return dict(zip(found.sections, found.margins(["总统 大选"])[0].tolist(), strict=True))

    with_kin = margins()
    monkeypatch.setattr(blend, "KIN", ())
    alone = margins()
    gained = with_kin[section] - alone[section]
    assert gained == pytest.approx(share * alone[neighbour], abs=1e-3)
    assert gained > 0.2
    assert with_kin["food"] == pytest.approx(alone["food"], abs=1e-3)
