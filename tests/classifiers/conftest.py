"""A small labelled world: three sections with words of their own."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from classifiers.examples import Example
from classifiers.train import TrainedModel, TrainSettings, train

_SPORTS = "足球 篮球 进球 联赛 冠军 教练 球队 夺冠 主场 striker coach league goal match"
_FINANCE = "股市 银行 基金 利率 降息 央行 涨停 债券 市值 stocks bank profit shares rates"
_FOOD = "食谱 红烧 火锅 面条 厨师 烘焙 蛋糕 早餐 清蒸 recipe chef noodles bakery soup"
_COMMON = "今天 发布 最新 新 的 了 报道 记者 the a new today says"

MakeExamples = Callable[..., list[Example]]


WORDS = {
    section: words.split()
    for section, words in (("sports", _SPORTS), ("finance", _FINANCE), ("food", _FOOD))
}
COMMON = _COMMON.split()


def make_examples(count: int = 300, seed: int = 1, noise: float = 0.0) -> list[Example]:
    """Titles of two own words and two common ones; ``noise`` is the share mislabelled."""
    random_ = random.Random(seed)
    made = []
    for number in range(count):
        section = random_.choice(sorted(WORDS))
        words = random_.sample(WORDS[section], 2) + random_.sample(COMMON, 2)
        random_.shuffle(words)
        label = random_.choice(sorted(WORDS)) if random_.random() < noise else section
        made.append(Example(" ".join(words) + f" {number}", label, origin=f"made:{number + 1}"))
    return made


SMALL = TrainSettings(buckets=1 << 12, shape=True)


@pytest.fixture(scope="session", name="make_examples")
def _make_examples() -> MakeExamples:
    return make_examples


@pytest.fixture(scope="session")
def small() -> TrainSettings:
    return SMALL


@pytest.fixture(scope="session")
def trained() -> TrainedModel:
    return train(make_examples(), SMALL)


@pytest.fixture(scope="session")
def other_trained() -> TrainedModel:
    return train(make_examples(seed=2), SMALL)


@pytest.fixture(scope="session")
def release_folder(trained: TrainedModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("releases") / "first"
    trained.write(folder)
    return folder


@pytest.fixture(scope="session")
def other_folder(other_trained: TrainedModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("releases") / "other"
    other_trained.write(folder)
    return folder
