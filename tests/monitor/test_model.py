"""Which release answers: the promoted one, else the last good one, else the starter."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from classifiers import release as releases
from classifiers.registry import Registry, starter_folder
from monitor import model
from monitor.model import Classifier


@pytest.fixture
def made(tmp_path: Path) -> Callable[[str], str]:
    """Promotes another release in ``tmp_path / models``; its id."""

    def make(note: str) -> str:
        folder = Path(shutil.copytree(starter_folder(), tmp_path / note))
        manifest = releases.read_manifest(folder)
        releases.write_manifest(folder, replace(manifest, settings={"note": note}))
        registry = Registry(tmp_path / "models")
        number = registry.add(folder)
        registry.promote(number)
        return number

    return make


def damage(root: Path, number: str) -> None:
    path = root / "models" / number / "records.npy"
    path.write_bytes(path.read_bytes()[:-1] + b"x")


def test_a_damaged_release_leaves_the_last_good_one(
    tmp_path: Path, made: Callable[[str], str], caplog: pytest.LogCaptureFixture
) -> None:
    first, second, third = made("one"), made("two"), made("three")
    for number in (third, second):
        damage(tmp_path, number)
    found = Classifier(tmp_path / "models")
    assert found.scorer.release == first
    assert third in found.refused
    assert found(["央行宣布降息"])[0].release == first
    damage(tmp_path, first)
    assert Classifier(tmp_path / "models").scorer.release not in {first, second, third}
    assert caplog.text.count("is refused") == 2


def test_a_running_one_goes_on_and_takes_what_was_mended(
    tmp_path: Path, made: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model, "REFUSED_TURNS", 2)
    first = made("one")
    found = Classifier(tmp_path / "models")
    second = made("two")
    damage(tmp_path, second)
    assert not found.refresh()
    assert (found.scorer.release, second in found.refused) == (first, True)
    Registry(tmp_path / "models").add(tmp_path / "two")
    assert [found.refresh() for _ in range(3)] == [False, False, True]
    assert (found.scorer.release, found.refused) == (second, "")
