"""The second look: it learns what the margins alone do not say, and only where it can."""

from __future__ import annotations

import json
import random
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from classifiers import release as releases
from classifiers.compiled import Scorer
from classifiers.errors import DamagedReleaseError, ReleaseError
from classifiers.examples import Example
from classifiers.explain import REVISED, explain
from classifiers.registry import Registry
from classifiers.revision import COUNTS, INPUTS
from classifiers.stacking import FEWEST, Unseen, second_look
from classifiers.train import TrainedModel, TrainSettings, train
from tests.classifiers.conftest import COMMON, WORDS

TITLES = FEWEST + 2_000
SETTINGS = TrainSettings(buckets=1 << 12)


def unseen(many: int = TITLES, sections: int = 3, own: bool = False) -> Unseen:
    """The margins hesitate between the first two sections; which it is, only the length tells."""
    rng = np.random.default_rng(5)
    truth = rng.integers(0, sections, many)
    margins = rng.normal(0, 0.1, (many, sections)) - 1
    margins[truth > 1, truth[truth > 1]] += 2
    margins[truth < 2, :2] += 2
    made_of = np.zeros((many, INPUTS), dtype=np.float32)
    made_of[:, 0] = 20 + 10 * (truth == 1) + rng.normal(0, 1, many)
    titles = [f"title {number}" for number in range(many)]
    labels = [str(each) for each in truth]
    strangeness, of_ours = np.zeros(many), np.full(many, own)
    return Unseen(titles, labels, truth, margins, strangeness, made_of, of_ours)


def world(many: int = TITLES) -> list[Example]:
    """Who is told of, and how long, say together what a title is about, and neither alone."""
    random_ = random.Random(7)
    made = []
    for number in range(many):
        name, long = random_.choice(["银行", "厨师"]), random_.random() < 0.3
        words = random_.choices(COMMON, k=9 if long else 3)
        label = "finance" if (name == "银行") == long else "food"
        if number % 3 == 0:
            label, name = "sports", random_.choice(WORDS["sports"])
        words.insert(1, name)
        made.append(Example(f"{' '.join(words)} {number}", label, origin=f"made:{number + 1}"))
    return made


def right(titles: Unseen) -> float:
    return float(np.mean(titles.margins.argmax(axis=1) == titles.truth))


@pytest.fixture(scope="module")
def revised() -> TrainedModel:
    return train(world(), SETTINGS)


@pytest.fixture(scope="module")
def folder(revised: TrainedModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("revised") / "release"
    revised.write(folder)
    return folder


def test_what_the_length_tells_is_learnt() -> None:
    before = unseen()
    revision, after = second_look(before)
    assert revision is not None
    assert right(before) < 0.75
    assert right(after) > 0.95
    assert after.titles == before.titles


def test_no_title_is_longer_than_those_it_learnt() -> None:
    before = unseen()
    revision, _ = second_look(before)
    assert revision is not None
    margins, made_of = before.margins[:2], before.made_of[:2].copy()
    made_of[0, :COUNTS], made_of[1, :COUNTS] = revision.most, 1_000 * (revision.most + 1)
    same = np.broadcast_to(margins[:1], margins.shape)
    one, other = revision.revise(same, made_of)
    assert one.tolist() == other.tolist()


@pytest.mark.parametrize(
    "given",
    [
        unseen(FEWEST - 1),
        unseen(own=True),
        unseen(sections=2),
        unseen()._replace(truth=np.zeros(TITLES, dtype=np.intp)),
        unseen()._replace(titles=["the same"] * TITLES),
        unseen()._replace(made_of=np.zeros((TITLES, INPUTS), dtype=np.float32)),
    ],
    ids=[
        "too few",
        "the project's own",
        "two sections",
        "a section without titles",
        "copies of one title",
        "no gain",
    ],
)
def test_where_it_cannot_be_learnt_the_margins_stay(given: Unseen) -> None:
    revision, after = second_look(given)
    assert revision is None
    assert after is given


def test_it_answers_what_no_sum_can(revised: TrainedModel) -> None:
    assert revised.evaluation.accuracy > 0.95
    linear = revised.model.predict([each.title for each in world(900)])
    assert np.mean(linear == [each.label for each in world(900)]) < 0.9


def test_a_release_keeps_it(revised: TrainedModel, folder: Path) -> None:
    titles = ["足球 新闻 12", "bank 3", "火锅 今天 记者", ""]
    scorer = Scorer.load(folder)
    assert scorer.score(titles) == revised.scorer.score(titles)
    assert np.array_equal(scorer.margins(titles), revised.scorer.margins(titles))
    linear = replace(scorer, revision=None).faster()
    assert not np.allclose(linear.margins(titles), scorer.margins(titles))
    assert np.abs(linear.margins(titles) - revised.model.margins(titles)).max() < 1e-5


def test_a_registry_carries_it(folder: Path, tmp_path: Path) -> None:
    registry = Registry(tmp_path / "models")
    found = registry.get(registry.add(folder))
    assert Scorer.load(found).revision is not None


def test_learning_it_again_gives_the_same_release(revised: TrainedModel, tmp_path: Path) -> None:
    again = train(world()[::-1], SETTINGS)
    ids = {each.write(tmp_path / str(at)).id for at, each in enumerate((revised, again))}
    assert len(ids) == 1


def test_it_is_left_out_when_it_is_not_wanted() -> None:
    assert train(world(), replace(SETTINGS, revision=False)).scorer.revision is None


@pytest.mark.parametrize("name", releases.REVISION)
def test_damage_to_it_is_found(name: str, folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    path = copy / f"{name}.npy"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DamagedReleaseError, match=name):
        Scorer.load(copy)
    path.unlink()
    with pytest.raises(ReleaseError, match=name):
        Scorer.load(copy)


def test_arrays_of_another_release_are_refused(revised: TrainedModel, tmp_path: Path) -> None:
    look = revised.scorer.revision
    assert look is not None
    odd = replace(look, outer=np.hstack((look.outer, look.outer)))
    replace(revised, scorer=replace(revised.scorer, revision=odd)).write(tmp_path / "odd")
    with pytest.raises(ReleaseError, match="do not fit"):
        Scorer.load(tmp_path / "odd")


def test_reasons_still_sum_to_the_margin(revised: TrainedModel) -> None:
    found = explain(revised.scorer, "足球 新闻 bank 12")
    sections = revised.scorer.sections
    margins = revised.scorer.margins(["足球 新闻 bank 12"])[0]
    best, second = (sections.index(each) for each in (found.answer.section, found.answer.runner_up))
    assert found.margin == pytest.approx(float(margins[best] - margins[second]), abs=1e-5)
    assert REVISED in {each.text for each in found.reasons}
    assert json.loads(json.dumps(asdict(found)))["margin"] == found.margin
