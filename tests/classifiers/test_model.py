"""The estimator contract of scikit-learn, for titles."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.naive_bayes import ComplementNB
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import check_estimator
from sklearn.utils.validation import check_is_fitted, validate_data

from classifiers import native, solver
from classifiers.errors import TrainingError
from classifiers.model import TopicClassifier
from tests.classifiers.conftest import make_examples

EXAMPLES = make_examples(240)
X = [each.title for each in EXAMPLES]
Y = [each.label for each in EXAMPLES]


def fitted(**parameters: object) -> TopicClassifier:
    return TopicClassifier(buckets=1 << 12, **parameters).fit(X, Y)


def test_parameters_are_stored_and_cloned() -> None:
    model = TopicClassifier(buckets=1 << 10, C=0.5, shape=True)
    assert set(model.get_params()) == set(inspect.signature(TopicClassifier).parameters)
    copy = clone(model).set_params(C=2.0)
    assert copy.get_params() == {**model.get_params(), "C": 2.0}
    assert not [name for name in vars(model) if name.endswith("_")], "only fit learns"


def test_fit_learns_and_returns_itself() -> None:
    model = TopicClassifier(buckets=1 << 12)
    with pytest.raises(NotFittedError):
        model.predict(X)
    assert model.fit(X, Y) is model
    assert model.classes_.tolist() == ["finance", "food", "sports"]
    assert model.decision_function(X).shape == (len(X), 3)
    assert model.score(X, Y) > 0.99


def test_two_classes_follow_the_custom() -> None:
    two = [(title, label) for title, label in zip(X, Y, strict=True) if label != "food"]
    titles, labels = map(list, zip(*two, strict=True))
    model = TopicClassifier(buckets=1 << 12).fit(titles, labels)
    decision = model.decision_function(titles)
    assert decision.shape == (len(titles),)
    assert np.array_equal(model.predict(titles) == "sports", decision > 0)


def test_one_class_is_refused() -> None:
    with pytest.raises(TrainingError, match="two sections"):
        TopicClassifier().fit(["a", "b"], ["food", "food"])


def test_it_works_in_a_pipeline_and_a_grid_search() -> None:
    strip = FunctionTransformer(lambda titles: [title.strip("!") for title in titles])
    pipeline = Pipeline([("strip", strip), ("model", TopicClassifier(buckets=1 << 12))])
    search = GridSearchCV(pipeline, {"model__C": [0.1, 1.0], "model__longest": [1, 2]}, cv=3)
    search.fit(X, Y)
    assert search.best_score_ > 0.9
    assert search.predict(["联赛 冠军!"])[0] == "sports"
    assert cross_val_score(TopicClassifier(buckets=1 << 12), X, Y, cv=3).min() > 0.9


def test_weights_of_examples_count() -> None:
    titles, labels = ["甲乙", "甲乙"] * 20, ["food", "sports"] * 20
    heavy = [5.0, 1.0] * 20
    model = TopicClassifier(buckets=1 << 10)
    assert model.fit(titles, labels, heavy).predict(["甲乙"])[0] == "food"
    assert model.fit(titles, labels, heavy[::-1]).predict(["甲乙"])[0] == "sports"


def test_fitting_twice_gives_the_same_weights() -> None:
    one, other = fitted(shape=True), fitted(shape=True)
    assert np.array_equal(one.steps_, other.steps_)
    assert np.array_equal(one.intercept_, other.intercept_)


@pytest.mark.parametrize("parameters", [{"words": True}, {"shape": True}, {"simplify": False}])
def test_every_text_option_changes_the_features(parameters: dict[str, bool]) -> None:
    plain, changed = fitted(), fitted(**parameters)
    title = ["人工智能發佈 12%"]
    rows = [model.lexicon_.weigh(title) for model in (plain, changed)]
    assert plain.text_settings != changed.text_settings
    assert any(
        not np.array_equal(plain.steps_, changed.steps_) for _ in (0,)
    ) or not np.array_equal(rows[0].buckets, rows[1].buckets)


def test_numbers_and_unequal_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="sequence of str"):
        TopicClassifier().fit([[1.0], [2.0]], ["a", "b"])
    with pytest.raises(ValueError, match="sequence of str"):
        fitted().predict("one title")
    with pytest.raises(ValueError, match="inconsistent numbers"):
        TopicClassifier().fit(["a", "b"], ["food"])
    with pytest.raises(ValueError, match="sample_weight"):
        TopicClassifier().fit(["a", "b"], ["food", "sports"], [0.0, 0.0])
    with pytest.raises(ValueError, match="sample_weight"):
        TopicClassifier().fit(["a", "b"], ["food", "sports"], [1.0, -1.0])


class OnNumbers(TopicClassifier):
    """Rows of numbers written as titles, so that scikit-learn's checks, which give numbers,
    try all the rest."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> OnNumbers:  # noqa: N803
        rows, y = validate_data(self, X, y)
        return super().fit(spelt(rows), y, sample_weight)

    def margins(self, X: Any) -> Any:  # noqa: N803
        check_is_fitted(self)
        return super().margins(spelt(validate_data(self, X, reset=False)))


def spelt(rows: Any) -> list[str]:
    return [
        " ".join(f"c{column}v{round(float(value) * 2)}" for column, value in enumerate(row))
        for row in rows
    ]


# A weight is the cost of a mistake; how rare an n-gram is counts titles, whatever they weigh.
EXEMPT = {"check_sample_weight_equivalence_on_dense_data"}


def test_the_contract_of_estimators_is_kept() -> None:
    results = check_estimator(OnNumbers(buckets=1 << 10), on_fail=None, on_skip=None)
    assert len(results) > 50
    assert {each["check_name"] for each in results if each["status"] == "failed"} == EXEMPT


def test_without_a_compiler_the_same_is_learnt(monkeypatch: pytest.MonkeyPatch) -> None:
    """liblinear finds the optimum that the compiled solver finds."""
    compiled = fitted(softmax=0.0, shape=True)
    monkeypatch.setattr(native, "library", lambda: None)
    slow = fitted(softmax=0.0, shape=True)
    assert not np.array_equal(compiled.steps_, slow.steps_), "each must have been used"
    unlike = np.abs(compiled.margins(X) - slow.margins(X))
    assert unlike.mean() < 0.05
    assert np.mean(compiled.predict(X) == slow.predict(X)) > 0.99


def test_the_logistic_regression_takes_part() -> None:
    assert fitted(softmax=0.0).score(X, Y) > 0.99
    assert not np.allclose(fitted(softmax=0.0).margins(X), fitted(softmax=0.5).margins(X))
    assert not np.allclose(fitted(trust=0.0).margins(X), fitted(trust=0.75).margins(X))


def test_naive_bayes_takes_part() -> None:
    assert fitted(bayes=0.0).score(X, Y) > 0.99
    assert not np.allclose(fitted(bayes=0.0).margins(X), fitted(bayes=0.5).margins(X))


def test_naive_bayes_is_scikit_learns() -> None:
    model = fitted(shape=True)
    matrix, labels = model.matrix(X), np.searchsorted(model.classes_, Y).astype(np.int32)
    costs = np.linspace(0.5, 2, len(Y)).astype(np.float32)
    ours = solver.complement_bayes(solver.Rows(matrix, labels, costs, len(model.classes_)))
    theirs = ComplementNB(alpha=0.1).fit(matrix, labels, costs).feature_log_prob_
    seen = np.asarray(matrix.sum(axis=0)).ravel() > 0
    expected = (theirs - theirs.mean(axis=0)).T[seen]
    assert np.abs(ours.weights[seen] - expected).max() < 1e-5
    assert not ours.weights[~seen].any()
    assert ours.deviation(matrix) == pytest.approx(float((matrix @ ours.weights).std()))
