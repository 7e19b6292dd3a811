"""The releases of one data folder, and which of them serves.

    root/
      current              JSON: the serving release's id, those before it, and notes
      ab12…/               a release folder, never changed once it is there
      .new-…/              one being copied; swept away by the next ``add``
      .made-…/             where one is being trained; swept away by the next ``workshop``

Adding and promoting each end in one rename: killed at any point, the old state serves.
"""

from __future__ import annotations

import builtins
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from classifiers import release as releases
from classifiers.errors import DamagedReleaseError, ReleaseError
from classifiers.release import Manifest

POINTER = "current"
_NEW, _MADE = ".new-", ".made-"
_HELD = ".held"  # a file in a workshop, locked as long as its process lives
_NOTES = 200
_ID = re.compile(r"[0-9a-f]{12}")


def starter_folder() -> Path:
    """The release that is shipped with the package."""
    folder = Path(__file__).parent / "starter"
    if not (folder / releases.MANIFEST).is_file():
        raise ReleaseError(
            f"{folder}: the starter release is not built; "
            f"run: python -m classifiers.train --starter {folder}"
        )
    return folder


@dataclass(frozen=True, slots=True)
class Listed:
    """A release of a registry; ``problem`` says why it cannot be used, if so."""

    id: str
    folder: Path
    current: bool
    manifest: Manifest | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Registry:
    """Releases below ``root``, which is made when the first one is added."""

    root: Path

    def current(self) -> Path | None:
        """The folder of the serving release; None when none was promoted."""
        history = self._history()
        return self.get(history[-1]) if history else None

    def served(self) -> builtins.list[Path]:
        """Where the releases that serve or served should be, the latest first."""
        return [self.root / each for each in dict.fromkeys(reversed(self._history()))]

    def list(self) -> builtins.list[Listed]:
        """All releases, by id; damaged ones too, with their problem."""
        history = self._history()
        folders = sorted(self.root.iterdir()) if self.root.is_dir() else []
        serving = history[-1] if history else ""
        return [_listed(each, serving) for each in folders if _ID.fullmatch(each.name)]

    def get(self, release: str) -> Path:
        """The folder of a release, by its id; ReleaseError when there is none."""
        folder = self.root / release
        if not _ID.fullmatch(release) or not folder.is_dir():
            raise ReleaseError(f"no release {release!r} in {self.root}; see: headlines models list")
        return folder

    def add(self, folder: Path) -> str:
        """Copy a checked release in, and return its id. It does not serve yet.

        One that is there already is kept, or mended if it was damaged.
        """
        manifest = releases.verify(folder)
        target = self.root / manifest.id
        with self._locked():
            self._sweep()
            if not _is_whole(target):
                fresh = Path(tempfile.mkdtemp(prefix=_NEW, dir=self.root))
                _copy(folder, fresh, manifest)
                fresh.chmod(0o755)
                if target.exists():
                    target.rename(fresh.with_name(f"{fresh.name}-damaged"))
                fresh.rename(target)
                releases.sync_folder(self.root)
        return manifest.id

    def promote(self, release: str, note: Mapping[str, object] | None = None) -> None:
        """Make a release serve from now on. A damaged one is refused.

        ``note`` (why, when, by force) is kept beside the pointer, in the same rename.
        """
        folder = self.get(release)
        manifest = releases.verify(folder)
        if manifest.id != release:
            raise DamagedReleaseError(folder, f"holds release {manifest.id}")
        with self._locked():
            history = self._history()
            if history[-1:] != [release]:
                self._point([*history, release], {**(note or {}), "release": release})

    def rollback(self, note: Mapping[str, object] | None = None) -> str:
        """Return to the release that served before; its id. ``note`` is kept."""
        with self._locked():
            history = self._history()
            if len(history) < 2:
                raise ReleaseError(f"{self.root}: there is no earlier release to return to")
            releases.verify(self.get(history[-2]))
            self._point(history[:-1], {**(note or {}), "release": history[-2], "back": True})
        return history[-2]

    def notes(self) -> builtins.list[dict[str, object]]:
        """What was noted at promotions and rollbacks, oldest first; the last 200."""
        found = self._pointer().get("notes", [])
        return found if isinstance(found, list) else []

    def _history(self) -> builtins.list[str]:
        path = self.root / POINTER
        history = self._pointer().get("history")
        if not isinstance(history, list) or not all(isinstance(each, str) for each in history):
            raise DamagedReleaseError(path, "its history is not a list of ids")
        return history

    def _pointer(self) -> dict[str, Any]:
        path = self.root / POINTER
        try:
            document = json.loads(path.read_bytes())
        except FileNotFoundError:
            return {"history": []}
        except (OSError, ValueError) as error:
            raise DamagedReleaseError(path, "not a readable pointer file") from error
        if not isinstance(document, dict):
            raise DamagedReleaseError(path, "not a readable pointer file")
        return document

    def _point(self, history: builtins.list[str], note: Mapping[str, object]) -> None:
        notes = [*self.notes(), dict(note)][-_NOTES:]
        handle, name = tempfile.mkstemp(prefix=_NEW, dir=self.root)
        with os.fdopen(handle, "w") as file:
            json.dump({"current": history[-1], "history": history, "notes": notes}, file)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(self.root / POINTER)
        releases.sync_folder(self.root)

    def _sweep(self) -> None:
        for left in self.root.glob(f"{_NEW}*"):
            if left.is_dir():
                shutil.rmtree(left)
            else:
                left.unlink()

    @contextmanager
    def workshop(self) -> Iterator[Path]:
        """A folder to make a release in, gone afterwards. Those that killed processes have left
        are removed."""
        with self._locked():
            self._clear_workshops()
            folder = Path(tempfile.mkdtemp(prefix=_MADE, dir=self.root))
            held = (folder / _HELD).open("w")
            _lock(held)
        try:
            yield folder
        finally:
            held.close()
            shutil.rmtree(folder, ignore_errors=True)  # another may be removing it by now

    def _clear_workshops(self) -> None:
        for left in self.root.glob(f"{_MADE}*"):
            with (left / _HELD).open("a") as held:
                if _lock(held):
                    shutil.rmtree(left)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        import fcntl

        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / ".lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # freed by the system when the process ends
            yield


def _lock(file: IO[str]) -> bool:
    """Lock it until it is closed, or its process ends; False where another holds it."""
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_whole(folder: Path) -> bool:
    try:
        releases.verify(folder)
    except ReleaseError:
        return False
    return True


def _listed(folder: Path, serving: str) -> Listed:
    try:
        manifest: Manifest | None = releases.verify(folder)
        problem = ""
    except ReleaseError as error:
        manifest, problem = None, str(error)
    return Listed(folder.name, folder, folder.name == serving, manifest, problem)


def _copy(source: Path, target: Path, manifest: Manifest) -> None:
    for name in (*manifest.files, releases.MANIFEST):
        with (source / name).open("rb") as old, (target / name).open("wb") as new:
            shutil.copyfileobj(old, new)
            new.flush()
            os.fsync(new.fileno())
    releases.verify(target)
    releases.sync_folder(target)
