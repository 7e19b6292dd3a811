"""Training: the same bytes each time, honest figures, a starter from the own data."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from classifiers import corpus, train
from classifiers.calibration import (
    Calibration,
    fit_curve,
    fit_sharpness,
    fit_thresholds,
    softmax,
    unknown,
)
from classifiers.compiled import Scorer
from classifiers.errors import TrainingError
from classifiers.evaluate import calibration_error, coverage, evaluate, measure
from classifiers.examples import Example
from classifiers.train import TrainedModel, TrainSettings
from tests.classifiers.conftest import make_examples

KEYS = {
    "accuracy",
    "macro_f1",
    "ece",
    "titles",
    "train_seconds",
    "titles_per_second",
    "coverage",
    "per_section",
}


def digests(folder: Path) -> dict[str, str]:
    return {each.name: hashlib.sha256(each.read_bytes()).hexdigest() for each in folder.iterdir()}


def test_the_order_of_examples_changes_no_byte(small: TrainSettings, tmp_path: Path) -> None:
    examples = make_examples(120)
    shuffled = random.Random(5).sample(examples, len(examples))
    for name, given in (("one", examples), ("other", shuffled)):
        train.train(given, small).write(tmp_path / name)
    assert digests(tmp_path / "one") == digests(tmp_path / "other")


def test_the_starter_is_the_same_each_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Built by the function, and by the command over an older one."""
    first = train.build_starter(tmp_path / "one")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "stale.npy").touch()
    assert train.main(["--starter", str(tmp_path / "other")]) == 0
    assert first.id in capsys.readouterr().out
    assert digests(tmp_path / "one") == digests(tmp_path / "other")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["one", "other"]
    assert sum(each.stat().st_size for each in (tmp_path / "one").iterdir()) <= 16 << 20
    scorer = Scorer.load(tmp_path / "one")
    assert set(scorer.sections) == {each.label for each in corpus.load("builtin", "sections")}


def test_a_manifest_says_what_was_learnt_from(trained: TrainedModel, tmp_path: Path) -> None:
    manifest = trained.write(tmp_path / "release")
    assert [record["titles"] for record in manifest.corpora] == [300]
    assert manifest.metrics["accuracy"] == trained.evaluation.accuracy
    document = json.loads((tmp_path / "release" / "manifest.json").read_text("utf-8"))
    assert document["settings"]["buckets"] == 1 << 12
    assert "train_seconds" not in document["metrics"], "a time would change the bytes"


def test_a_release_is_as_large_as_what_was_learnt() -> None:
    few, more = make_examples(300), make_examples(8_000)
    assert 1 << 17 < sum(len(each.title) for each in more) < 1 << 18
    for examples, buckets in ((few, 1 << 17), (more, 1 << 18)):
        trained = train.train(examples, TrainSettings())
        assert trained.scorer.records.whole.shape[0] == buckets
        assert trained.manifest.settings["buckets"] == trained.manifest.text["buckets"] == buckets


def test_many_english_titles_are_known_by_words_alone() -> None:
    chinese = make_examples(2_100)
    english = [
        replace(each, title=f"{each.label} news number {at}") for at, each in enumerate(chinese)
    ]
    for examples, letters in ((chinese, True), (english, False), (english[:1_900], True)):
        trained = train.train(examples, TrainSettings(buckets=1 << 12))
        assert trained.manifest.text["letters"] is letters
        assert trained.manifest.settings["letters"] is letters


def test_calibration_is_honest_where_labels_are_noisy(small: TrainSettings) -> None:
    noisy = train.train(make_examples(1500, noise=0.3), small)
    found = evaluate(noisy.scorer, make_examples(1500, seed=9, noise=0.3))
    assert 0.74 < found.accuracy < 0.86, "a fifth of the labels are wrong"
    assert found.ece < 0.06
    answers = noisy.scorer.score([each.title for each in make_examples(100)])
    assert max(answer.probability for answer in answers) < 0.97


def test_evaluation_has_the_promised_keys(trained: TrainedModel) -> None:
    examples = make_examples(60, seed=4)
    found = evaluate(trained.scorer, examples, train_seconds=1.5).as_json()
    assert set(found) == KEYS
    assert set(found["coverage"]) == {"0.80", "0.90", "0.95"}
    assert found["train_seconds"] == 1.5
    assert set(found["per_section"]["food"]) == {"precision", "recall", "f1", "count"}
    assert sum(score["count"] for score in found["per_section"].values()) == 60
    json.dumps(found)


def test_only_sections_of_the_test_set_compete_when_asked(trained: TrainedModel) -> None:
    odd = [Example("银行 基金 足球", "sports"), Example("红烧 面条", "food")]
    assert evaluate(trained.scorer, odd).accuracy == 0.5
    assert evaluate(trained.scorer, odd, only_present=True).accuracy == 1.0


def test_measures_by_hand() -> None:
    best, surest = np.array([0, 0, 1, 0]), np.array([0.9, 0.6, 0.8, 0.7], dtype=np.float32)
    found = measure(best, surest, ["a", "b"], ["a", "b", "b", "a"])
    assert found.accuracy == 0.75
    assert found.per_section["a"].precision == pytest.approx(2 / 3)
    assert found.per_section["a"].recall == 1.0
    assert found.per_section["b"].f1 == pytest.approx(2 / 3)
    assert found.macro_f1 == pytest.approx((0.8 + 2 / 3) / 2)
    right = np.array([True, False, True, True])
    assert calibration_error(surest, right) == pytest.approx((0.1 + 0.6 + 0.2 + 0.3) / 4)
    assert coverage(surest, right) == {
        "0.80": 1.0,
        "0.90": pytest.approx(0.75),
        "0.95": pytest.approx(0.75),
    }


def test_a_label_unknown_to_the_model_counts_as_wrong(trained: TrainedModel) -> None:
    found = evaluate(trained.scorer, [Example("足球 联赛", "sports"), Example("火锅", "soups")])
    assert found.accuracy == 0.5
    assert found.per_section["soups"].recall == 0.0


def test_sharpness_recovers_the_truth() -> None:
    random_ = np.random.default_rng(3)
    margins = random_.normal(size=(20_000, 5))
    chances = softmax(margins, 2.5).astype(np.float64)
    drawn = random_.random((20_000, 1))
    truth = (chances.cumsum(axis=1) < drawn).sum(axis=1).clip(max=4)
    assert fit_sharpness(margins, truth) == pytest.approx(2.5, rel=0.05)
    fair = softmax(margins, 2.5)
    assert calibration_error(fair.max(axis=1), fair.argmax(axis=1) == truth) < 0.02


def test_the_curve_makes_probabilities_honest_and_keeps_their_order() -> None:
    random_ = np.random.default_rng(5)
    raw = random_.uniform(0.3, 1, 20_000).astype(np.float32)
    right = random_.random(20_000) < raw**2
    curve = fit_curve(raw, right)
    corrected = np.interp(raw, curve[0], curve[1])
    assert calibration_error(raw, right) > 0.1
    assert calibration_error(corrected, right) < 0.02
    assert np.all(np.diff(curve[0]) > 0)
    assert np.all(np.diff(curve[1]) > 0)
    assert fit_curve(raw[:50], right[:50]).tolist() == [[0, 1], [0, 1]]


def test_thresholds_keep_the_promised_precision() -> None:
    random_ = np.random.default_rng(4)
    surest = random_.uniform(0.5, 1, 8000)
    truth = np.where(random_.random(8000) < surest, 0, 1)
    best = np.zeros(8000, dtype=np.intp)
    threshold = fit_thresholds(best, surest.astype(np.float32), truth, 2, 0.9)[0]
    assert 0.75 < threshold < 0.85
    assert np.mean(truth[surest >= threshold] == 0) >= 0.9


def test_a_user_sets_thresholds_of_their_own() -> None:
    curve = np.array([[0, 1], [0, 1]], dtype=np.float32)
    given = Calibration(1.0, curve, np.array([0.5, 0.6, 0.7], dtype=np.float32), 0.1)
    sections = ["auto", "food", "games"]
    own = given.override(sections, {"food": 0.9}).thresholds
    assert own.tolist() == pytest.approx([0.5, 0.9, 0.7])
    both = given.override(sections, {"all": 0.2, "food": 0.9}).thresholds
    assert both.tolist() == pytest.approx([0.2, 0.9, 0.2])
    assert unknown(sections, {"all": 0.2, "food": 0.9, "fod": 0.1}) == ["fod"]


def test_terms_alone_are_not_enough(small: TrainSettings) -> None:
    terms = [Example("足球", "sports", term=True), Example("面条", "food", term=True)]
    with pytest.raises(TrainingError, match="terms alone"):
        train.train(terms, small)
    with pytest.raises(TrainingError, match="ten a section"):
        train.train([Example("足球", "sports"), Example("面条", "food")], small)
    with pytest.raises(TrainingError, match="two sections"):
        train.train([], small)


def test_titles_of_a_subtopic_are_held_out_together(small: TrainSettings) -> None:
    """Where groups repeat their own words, only held-out groups tell the truth."""
    random_ = random.Random(6)
    grouped = []
    for group in range(60):
        label = random_.choice(["food", "sports"])  # says nothing of the other groups
        grouped += [
            Example(f"topic{group}x word{group}y {number}", label, group=f"g{group}")
            for number in range(10)
        ]
    apart = [replace(each, group="") for each in grouped]
    assert train.train(apart, small).evaluation.accuracy > 0.9
    assert train.train(grouped, small).evaluation.accuracy < 0.75


def test_evaluating_on_the_own_corpus_holds_a_fifth_out(tmp_path: Path) -> None:
    path = tmp_path / "own.tsv"
    rows = [f"__label__{each.label} {each.title}" for each in make_examples(500)]
    path.write_text("\n".join(rows), "utf-8")
    found = train.evaluate_corpora([f"fasttext:{path}"], f"fasttext:{path}")
    assert 60 < found.titles < 140
    assert found.accuracy > 0.9


def test_copies_of_test_titles_are_not_learnt(tmp_path: Path) -> None:
    learnt = [f"__label__{each.label} {each.title}" for each in make_examples(300)]
    copies = [f"__label__sports 谜语{number}" for number in range(20)]
    (tmp_path / "train").write_text("\n".join(learnt + copies), "utf-8")
    lies = [line.replace("sports", "food") for line in copies]
    (tmp_path / "test").write_text("\n".join(learnt[:5] + lies), "utf-8")
    found = train.evaluate_corpora([f"fasttext:{tmp_path}/train"], f"fasttext:{tmp_path}/test")
    assert found.titles == 25
    assert found.per_section["food"].precision == 1.0 or found.accuracy < 1.0


def blas_threads() -> list[int]:
    return [each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"]


class Watched(list[Example]):
    """Examples that write down with how many threads they are read."""

    threads: ClassVar[set[int]] = set()

    def __iter__(self) -> Iterator[Example]:
        self.threads.update(blas_threads())
        return super().__iter__()


def test_training_keeps_the_cores_that_others_use() -> None:
    """Two fits run at once; threads of a BLAS beside them would wait busily for each other."""
    threads: list[int] = []

    def clock() -> float:
        threads.extend(blas_threads())
        return 0.0

    settings = TrainSettings(buckets=1 << 12)
    trained = train.train(make_examples(), settings, clock)
    train.out_of_fold(Watched(make_examples()), trained.model.classes_, settings)
    assert set(threads) == Watched.threads == {1}


def test_corpora_that_share_no_section_are_not_compared(tmp_path: Path) -> None:
    rows = "".join(f"{title},space\n" for title in ("rocket lands", "probe leaves", "moon seen"))
    (tmp_path / "other.csv").write_text("title,label\n" + rows, encoding="utf-8")
    with pytest.raises(TrainingError, match="--labels sections"):
        train.try_corpora(["builtin"], f"csv:{tmp_path / 'other.csv'}")


def test_what_was_learnt_from_names_each_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    examples = make_examples()
    for name in ("a.csv", "b.csv"):
        rows = "".join(f"{each.title} {name[0]},{each.label}\n" for each in examples)
        (tmp_path / name).write_text(f"title,label\n{rows}", encoding="utf-8")
    learnt = [each for name in ("a.csv", "b.csv") for each in corpus.load(f"csv:{name}")]
    found = train.train(learnt, TrainSettings(buckets=1 << 12)).manifest.corpora
    assert [(each["origin"], each["titles"]) for each in found] == [("a.csv", 300), ("b.csv", 300)]
