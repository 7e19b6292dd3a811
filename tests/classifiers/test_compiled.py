"""The Scorer gives the model's answers from files, with NumPy alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers.compiled import Scorer, compile_model
from classifiers.errors import ReleaseError
from classifiers.train import TrainedModel

ANY_TEXT = st.text(st.characters(codec=None), max_size=50)
SEEN_WORDS = ["足球", "降息", "红烧", "bank", "goal", "12%", "「", "！", "é", "😀"]
SEEN_TEXT = st.lists(st.sampled_from(SEEN_WORDS), max_size=9)
TITLES = st.lists(ANY_TEXT | SEEN_TEXT.map(" ".join), max_size=8)


@pytest.fixture(scope="module")
def scorer(release_folder: Path) -> Scorer:
    return Scorer.load(release_folder)


@settings(max_examples=200, deadline=None)
@given(titles=TITLES)
def test_margins_equal_the_models(titles: list[str], scorer: Scorer, trained: TrainedModel) -> None:
    ours, theirs = scorer.margins(titles), trained.model.margins(titles)
    assert ours.shape == theirs.shape == (len(titles), 3)
    assert np.allclose(ours, theirs, rtol=0, atol=1e-5)


@settings(max_examples=100, deadline=None)
@given(titles=TITLES)
def test_any_text_is_answered(titles: list[str], scorer: Scorer) -> None:
    answers = scorer.score(titles)
    assert len(answers) == len(titles)
    for answer in answers:
        assert answer.section in scorer.sections
        assert answer.runner_up in scorer.sections
        assert answer.section != answer.runner_up
        assert 1 / 3 - 1e-6 <= answer.probability <= 1
    assert answers == [scorer.score([title])[0] for title in titles] or np.allclose(
        [answer.probability for answer in answers],
        [scorer.score([title])[0].probability for title in titles],
        atol=1e-5,
    )


def test_plain_titles_are_answered_surely(scorer: Scorer) -> None:
    first, second = scorer.score(["足球 联赛 夺冠", "央行 降息 stocks"])
    assert (first.section, first.unsure) == ("sports", False)
    assert (second.section, second.unsure) == ("finance", False)


@pytest.mark.parametrize(
    "strange",
    [
        "",
        "   ",
        "😀🎉🔥",
        "qzx wvk jjp",
        "Прогноз погоды на завтра",
        "วันนี้อากาศดี",
        "أخبار اليوم",
        "\x00\x01\x02",
        "？！？！",
        "猫",
        "饕餮貔貅夔魍魉",
    ],
)
def test_titles_far_from_the_training_data_are_unsure(strange: str, scorer: Scorer) -> None:
    assert scorer.score([strange])[0].unsure


def test_a_megabyte_is_unsure_quickly(scorer: Scorer) -> None:
    began = time.perf_counter()
    answers = scorer.score(["x" * 1_000_000, "乱" * 1_000_000, "ﷺ" * 1_000_000])
    assert time.perf_counter() - began < 20
    assert [answer.unsure for answer in answers] == [True, True, True]


def test_only_the_first_thousand_characters_count(scorer: Scorer) -> None:
    head = ("足球 联赛 " * 200)[:1000]
    assert scorer.score([head])[0] == scorer.score([head + "央行降息" * 50])[0]


def test_a_release_scores_as_the_model_it_was_made_from(
    scorer: Scorer, trained: TrainedModel
) -> None:
    direct = compile_model(trained.model, trained.scorer.calibration)
    assert direct.score(["足球 新闻", "bank"]) == scorer.score(["足球 新闻", "bank"])
    assert scorer.sections == ("finance", "food", "sports")
    assert len(scorer.release) == 12


def test_scoring_needs_no_scikit_learn_and_no_dictionary(release_folder: Path) -> None:
    code = (
        "import sys, json; from pathlib import Path\n"
        "from classifiers.compiled import Scorer\n"
        "from classifiers.registry import Registry, starter_folder\n"
        "Scorer.load(Path(sys.argv[1])).score(['足球'])\n"
        "print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    )
    path = os.pathsep.join(entry for entry in sys.path if entry)
    done = subprocess.run(
        [sys.executable, "-c", code, str(release_folder)],
        env={"PYTHONPATH": path},
        capture_output=True,
        check=True,
    )
    assert not {"sklearn", "scipy", "jieba", "opencc", "joblib"} & set(json.loads(done.stdout))


def test_arrays_are_mapped_not_copied(scorer: Scorer) -> None:
    assert isinstance(scorer.records.whole.base, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        scorer.steps[0, 0] = 1


def test_a_folder_without_a_release_says_so(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="no release here"):
        Scorer.load(tmp_path)
