"""Keyword lists and CSV."""

from __future__ import annotations

import csv
import io
import re

from monitor.rules.importers.draft import (
    Choices,
    Draft,
    Fate,
    Imported,
    Report,
    any_node,
    bad_file,
    text_of,
)
from monitor.rules.language import TERM_LIMIT, TEXT_LIMIT
from monitor.rules.tokens import normal
from monitor.rules.tree import Literal
from monitor.text import clean_title, fold

CSV_FIELDS = (
    "name", "query", "keyword", "channels", "enabled", "mode", "digest", "urgent", "quiet",
    "caps", "cooldown", "later", "escalate", "top",
)  # fmt: skip
_FLAGS = {"yes": True, "true": True, "1": True, "on": True, "no": False, "false": False,
          "0": False, "off": False}  # fmt: skip
_BETWEEN = re.compile(r"[;|、；]")


def read_keywords(text: str, choices: Choices) -> Imported:
    """A keyword a line; one rule for all (several where they are too many), or one for each."""
    report = Report()
    words: list[Literal] = []
    for number, line in enumerate(text.splitlines(), 1):
        written = clean_title(line, TEXT_LIMIT)[0]
        if not line.strip() or written.startswith("#"):
            continue
        if not fold(written).text.strip():
            report.note(number, Fate.LOST, normal(line), "nothing visible to search for")
            continue
        word = Literal(written)
        report.note(number, Fate.KEPT, written, str(word))
        if choices.each:
            report.add(Draft(written, str(word)), number)
        else:
            words.append(word)
    for part in _portions(list(dict.fromkeys(words))):
        report.add(Draft(choices.name, text_of(any_node(part))), 0)
    return report.done()


def _portions(words: list[Literal]) -> list[list[Literal]]:
    """As few lists as fit into queries."""
    portions: list[list[Literal]] = []
    size = 0
    for word in words:
        needs = len(str(word).encode()) + len(" OR ")
        if not portions or size + needs > TEXT_LIMIT or len(portions[-1]) == TERM_LIMIT:
            portions.append([])
            size = 0
        portions[-1].append(word)
        size += needs
    return portions


def read_csv(text: str, _: Choices) -> Imported:
    """A rule a line, under a heading with ``query`` or ``keyword``, and what else is known."""
    report = Report()
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise bad_file(f"this is no CSV ({error})") from error
    head = [cell.strip().lower() for cell in rows[0]] if rows else []
    if not {"query", "keyword"} & set(head):
        raise bad_file(
            f"a heading with 'query' or 'keyword' is expected; known: {', '.join(CSV_FIELDS)}"
        )
    for name in head:
        if name not in CSV_FIELDS:
            report.note(1, Fate.LOST, name or "(no heading)", f"known: {', '.join(CSV_FIELDS)}")
    for number, row in enumerate(rows[1:], 2):
        if any(cell.strip() for cell in row[len(head) :]):
            why = f"more cells than the heading has; a text with {delimiter!r} needs quotes"
            report.note(number, Fate.LOST, delimiter.join(row), why)
        elif any(cell.strip() for cell in row):
            cells = {
                name: cell.strip() for name, cell in zip(head, row, strict=False) if cell.strip()
            }
            _read_row(cells, number, report)
    return report.done()


def _read_row(cells: dict[str, str], number: int, report: Report) -> None:
    query = cells.get("query") or str(Literal(normal(cells.get("keyword", ""))))
    if query == '""' or not query:
        report.note(number, Fate.LOST, cells.get("name", ""), "neither query nor keyword")
        return
    options: dict[str, object] = {
        name: cells[name]
        for name in ("mode", "digest", "quiet", "cooldown", "later", "escalate")
        if name in cells
    }
    if "caps" in cells:
        options["caps"] = [cap.strip() for cap in _BETWEEN.split(cells["caps"])]
    if "top" in cells:
        top = cells["top"]
        options["top"] = int(top) if top.isdecimal() and len(top) < 10 else top
    flags = {
        name: _FLAGS.get(cells[name].lower()) for name in ("urgent", "enabled") if name in cells
    }
    for name, value in flags.items():
        if value is None:
            why = "yes or no is expected" + ("; the rule is off" if name == "enabled" else "")
            report.note(number, Fate.LOST, f"{name} {cells[name]}", why)
    if flags.get("urgent") is not None:
        options["urgent"] = flags["urgent"]
    channels = cells.get("channels")
    draft = Draft(
        cells.get("name") or cells.get("keyword") or query,
        query,
        options,
        tuple(part.strip() for part in _BETWEEN.split(channels)) if channels else None,
        flags.get("enabled", True) is True,
    )
    report.keep(draft, number)
