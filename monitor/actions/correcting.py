"""A person says what is right: of one entry, or of many from a file."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy.engine import Connection

from monitor.actions.opening import LARGEST_ID, opened, section_finder
from monitor.config import Settings
from monitor.errors import NotFound, UsageError
from monitor.service import utc_now
from monitor.storage import corrections
from monitor.storage.corrections import Said
from monitor.storage.schema import microseconds

AT_ONCE = 1_000
NUMBERS = "'headlines entries list' shows the numbers"
Find = Callable[[str], str]


def correct(settings: Settings, number: int, section: str) -> tuple[str, str]:
    """Say that an entry belongs in ``section``; its title and the section's id.

    Raises NotFound, UsageError.
    """
    wanted = section_finder(settings)(section)
    with opened(settings) as database:
        return database.run(lambda connection: say(connection, number, wanted)), wanted


def say(connection: Connection, number: int, section: str) -> str:
    """Store one correction; the entry's title. Raises NotFound."""
    found = corrections.entries_of(connection, [number]) if 0 < number <= LARGEST_ID else {}
    if number not in found:
        raise NotFound(f"there is no entry {number or 'with that number'}: {NUMBERS}")
    title, predicted = found[number]
    row = Said(number, title, section, predicted, microseconds(utc_now()))
    corrections.store(connection, [row])
    return title


def withdraw(settings: Settings, number: int) -> str:
    """Take back what was said of an entry; its title. Raises NotFound."""

    def work(connection: Connection) -> str:
        found = corrections.get(connection, number) if 0 < number <= LARGEST_ID else None
        if found is None:
            raise NotFound(f"entry {number} is not corrected")
        corrections.withdraw(connection, number)
        return found.title

    with opened(settings) as database:
        return database.run(work)


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a file of corrections: an entry's number, or a title."""

    line: int
    entry: int
    title: str
    section: str


@dataclass(slots=True)
class Imported:
    """What came of a file: ``rows`` that were written, the ``entries`` that they corrected,
    ``titles`` that no entry has (they are learnt all the same), and bad rows."""

    rows: int = 0
    entries: int = 0
    titles: int = 0
    problems: list[str] = field(default_factory=list)


def correct_many(settings: Settings, path: Path) -> Imported:
    """Store the corrections of a CSV file; bad rows are told, the others count.

    Its first line names the columns: ``section``, and ``entry`` or ``title``.
    Raises UsageError when it is no such file.
    """
    done = Imported()
    find = section_finder(settings)
    with opened(settings) as database:
        for batch in _batches(read_rows(path, find, done.problems)):

            def work(connection: Connection, batch: Sequence[Row] = batch) -> Imported:
                return _store(connection, path, batch)

            stored = database.run(work)
            done.rows += stored.rows
            done.entries += stored.entries
            done.titles += stored.titles
            done.problems += stored.problems
    return done


def read_rows(path: Path, find: Find, problems: list[str]) -> Iterator[Row]:
    """The good rows of a file; what is wrong with others is added to ``problems``."""
    good = last = 0
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            columns = [name.strip().lower() for name in next(reader, [])]
            last = reader.line_num
            if "section" not in columns or not {"entry", "title"} & set(columns):
                raise UsageError(
                    f"{path}:1: its first line must name the columns: entry,section or "
                    "title,section"
                )
            for values in reader:
                last = reader.line_num
                if not values:
                    continue
                try:
                    row = _row(columns, values, reader.line_num, find)
                except UsageError as error:
                    problems.append(f"{path}:{reader.line_num}: left out: {error}")
                else:
                    good += 1
                    yield row
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from error
    except (UnicodeDecodeError, csv.Error) as error:
        why = f"not CSV ({error})"
        if isinstance(error, UnicodeDecodeError):
            why = "not UTF-8; save the file as UTF-8"
        if not good:
            raise UsageError(f"{path}:{last + 1}: {why}") from error
        # First, so that it is among those that are shown.
        problems.insert(0, f"{path}:{last + 1}: left out from here on: {why}")


def _row(columns: Sequence[str], values: Sequence[str], line: int, find: Find) -> Row:
    if len(values) != len(columns):
        raise UsageError(f"{len(values)} columns where the header has {len(columns)}")
    cells = {name: value.strip() for name, value in zip(columns, values, strict=True)}
    number, title = cells.get("entry", ""), cells.get("title", "")
    is_number = number.isascii() and number.isdecimal() and len(number) < 19
    if number and not (is_number and int(number)):
        raise UsageError(f"{number[:40]!r} is no number of an entry: {NUMBERS}")
    if not number and not title:
        raise UsageError("neither an entry nor a title stands there")
    if "\0" in title:
        raise UsageError("its title holds a null character")
    if not cells["section"]:
        raise UsageError("the section is empty")
    return Row(line, int(number or 0), title, find(cells["section"]))


def _batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    batch: list[Row] = []
    for row in rows:
        batch.append(row)
        if len(batch) == AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch


def _store(connection: Connection, path: Path, batch: Sequence[Row]) -> Imported:
    """One transaction: find what the rows speak of, and write them."""
    done = Imported()
    named = corrections.with_titles(connection, [row.title for row in batch if not row.entry])
    numbers = [row.entry for row in batch if row.entry]
    numbers += [number for found in named.values() for number in found]
    known = corrections.entries_of(connection, numbers)
    at = microseconds(utc_now())
    rows: list[Said] = []
    for row in batch:
        ids = [row.entry] if row.entry else named.get(row.title, [])
        if row.entry and row.entry not in known:
            done.problems.append(
                f"{path}:{row.line}: left out: there is no entry {row.entry}: {NUMBERS}"
            )
            continue
        done.rows += 1
        rows += [
            Said(number, known[number][0], row.section, known[number][1], at) for number in ids
        ]
        if not ids:
            number = corrections.number_of(row.title)
            rows.append(Said(number, row.title, row.section, "", at))
    corrections.store(connection, rows)
    done.entries = len({row.entry_id for row in rows if row.entry_id > 0})
    done.titles = len({row.entry_id for row in rows if row.entry_id < 0})
    return done
