"""What a model was made from and with, for its manifest."""

from __future__ import annotations

import contextlib
import platform
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from classifiers import corpus
from classifiers.examples import Example

_OWN = {"headlines", "terms"}


def versions() -> dict[str, str]:
    """Of what a model is made with, since another version may give other numbers."""
    made_with = ("numpy", "scipy", "scikit-learn", "opencc", "jieba")
    found = {"python": platform.python_version()}
    for name in made_with:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def corpora_of(examples: Sequence[Example]) -> tuple[dict[str, Any], ...]:
    """What was learnt from: a record for each file, the own data and the database counting as one
    of each kind."""
    folders: dict[str, list[Example]] = {}
    for each in examples:
        folders.setdefault(_source(each.origin), []).append(each)
    return tuple(
        {"origin": name, "titles": len(found), "sha256": corpus.digest(found)}
        for name, found in sorted(folders.items())
    )


def _source(origin: str) -> str:
    """What ``origin`` is a line of: a kind of the own data or of the database, or a file."""
    path = Path(origin.rpartition(":")[0])
    kind = path.parent.name
    own = kind in {"headlines", "terms", "corrections", "feeds"}
    return kind if own else f"{kind}/{path.name}".lstrip("/")


def is_own(example: Example) -> bool:
    """Is it one of the project's own?"""
    return _source(example.origin) in _OWN
