"""The sections that headlines are put into, and what other names lead to them.

A taxonomy is a TOML file of ``[[section]]`` tables: ``id``, ``zh``, ``en``, ``about`` if
wanted, and ``from``, a list of sections of the default taxonomy that are this one now.
"""

from __future__ import annotations

import csv
import functools
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from classifiers.errors import CorpusError
from classifiers.examples import training_folder

_ID = re.compile(r"[^\s,:#/()\"'|]{1,40}")
_KEYS = {"id", "zh", "en", "about", "from"}
RESERVED = {"unsure"}  # what lists and filters call an answer in doubt


@dataclass(frozen=True, slots=True)
class Section:
    """A section: its id, its names, and the default sections that became it (``was``)."""

    id: str
    zh: str
    en: str
    about: str = ""
    was: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """Sections in display order. ``names`` has every way to write one, in lower case;
    ``moved`` leads from the default taxonomy's ids to these."""

    sections: tuple[Section, ...]
    names: Mapping[str, str] = field(default_factory=dict)
    moved: Mapping[str, str] = field(default_factory=dict)

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids, in display order."""
        return tuple(each.id for each in self.sections)

    def find(self, name: str) -> str | None:
        """The id that a name (an id, Chinese, English, a default id) stands for."""
        written = name.strip().lower()
        return self.names.get(written) or self.moved.get(written)


def read_taxonomy(path: Path | None = None) -> Taxonomy:
    """The taxonomy of a file, else the default one.

    CorpusError names the file, the section, and what was expected.
    """
    if path is None:
        return _with_names(_sections(training_folder() / "sections.toml"), {})
    default = default_ids()
    sections = _sections(path)
    moved = {each.id: each.id for each in sections if each.id in default}
    claimed: dict[str, str] = {}
    for each in sections:
        for old in each.was:
            if old not in default:
                known = ", ".join(sorted(default))
                raise CorpusError(f"{each.id}: from: {old!r} is none of {known}", path)
            if claimed.setdefault(old, each.id) != each.id:
                raise CorpusError(f"{old!r} goes to {claimed[old]!r} and to {each.id!r}", path)
    return _with_names(sections, {**moved, **claimed}, path)


@functools.cache
def default_ids() -> frozenset[str]:
    """The ids of the default taxonomy."""
    return frozenset(read_taxonomy().ids)


def _with_names(
    sections: tuple[Section, ...], moved: Mapping[str, str], path: Path | None = None
) -> Taxonomy:
    names: dict[str, str] = {}
    for each in sections:
        for name in (each.id, each.zh, each.en):
            if names.setdefault(name.lower(), each.id) != each.id:
                raise CorpusError(
                    f"{name!r} names {names[name.lower()]!r} and {each.id!r}; use another name",
                    path or "sections.toml",
                )
    return Taxonomy(sections, names, moved)


def _sections(path: Path) -> tuple[Section, ...]:
    rows = _toml(path).get("section")
    if not isinstance(rows, list) or len(rows) < 2:
        raise CorpusError("two [[section]] tables or more are expected", path)
    found = tuple(_section(path, at, row) for at, row in enumerate(rows, 1))
    ids = [each.id for each in found]
    if twice := [each for each in ids if ids.count(each) > 1]:
        raise CorpusError(f"two sections are called {twice[0]!r}; use another id", path)
    return found


def _section(path: Path, at: int, row: object) -> Section:
    if not isinstance(row, dict):
        raise CorpusError(f"section {at}: a [[section]] table is expected", path)
    place = f"section {at} ({row.get('id', 'without an id')})"
    for key in ("id", "zh", "en"):
        if not isinstance(row.get(key), str) or not row[key].strip():
            raise CorpusError(f"{place}: {key!r} must be there, as text", path)
    if odd := sorted(set(row) - _KEYS):
        expected = ", ".join(sorted(_KEYS))
        raise CorpusError(f"{place}: unknown {odd[0]!r}; known: {expected}", path)
    if not _ID.fullmatch(row["id"]) or row["id"] in RESERVED:
        reason = "an id has up to 40 characters, no blanks, no quotation marks and none of ,:#/()|"
        raise CorpusError(f"{place}: {reason}, and is not 'unsure'", path)
    was = row.get("from", [])
    if not isinstance(was, list) or not all(isinstance(each, str) for each in was):
        raise CorpusError(f"{place}: 'from' is a list of ids of default sections", path)
    return Section(
        row["id"], row["zh"].strip(), row["en"].strip(), str(row.get("about", "")), tuple(was)
    )


def read_mapping(path: Path) -> dict[str, str]:
    """Label -> section, from TOML (``[labels]``) or CSV (columns ``label,section``).

    An empty section leaves the label's titles out. CorpusError names file and line.
    """
    if path.suffix == ".csv":
        return _csv_mapping(path)
    table = _toml(path).get("labels")
    if not isinstance(table, dict) or not table:
        raise CorpusError('a table [labels] with "label" = "section" is expected', path)
    for label, section in table.items():
        if not isinstance(section, str):
            raise CorpusError(f"{label!r}: the id of a section is expected, or ''", path)
    return {str(label).strip(): section.strip() for label, section in table.items()}


def _csv_mapping(path: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            if not {"label", "section"} <= set(reader.fieldnames or ()):
                raise CorpusError("its first line must name the columns label and section", path, 1)
            for row in reader:
                label, section = (row["label"] or "").strip(), (row["section"] or "").strip()
                if not label or None in row:
                    raise CorpusError("a label and a section are expected", path, reader.line_num)
                found[label] = section
    except OSError as error:
        raise CorpusError(f"cannot be read ({error.strerror})", path) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise CorpusError(f"not CSV in UTF-8 ({error})", path) from error
    return found


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise CorpusError(f"cannot be read ({error.strerror})", path) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CorpusError(f"not TOML ({error})", path) from error
