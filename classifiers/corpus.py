"""Labelled titles: where they come from, and splits in which copies stay together.

A corpus is named by a SPEC, ``FORMAT:PATH``. Formats are a table; another package may
add its own with ``register`` (the database's does).
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, NamedTuple

from classifiers.errors import CorpusError
from classifiers.examples import BadLine, Example, Format, Item
from classifiers.formats import READERS
from classifiers.taxonomy import Taxonomy, default_ids, read_mapping, read_taxonomy
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


def load(spec: str, labels: Labels = "native", taxonomy: Taxonomy | None = None) -> list[Example]:
    """The examples of a SPEC, with the corpus's own labels or with section ids.

    Sections are those of ``taxonomy`` (None: the default one). A mapping file
    (``FORMAT:PATH#MAPPING``) says what labels become before anything else is asked.
    Up to 1 % of bad lines are left out and logged; beyond, or when nothing is left,
    CorpusError names the first.
    """
    name, path, mapping = parse_spec(spec)
    kind = FORMATS[name]
    known = taxonomy or read_taxonomy()
    items: Iterable[Item] = kind.read(path)
    if mapping:
        items = _mapped(items, _checked_mapping(mapping, labels, known))
    if labels == "sections":
        items = [found for item in items for found in _to_section(item, kind.sections, known)]
    return _checked(list(items), spec, path)


class Spec(NamedTuple):
    """``FORMAT:PATH#MAPPING`` taken apart; the mapping file is there when it is named."""

    format: str
    path: str
    mapping: Path | None = None


def parse_spec(spec: str) -> Spec:
    """Take a SPEC apart; path and mapping may be left out. CorpusError for an unknown format."""
    name, _, path = spec.partition(":")
    if name not in FORMATS:
        known = ", ".join(sorted(FORMATS))
        raise CorpusError(f"unknown format {name!r}; write FORMAT:PATH, one of {known}", spec)
    before, mark, mapping = path.rpartition("#")
    if not mark or Path(path).exists():
        return Spec(name, path)
    return Spec(name, before, Path(mapping))


def _checked_mapping(path: Path, labels: Labels, known: Taxonomy) -> dict[str, str]:
    mapping = read_mapping(path)
    strange = sorted(name for name in set(mapping.values()) if name and not known.find(name))
    if strange and labels == "sections":
        raise CorpusError(f"{strange[0]!r} is no section; known: {', '.join(known.ids)}", path)
    return mapping


def _mapped(items: Iterable[Item], mapping: Mapping[str, str]) -> Iterator[Item]:
    """The examples with the labels that the mapping gives them; '' leaves one out."""
    for item in items:
        if isinstance(item, BadLine):
            yield item
        elif section := mapping.get(item.label, item.label):
            yield replace(item, label=section)


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


def _to_section(item: Item, sections: Mapping[str, str] | None, known: Taxonomy) -> Iterator[Item]:
    """The example with the id of its section; nothing where its label has none on purpose."""
    if isinstance(item, BadLine):
        yield item
        return
    found = known.find(item.label)
    if found is None and sections is not None:
        default = sections.get(item.label)
        found = known.find(default) if default else None
        if found is None:
            return
    elif found is None and item.label in default_ids():
        return  # a default section that the user's taxonomy has nothing for
    if found is not None:
        yield replace(item, label=found)
        return
    path, _, line = item.origin.rpartition(":")
    reason = (
        f"{item.label!r} is no section; use an id of sections.toml, a mapping file "
        "(FORMAT:PATH#MAPPING), or --labels native"
    )
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
