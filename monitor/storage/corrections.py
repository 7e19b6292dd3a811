"""What people said of sections. A correction keeps its title: it outlives the entry.

A title that no entry has may be corrected as well: its number is below zero and is made of
the title.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from monitor import identity
from monitor.storage import bulk, stories
from monitor.storage.schema import correction, entry, microseconds, seen, source

KEYS_AT_ONCE = 20_000


class Said(NamedTuple):
    """A row of ``correction``; ``corrected_at`` in microseconds."""

    entry_id: int
    title: str
    section: str
    predicted: str
    corrected_at: int


class Example(NamedTuple):
    """A corrected title, as it is learnt."""

    title: str
    section: str
    story_id: int | None


def number_of(title: str) -> int:
    """The number under which a title that no entry has is corrected; below zero."""
    return -1 - (identity.digest(title) >> 1)


def store(connection: Connection, rows: Sequence[Said]) -> None:
    """Say what is right; of two words on one entry, the later one counts."""
    latest = list({row.entry_id: row for row in rows}.values())
    bulk.insert(connection, correction, Said._fields, latest, update=Said._fields[1:])
    stories.settle_sections(connection, [row.entry_id for row in latest if row.entry_id > 0])


def get(connection: Connection, number: int) -> Said | None:
    """The correction of an entry, if there is one."""
    row = connection.execute(sa.select(correction).where(correction.c.entry_id == number)).first()
    if row is None:
        return None
    return Said(row.entry_id, row.title, row.section, row.predicted, microseconds(row.corrected_at))


def said_of(connection: Connection, ids: Sequence[int]) -> dict[int, str]:
    """The corrected sections of those of ``ids`` that a person corrected."""
    rows = connection.execute(
        sa.select(correction.c.entry_id, correction.c.section).where(
            bulk.among(connection, correction.c.entry_id, list(ids))
        )
    )
    return {row.entry_id: row.section for row in rows}


def withdraw(connection: Connection, number: int) -> None:
    """Forget the correction of an entry."""
    connection.execute(sa.delete(correction).where(correction.c.entry_id == number))
    stories.settle_sections(connection, [number])


def entries_of(connection: Connection, ids: Sequence[int]) -> dict[int, tuple[str, str]]:
    """Title and predicted section of those of ``ids`` that still exist."""
    rows = connection.execute(
        sa.select(entry.c.id, entry.c.title, entry.c.section).where(
            bulk.among(connection, entry.c.id, list(ids))
        )
    )
    return {row.id: (row.title, row.section) for row in rows}


def with_titles(connection: Connection, titles: Sequence[str]) -> dict[str, list[int]]:
    """The entries that have one of ``titles``, letter for letter: the newest of each source.

    Found by the keys that entries are known by, not by looking through them.
    """
    sources = list(connection.execute(sa.select(source.c.id)).scalars())
    pairs = ((number, title) for title in set(titles) for number in sources)
    found: dict[str, list[int]] = defaultdict(list)
    while part := list(islice(pairs, KEYS_AT_ONCE)):
        wanted = {identity.title_key(number, title): (number, title) for number, title in part}
        some = {key: number for key, (number, _) in wanted.items()}
        rows = connection.execute(
            sa.select(seen.c.key, entry.c.id, entry.c.title)
            .join(entry, entry.c.id == seen.c.entry_id)
            .where(bulk.among_pairs(connection, seen.c.source_id, seen.c.key, some))
        )
        for key, number, title in rows:
            if title == wanted[key][1]:
                found[title].append(number)
    return found


def examples(connection: Connection) -> Iterator[Example]:
    """Every correction, oldest first."""
    rows = connection.execute(
        sa.select(correction.c.title, correction.c.section, entry.c.story_id)
        .outerjoin(entry, entry.c.id == correction.c.entry_id)
        .order_by(correction.c.corrected_at, correction.c.entry_id)
    )
    return (Example(*row) for row in rows)


def unsure(connection: Connection, among: int, limit: int) -> list[RowMapping]:
    """Up to ``limit`` unsure entries that nobody corrected, of the newest ``among``; newest
    first: ``id``, ``title``, ``section``, ``runner_up``, ``probability``, ``source``,
    ``first_seen_at``.
    """
    newest = (
        sa.select(entry.c.id)
        .order_by(entry.c.first_seen_at.desc(), entry.c.id.desc())
        .limit(among)
        .subquery()
    )
    statement = (
        sa.select(
            entry.c.id, entry.c.title, entry.c.section, entry.c.runner_up, entry.c.probability,
            entry.c.first_seen_at, entry.c.section_hint, source.c.name.label("source"),
        )
        .join(newest, newest.c.id == entry.c.id)
        .join(source, source.c.id == entry.c.source_id)
        .outerjoin(correction, correction.c.entry_id == entry.c.id)
        .where(entry.c.unsure, correction.c.entry_id.is_(None))
        .order_by(entry.c.first_seen_at.desc(), entry.c.id.desc())
        .limit(limit)
    )  # fmt: skip
    return list(connection.execute(statement).mappings())


class Declared(NamedTuple):
    """An entry whose source says its section, and what the live model said."""

    title: str
    declared: str
    source_id: int
    section: str
    unsure: bool
    corrected: str | None
    first_seen_at: datetime
    story_id: int | None
    source: str


def declared(connection: Connection, limit: int) -> Iterator[Declared]:
    """The newest entries whose source declares a section, newest first."""
    statement = (
        sa.select(
            entry.c.title, entry.c.section_hint, entry.c.source_id, entry.c.section,
            entry.c.unsure, correction.c.section, entry.c.first_seen_at, entry.c.story_id,
            source.c.name,
        )
        .join(source, source.c.id == entry.c.source_id)
        .outerjoin(correction, correction.c.entry_id == entry.c.id)
        .where(entry.c.section_hint.is_not(None))
        .order_by(entry.c.first_seen_at.desc(), entry.c.id.desc())
        .limit(limit)
    )  # fmt: skip
    return (Declared(*row) for row in connection.execute(statement))
