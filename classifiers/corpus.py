"""Labelled titles: where they come from, and splits in which copies stay together.

A corpus is named by a SPEC, ``FORMAT:PATH``. Formats are a table; another package may
add its own with ``register`` (the database's does).
"""

from __future__ import annotations

import hashlib
import logging
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from classifiers.errors import CorpusError
from classifiers.examples import BadLine, Example, Format, Item, training_folder
from classifiers.formats import READERS
from classifiers.text import identity_key

Labels = Literal["native", "sections"]

logger = logging.getLogger(__name__)

_TOLERATED = 0.01  # of a corpus's lines may be bad before it is refused
_MOST_CHARS = 10_000


FORMATS: dict[str, Format] = dict(READERS)


def register(
    name: str,
    read: Callable[[str], Iterable[Item]],
    sections: Mapping[str, str] | None = None,
) -> None:
    """Add a format, so that ``name:…`` is a SPEC."""
    FORMATS[name] = Format(read, sections)


def load(spec: str, labels: Labels = "native") -> list[Example]:
    """The examples of a SPEC, with the corpus's own labels or with section ids.

    Up to 1 % of bad lines are left out and logged; beyond, or when nothing is left,
    CorpusError names the first.
    """
    name, path = parse_spec(spec)
    kind = FORMATS[name]
    items = list(kind.read(path))
    if labels == "sections":
        known = section_names()
        items = [found for item in items for found in _to_section(item, kind.sections, known)]
    return _checked(items, spec, path)


def parse_spec(spec: str) -> tuple[str, str]:
    """``FORMAT:PATH`` -> (format, path); the path may be left out where one is implied."""
    name, _, path = spec.partition(":")
    if name not in FORMATS:
        known = ", ".join(sorted(FORMATS))
        raise CorpusError(f"unknown format {name!r}; write FORMAT:PATH, one of {known}", spec)
    return name, path


def section_names(path: Path | None = None) -> dict[str, str]:
    """Every way to write a section (id, English, Chinese; lower case) -> its id."""
    path = path or training_folder() / "sections.toml"
    try:
        document = tomllib.loads(path.read_text("utf-8"))
        rows = [(row["id"], row["zh"], row["en"]) for row in document["section"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CorpusError(
            f"not a list of [[section]] with id, zh and en ({error!r})", path
        ) from error
    return {str(name).lower(): str(row[0]) for row in rows for name in row}


def split(examples: Sequence[Example], share: float) -> tuple[list[Example], list[Example]]:
    """(rest, held out): about ``share`` held out, chosen by a hash of the title.

    Titles that differ only in case, width, blanks or punctuation fall on the same side,
    in every run and every corpus.
    """
    rest: list[Example] = []
    held: list[Example] = []
    for example in examples:
        (held if position(example.title) < share else rest).append(example)
    return rest, held


def position(title: str, salt: bytes = b"") -> float:
    """A number in [0, 1) that only depends on the title's letters and digits, and the salt."""
    key = identity_key(title).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(key, digest_size=8, salt=salt).digest()) / 2**64


def digest(examples: Iterable[Example]) -> str:
    """SHA-256 of titles, labels and weights, in order."""
    state = hashlib.sha256()
    for each in examples:
        line = f"{each.label}\t{each.weight:g}\t{each.title}\n"
        state.update(line.encode("utf-8", "surrogatepass"))
    return state.hexdigest()


def _to_section(
    item: Item, sections: Mapping[str, str] | None, known: Mapping[str, str]
) -> Iterator[Item]:
    if isinstance(item, BadLine):
        yield item
    elif sections is not None:
        if item.label in sections:
            yield replace(item, label=sections[item.label])
    elif item.label.lower() in known:
        yield replace(item, label=known[item.label.lower()])
    else:
        path, _, line = item.origin.rpartition(":")
        reason = f"{item.label!r} is no section; use an id of sections.toml, or --labels native"
        yield BadLine(Path(path), int(line), reason)


def _checked(items: Sequence[Item], spec: str, path: str) -> list[Example]:
    good = [item for item in items if isinstance(item, Example)]
    bad = [item for item in items if isinstance(item, BadLine)]
    for item in good:
        if len(item.title) > _MOST_CHARS:
            logger.warning("%s: a title of %d characters", item.origin, len(item.title))
    if bad and (not good or len(bad) > _TOLERATED * len(items)):
        more = f" ({len(bad)} of {len(items)} lines are bad)" if len(bad) > 1 else ""
        raise CorpusError(bad[0].reason + more, bad[0].path, bad[0].line)
    if not good:
        raise CorpusError("no labelled titles", path or spec)
    for left in bad:
        logger.warning("%s:%d: left out: %s", left.path, left.line, left.reason)
    return good
