"""Releases on disk: checked on the way in and out, switched in one step."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from classifiers import release as releases
from classifiers.compiled import Scorer
from classifiers.errors import DamagedReleaseError, ReleaseError
from classifiers.registry import Registry

FILES = [*(f"{name}.npy" for name in releases.ARRAYS), releases.MANIFEST]


@pytest.fixture
def registry(tmp_path: Path, release_folder: Path) -> Registry:
    made = Registry(tmp_path / "models")
    made.promote(made.add(release_folder))
    return made


@pytest.fixture
def copy(tmp_path: Path, release_folder: Path) -> Path:
    return Path(shutil.copytree(release_folder, tmp_path / "copy"))


def test_an_empty_registry_serves_nothing(tmp_path: Path) -> None:
    empty = Registry(tmp_path / "none")
    assert empty.current() is None
    assert empty.list() == []
    with pytest.raises(ReleaseError, match="no earlier release"):
        empty.rollback()


def test_what_was_promoted_serves(registry: Registry, other_folder: Path) -> None:
    first = registry.current()
    assert first is not None
    second = registry.add(other_folder)
    assert registry.current() == first, "adding must not promote"
    registry.promote(second)
    assert registry.current() == registry.get(second)
    assert [(each.id, each.current) for each in registry.list()] == sorted(
        [(first.name, False), (second, True)]
    )
    assert registry.rollback() == first.name
    assert registry.current() == first


def test_adding_twice_is_adding_once(registry: Registry, release_folder: Path) -> None:
    current = registry.current()
    assert current is not None
    assert registry.add(release_folder) == current.name
    assert len(registry.list()) == 1


def test_the_same_content_has_the_same_id(release_folder: Path, other_folder: Path) -> None:
    ids = {releases.verify(folder).id for folder in (release_folder, other_folder)}
    assert len(ids) == 2


@pytest.mark.parametrize("name", FILES)
def test_a_changed_file_is_refused_by_name(name: str, copy: Path) -> None:
    path = copy / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(DamagedReleaseError, match=name):
        Scorer.load(copy)
    with pytest.raises(DamagedReleaseError, match=name):
        Registry(copy.parent / "models").add(copy)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_or_cut_file_is_refused_by_name(name: str, copy: Path) -> None:
    path = copy / name
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(ReleaseError, match=name):
        Scorer.load(copy)
    path.unlink()
    with pytest.raises(ReleaseError, match=name):
        Scorer.load(copy)


def test_a_pickle_in_array_clothing_is_not_opened(copy: Path) -> None:
    replace_array(copy, "bias", np.array([{"x": 1}], dtype=object))
    with pytest.raises(DamagedReleaseError, match=r"bias\.npy: not an array file"):
        Scorer.load(copy)


@pytest.mark.parametrize(
    "records",
    [
        np.zeros((1 << 12, 32), dtype=np.uint8),
        np.zeros((1 << 12, 8), dtype=np.uint8),
        np.zeros(1 << 12, dtype=np.uint8),
        np.zeros((1 << 12, 16), dtype=np.int16),
        np.zeros((1 << 11, 16), dtype=np.uint8),
    ],
)
def test_records_that_do_not_fit_the_sections_are_refused(records: np.ndarray, copy: Path) -> None:
    replace_array(copy, "records", records)
    with pytest.raises(ReleaseError, match=r"records|arrays do not fit"):
        Scorer.load(copy)


def replace_array(folder: Path, name: str, array: np.ndarray) -> None:
    """As somebody would who can write a manifest."""
    target = folder / f"{name}.npy"
    np.save(target, array, allow_pickle=True)
    manifest = releases.read_manifest(folder)
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    files = {**manifest.files, target.name: digest}
    releases.write_manifest(folder, replace(manifest, files=files))


def test_a_damaged_release_cannot_be_promoted(registry: Registry, other_folder: Path) -> None:
    before = registry.current()
    second = registry.add(other_folder)
    (registry.get(second) / "records.npy").write_bytes(b"")
    with pytest.raises(DamagedReleaseError, match=r"records\.npy"):
        registry.promote(second)
    assert registry.current() == before
    problems = {each.id: each.problem for each in registry.list()}
    assert "records.npy" in problems[second]
    registry.add(other_folder)
    registry.promote(second)
    Scorer.load(registry.get(second))


@pytest.mark.parametrize("wrong", ["", "..", "0123456789ab", "/etc"])
def test_an_unknown_id_is_refused(wrong: str, registry: Registry) -> None:
    with pytest.raises(ReleaseError, match="see: headlines models list"):
        registry.get(wrong)


def test_a_damaged_pointer_is_named(registry: Registry) -> None:
    (registry.root / "current").write_text("{")
    with pytest.raises(DamagedReleaseError, match="current"):
        registry.current()


KILLED = """
import os, signal, sys
from pathlib import Path
from classifiers.registry import Registry

left = int(sys.argv[3])

def counting(name):
    real = getattr(os, name)
    def step(*args, **kwargs):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **kwargs)
    setattr(os, name, step)

for name in ("fsync", "rename", "replace", "chmod", "mkdir"):
    counting(name)
registry = Registry(Path(sys.argv[1]))
registry.promote(registry.add(Path(sys.argv[2])))
"""


def test_killed_at_any_step_a_whole_release_serves(
    registry: Registry, other_folder: Path, tmp_path: Path
) -> None:
    old = registry.current()
    assert old is not None
    outcomes = set()
    for steps in range(40):
        root = Path(shutil.copytree(registry.root, tmp_path / f"root{steps}"))
        command = [sys.executable, "-c", KILLED, str(root), str(other_folder), str(steps)]
        path = os.pathsep.join(entry for entry in sys.path if entry)
        done = subprocess.run(command, env={"PYTHONPATH": path}, check=False)
        assert done.returncode in {0, -signal.SIGKILL}
        current = Registry(root).current()
        assert current is not None
        Scorer.load(current)
        assert not [each.problem for each in Registry(root).list() if each.problem]
        Registry(root).promote(Registry(root).add(other_folder))
        assert not list(root.glob(".new-*"))
        outcomes.add((done.returncode, current.name == old.name))
        if done.returncode == 0:
            break
    assert (-signal.SIGKILL, True) in outcomes
    assert (0, False) in outcomes


WORKING = """
import os, signal, sys
from pathlib import Path
from classifiers.registry import Registry

with Registry(Path(sys.argv[1])).workshop() as folder:
    (folder / "release").mkdir()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_training_left_is_removed_and_nothing_else(registry: Registry) -> None:
    path = os.pathsep.join(entry for entry in sys.path if entry)
    command = [sys.executable, "-c", WORKING, str(registry.root)]
    with registry.workshop() as busy:
        for _ in range(2):
            subprocess.run(command, env={"PYTHONPATH": path}, check=False)
        assert len(list(registry.root.glob(".made-*/release"))) == 1
        with registry.workshop() as another:
            assert set(registry.root.glob(".made-*")) == {busy, another}
    assert not list(registry.root.glob(".made-*"))
    assert registry.current()
