"""The compiled scanner and the NumPy code give the same numbers, each forced in turn."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import unicodedata
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers import native
from classifiers.calibration import Calibration
from classifiers.compiled import Scorer
from classifiers.features import count, extract_slowly
from classifiers.lexicon import learn
from classifiers.native import Library, Parts, Scanner
from classifiers.registry import starter_folder
from classifiers.revision import BESIDE, INPUTS, Revision
from classifiers.text import HARD, TextSettings, encode, fold_table, normalise, quick_table
from classifiers.train import TrainedModel

FOLD = fold_table(simplify=True)
QUICK = quick_table(FOLD)
SETTINGS = TextSettings(buckets=1 << 12, shape=True)
ANY_CHAR = st.characters(codec=None)  # lone surrogates too
WORDS = [
    "la ligue ",
    "のは",
    "足球",
    "降息",
    "發佈",
    "bank",
    "goal ",
    "12%",
    "「",
    "！",
    "é",
    "e\u0301",
    "😀",
    "…",
]
WORDS += [
    "각",
    "\u1100\u1161",
    "ΑΣ",
    "İ",
    "ﬁ",
    "\n",
    "\u3000",
    "\x1c",
    "\u200b",
    " ",
    "3.5",
    "ßtraße",
]
TITLE = st.text(ANY_CHAR, max_size=50) | st.lists(st.sampled_from(WORDS), max_size=12).map("".join)
TITLES = st.lists(TITLE, max_size=6)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """Built from the source as it stands, whatever the installation has."""
    path = tmp_path_factory.mktemp("native") / "scan.so"
    assert native.CODE.build(path) == ""
    return native.load(path)


@pytest.fixture(scope="module", params=["small", "starter", "small revised", "starter revised"])
def slow(trained: TrainedModel, request: pytest.FixtureRequest) -> Scorer:
    """A model of titles with shape, and the starter, which knows strange titles; and both with
    a second look."""
    small, revised = request.param.startswith("small"), request.param.endswith("revised")
    scorer = trained.scorer if small else Scorer.load(starter_folder())
    look = any_revision(len(scorer.sections)) if revised else None
    return replace(scorer, scanner=None, revision=look)


def any_revision(sections: int) -> Revision:
    """One in which everything that is seen counts."""
    random = np.random.default_rng(3)
    inner = random.normal(0, 0.1, (sections + INPUTS + 1, 2 * BESIDE))
    outer = random.normal(0, 0.3, (2 * BESIDE + 1, sections))
    most = np.array([40, 3, 9, 30, 4], dtype=np.float32)
    return Revision.of(most, inner.astype(np.float32), outer.astype(np.float32))


@pytest.fixture(scope="module")
def fast(library: Library, slow: Scorer) -> Scorer:
    return replace(slow, scanner=Scanner(library, slow.lexicon.settings, parts_of(slow)))


def parts_of(scorer: Scorer) -> Parts:
    arrays = (scorer.quick, scorer.records.whole, scorer.scale, scorer.bias)
    return Parts(*arrays, len(scorer.sections), scorer.revision)


def both_agree(titles: list[str], slow: Scorer, fast: Scorer) -> None:
    assert slow.scanner is None
    assert fast.scanner is not None
    assert np.abs(slow.margins(titles) - fast.margins(titles)).max(initial=0) <= 1e-6
    for one, other in zip(slow.score(titles), fast.score(titles), strict=True):
        assert (one.section, one.runner_up) == (other.section, other.runner_up)
        assert one.unsure == other.unsure
        assert one.probability == pytest.approx(other.probability, abs=1e-6)


@settings(max_examples=300, deadline=None)
@given(titles=TITLES)
def test_margins_and_answers_are_the_same(titles: list[str], slow: Scorer, fast: Scorer) -> None:
    both_agree(titles, slow, fast)


@settings(max_examples=100, deadline=None)
@given(
    titles=TITLES,
    sharpness=st.floats(0.01, 400),
    ends=st.lists(st.floats(0, 1, width=32), min_size=2, max_size=8).map(sorted),
    threshold=st.floats(0, 1),
    familiarity=st.floats(0, 1, width=32),
)
def test_any_calibration_is_followed(
    titles: list[str],
    sharpness: float,
    ends: list[float],
    threshold: float,
    familiarity: float,
    slow: Scorer,
    fast: Scorer,
) -> None:
    curve = np.array([np.linspace(0, 1, len(ends)), ends], dtype=np.float32)
    thresholds = np.full(len(slow.sections), threshold, dtype=np.float32)
    judge = Calibration(sharpness, curve, thresholds, familiarity)
    both = (replace(each, calibration=judge).score(titles) for each in (slow, fast))
    for one, other in zip(*both, strict=True):
        assert (one.section, one.runner_up) == (other.section, other.runner_up)
        assert one.probability == pytest.approx(other.probability, abs=1e-6)
        if abs(one.probability - threshold) > 1e-6:
            assert one.unsure == other.unsure


def test_every_code_point_is_read_the_same(slow: Scorer, fast: Scorer) -> None:
    every = [chr(code) for code in range(0x30000)]
    for start in range(0, len(every), 8192):
        part = every[start : start + 8192]
        titles = ["足球" + "球".join(part[at : at + 32]) + "bank" for at in range(0, 8192, 32)]
        assert np.abs(slow.margins(titles) - fast.margins(titles)).max() <= 1e-6


@settings(max_examples=200, deadline=None)
@given(
    titles=st.lists(TITLE, min_size=1, max_size=6),
    shape=st.booleans(),
    letters=st.booleans(),
    longest=st.integers(1, 3),
)
def test_features_are_the_same(
    titles: list[str], shape: bool, letters: bool, longest: int, library: Library
) -> None:
    how = replace(SETTINGS, shape=shape, letters=letters, longest=longest)
    codes = encode(titles, FOLD)
    rows, hashes, telling = native.extract(library, how, codes, len(titles))
    reference = extract_slowly(codes, how)
    mine, theirs = (
        sorted(zip(*(column.tolist() for column in bag), strict=True))
        for bag in ((rows, hashes, telling), reference)
    )
    assert mine == theirs
    assert np.array_equal(
        count(reference, len(titles), how.bits).buckets,
        count(type(reference)(rows, hashes, telling), len(titles), how.bits).buckets,
    )


@settings(max_examples=300, deadline=None)
@given(st.text(ANY_CHAR, max_size=30))
def test_the_quick_table_is_normalise_and_fold(title: str) -> None:
    if any(ord(char) >= 0x10000 or QUICK[ord(char)] == HARD for char in title):
        return
    kept = [chr(QUICK[ord(char)]) for char in title if QUICK[ord(char)]]
    folded = "".join(chr(FOLD[ord(char)]) for char in normalise(title) if FOLD[ord(char)])
    assert "".join(kept).split() == folded.split()


def test_most_of_chinese_is_not_hard() -> None:
    common = "央行宣布下调存款准备金率，股市大涨3.5%！「独家」苹果发布会 Apple（图）—— 2026年"
    assert not [char for char in common if QUICK[ord(char)] == HARD]
    assert QUICK[ord("\u0301")] == QUICK[ord("㎡")] == HARD
    assert unicodedata.normalize("NFKC", "㎡") == "m2"


@pytest.mark.parametrize("char", ["x", "乱", "ﷺ", "1", "a ", "1,", "！", "\n", "é1", "\u0301"])
def test_long_titles_stay_within_bounds(char: str, slow: Scorer, fast: Scorer) -> None:
    titles = [char * 999, "足球", char * 1001, char * 100_000, ""]
    both_agree(titles, slow, fast)


def test_threads_share_a_scanner(fast: Scorer) -> None:
    titles = [f"足球 bank 降息 {number} {'红烧' * (number % 7)}" for number in range(3000)]
    expected = fast.margins(titles)
    found: list[np.ndarray] = []
    threads = [
        threading.Thread(target=lambda: found.append(fast.margins(titles))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert all(np.array_equal(each, expected) for each in found)


def test_a_release_with_words_is_left_to_numpy(library: Library, slow: Scorer) -> None:
    assert native.scanner(replace(SETTINGS, words=True), parts_of(slow)) is None


def test_who_scores_is_told(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "_opened", lambda: (library, ""))
    assert native.usable({"words": False})
    assert not native.usable({"words": True})
    assert native.description(compiled=True) == "compiled code"
    assert "needs words" in native.description(compiled=False)
    monkeypatch.setenv(native.SWITCH, "numpy")
    assert not native.usable({"words": False})
    assert f"{native.SWITCH} is numpy" in native.description(compiled=False)


def test_it_can_be_switched_off(release_folder: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from classifiers import native\n"
        "from classifiers.compiled import Scorer\n"
        "scorer = Scorer.load(Path(sys.argv[1]))\n"
        "print(scorer.scanner, native.problem(), scorer.score(['足球 联赛'])[0].section)"
    )
    path = os.pathsep.join(entry for entry in sys.path if entry)
    done = subprocess.run(
        [sys.executable, "-c", code, str(release_folder)],
        env={"PYTHONPATH": path, native.SWITCH: "numpy"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["None", native.SWITCH, "is", "numpy", "sports"]


def test_a_lexicon_is_the_same_either_way(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    titles = ["央行降息 3.5%", "goal! 足球 bank", "", "啊啊啊"]
    found = []
    for chosen in (library, None):
        monkeypatch.setattr(native, "library", lambda chosen=chosen: chosen)
        found.append(learn(titles, SETTINGS))
    assert np.array_equal(found[0].idf, found[1].idf)
    assert np.array_equal(found[0].seen, found[1].seen)
