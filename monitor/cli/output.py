"""What every command prints with: tables for people, one JSON document for programs."""

from __future__ import annotations

import argparse
import csv
import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from monitor.config import Settings, load
from monitor.errors import columns
from monitor.sources import adapters
from monitor.telemetry import escape

FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


def say(text: str) -> None:
    """A result for a person, on standard output; control characters escaped."""
    print(escape(text))


def complain(message: str) -> None:
    """A message for the user, on standard error."""
    for line in message.splitlines() or [""]:
        print(f"headlines: {escape(line)}", file=sys.stderr)


def settings_of(arguments: argparse.Namespace) -> Settings:
    """The settings that ``--config`` and ``--data`` lead to; their adapters are used."""
    settings = load(getattr(arguments, "config", None), getattr(arguments, "data", None))
    adapters.use(settings.sources.portals)
    return settings


def add_json(parser: argparse.ArgumentParser) -> None:
    """The option that every command which shows something has."""
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def print_json(document: object) -> None:
    """One JSON document on standard output, times as ISO 8601.

    Where the terminal's encoding is not UTF-8, all but ASCII is escaped as JSON escapes it.
    """
    encoding = (getattr(sys.stdout, "encoding", None) or "utf-8").lower().replace("-", "")
    text = json.dumps(document, ensure_ascii=encoding != "utf8", indent=2, default=_plain)
    print(text)


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)


def print_table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Columns that line up, wide characters counted as two; control characters escaped."""
    cells = [[escape(_text(cell)) for cell in row] for row in rows]
    widths = [
        max([columns(title), *(columns(row[at]) for row in cells)]) for at, title in enumerate(head)
    ]
    for row in ([_heading(title) for title in head], *cells):
        padded = [
            cell + " " * (size - columns(cell)) for cell, size in zip(row, widths, strict=True)
        ]
        print("  ".join(padded).rstrip())


def _heading(title: str) -> str:
    """In capitals, but for what holds a digit: ids are to be copied."""
    words = title.split(" ")
    return " ".join(word if re.search("[0-9]", word) else word.upper() for word in words)


def print_csv(head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """RFC 4180 with a header. A cell that a spreadsheet would run as a formula gets a quote."""
    writer = csv.writer(sys.stdout)
    writer.writerow(head)
    for row in rows:
        writer.writerow([csv_cell(cell) for cell in row])


def csv_cell(cell: object) -> str:
    """A value as text that no spreadsheet takes for a formula; times as ISO 8601."""
    if cell is None:
        return ""
    text = cell.isoformat() if isinstance(cell, datetime) else str(cell)
    return f"'{text}" if text.startswith(FORMULA) and not isinstance(cell, int | float) else text


def _text(cell: object) -> str:
    if cell is None or cell == "":
        return "-"
    if isinstance(cell, datetime):
        return cell.astimezone().strftime("%Y-%m-%d %H:%M")
    return str(cell)
