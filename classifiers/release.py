"""The files of a release: plain NumPy arrays and ``manifest.json``. Never a pickle.

A release's id is the beginning of the SHA-256 of its manifest without the id, and the
manifest holds the SHA-256 of every array file: the same contents have the same id.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifiers.errors import DamagedReleaseError, ReleaseError

FORMAT = 3
MANIFEST = "manifest.json"
ARRAYS = ("records", "scale", "bias", "curve", "thresholds", "fold", "quick")
REVISION = ("revision_most", "revision_inner", "revision_outer")  # where there is one
_ID_DIGITS = 12
_JSON: dict[str, Any] = {"ensure_ascii": False, "indent": 1, "sort_keys": True}


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a release says of itself.

    ``text`` holds the fields of ``TextSettings``; ``sharpness`` and ``familiarity`` are
    the calibration's; ``corpora`` has one record a source of examples (origin, titles,
    digest); ``settings`` and ``metrics`` are for people; ``provenance`` has the versions
    that it was made with, and what else its maker wrote down; ``files`` maps each array file
    to its SHA-256.
    """

    id: str
    sections: tuple[str, ...]
    text: Mapping[str, Any]
    sharpness: float
    familiarity: float
    files: Mapping[str, str] = field(default_factory=dict)
    corpora: tuple[Mapping[str, Any], ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    format: int = FORMAT


def write(folder: Path, manifest: Manifest, arrays: Mapping[str, NDArray[Any]]) -> Manifest:
    """Write a release into an empty folder, flushed to the disk; return it with its id."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {}
    for name in (each for each in (*ARRAYS, *REVISION) if each in arrays):
        content = _npy(arrays[name])
        _write_synced(folder / f"{name}.npy", content)
        files[f"{name}.npy"] = hashlib.sha256(content).hexdigest()
    return write_manifest(folder, replace(manifest, files=files))


def write_manifest(folder: Path, manifest: Manifest) -> Manifest:
    """Write the manifest with the id that belongs to its content."""
    whole = replace(manifest, id="")
    whole = replace(whole, id=hashlib.sha256(_json(whole)).hexdigest()[:_ID_DIGITS])
    _write_synced(folder / MANIFEST, _json(whole))
    sync_folder(folder)
    return whole


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a release folder; ReleaseError when there is no usable one."""
    path = folder / MANIFEST
    try:
        document = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        if folder.is_dir():
            raise DamagedReleaseError(path, "it is missing: there is no release here") from error
        raise ReleaseError(f"{folder}: no release here") from error
    except (OSError, ValueError) as error:
        raise DamagedReleaseError(path, f"not a readable manifest ({error})") from error
    found = document.get("format") if isinstance(document, dict) else None
    if found != FORMAT:
        raise ReleaseError(
            f"{path}: a release of format {found}, and this program reads {FORMAT}; retrain, or "
            "for the one that is shipped: python -m classifiers.train --starter FOLDER"
        )
    known = {each.name for each in fields(Manifest)}
    if set(document) | {"provenance"} != known:
        odd = ", ".join(sorted(known ^ set(document)))
        raise DamagedReleaseError(path, f"missing or unknown entries: {odd}")
    whole = json.dumps({**document, "id": ""}, **_JSON).encode() + b"\n"
    document["sections"] = tuple(document["sections"])
    manifest = Manifest(**document)
    expected = hashlib.sha256(whole).hexdigest()[:_ID_DIGITS]
    if manifest.id != expected:
        raise DamagedReleaseError(path, "it was changed after it was written")
    return manifest


def read_arrays(folder: Path, manifest: Manifest) -> dict[str, NDArray[Any]]:
    """The arrays, mapped read-only, after each file's SHA-256 was checked."""
    arrays = {}
    for name in _names(manifest):
        path = folder / f"{name}.npy"
        _check_digest(path, manifest.files.get(path.name, ""))
        try:
            mapped = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise DamagedReleaseError(path, f"not an array file ({error})") from error
        arrays[name] = mapped.view(np.ndarray)  # still mapped; the subclass costs time
    return arrays


def verify(folder: Path) -> Manifest:
    """Check every file of a release; return its manifest."""
    manifest = read_manifest(folder)
    for name in _names(manifest):
        path = folder / f"{name}.npy"
        _check_digest(path, manifest.files.get(path.name, ""))
    return manifest


def _names(manifest: Manifest) -> list[str]:
    """The arrays that a release must have, and those of the others that it says it has."""
    return [*ARRAYS, *(name for name in REVISION if f"{name}.npy" in manifest.files)]


def sync_folder(folder: Path) -> None:
    """Flush a folder's own entries (its files' names) to the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _check_digest(path: Path, expected: str) -> None:
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DamagedReleaseError(path, f"cannot be read ({error.strerror})") from error
    if found != expected:
        raise DamagedReleaseError(path, f"SHA-256 is {found[:12]}…, not {expected[:12]}…")


def _npy(array: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(array), allow_pickle=False)
    return buffer.getvalue()


def _json(manifest: Manifest) -> bytes:
    text = json.dumps(asdict(manifest), **_JSON)
    return text.encode() + b"\n"


def _write_synced(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
