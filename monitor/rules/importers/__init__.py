"""Other programs' rule files, read into rules with a report of what became of each part.

A new format is one file with a function, and one line in FORMATS.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from monitor.rules.importers import freshrss, lists, miniflux, own, trendradar
from monitor.rules.importers.draft import Choices, Draft, Fate, Imported, Note, bad_file
from monitor.rules.importers.own import write

__all__ = ["FORMATS", "Choices", "Draft", "Fate", "Imported", "Note", "guess", "read", "write"]

FORMATS: Mapping[str, Callable[[str, Choices], Imported]] = {
    "trendradar": trendradar.read,
    "miniflux": miniflux.read,
    "freshrss": freshrss.read,
    "keywords": lists.read_keywords,
    "csv": lists.read_csv,
    "toml": own.read,
}

_MINIFLUX = re.compile(rf"^({'|'.join(miniflux.FIELDS)})=|filter_entry_rules\"", re.MULTILINE)
_TRENDRADAR = re.compile(
    r"^\[(?:global_filter|word_groups)\]|^@\d+|^[+!]\S|\s=>\s", re.MULTILINE | re.IGNORECASE
)
_FRESHRSS = re.compile(r"\b(?:intitle|inurl|author|intext|pubdate):|\"search\"\s*:")
_CSV = re.compile(r"\A(?:[^\n]*[,;\t])?[ \"]*(?:query|keyword)[ \"]*(?:[,;\t\n]|\Z)", re.IGNORECASE)


def guess(text: str, file_name: str) -> str:
    """The format of a file. Raises UsageError where that is not clear."""
    ending = file_name.lower().rpartition(".")[2]
    if ending in {"toml", "csv", "tsv"}:
        return "csv" if ending == "tsv" else ending
    for name, sign in (
        ("toml", re.compile(r"^\[\[rules\]\]", re.MULTILINE)),
        ("miniflux", _MINIFLUX),
        ("freshrss", _FRESHRSS),
        ("trendradar", _TRENDRADAR),
        ("csv", _CSV),
    ):
        if sign.search(text):
            return name
    if "frequency" in file_name.lower() or "\n\n" in text.strip().replace("\r\n", "\n"):
        return "trendradar"
    if text.lstrip()[:1] not in {"{", "["}:
        return "keywords"
    raise bad_file(f"its format is not clear; say it by --format {'|'.join(FORMATS)}")


def read(text: str, format_name: str, choices: Choices | None = None) -> Imported:
    """The rules of a file of that format. Raises UsageError where it is no such file."""
    return FORMATS[format_name](text.replace("\r\n", "\n"), choices or Choices())
