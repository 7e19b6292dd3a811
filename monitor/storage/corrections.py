"""What people said of sections. A correction keeps its title: it outlives the entry."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from monitor.storage import entries
from monitor.storage.schema import correction, entry


def correct(connection: Connection, number: int, section: str, now: datetime) -> str:
    """Say that entry ``number`` belongs in ``section``; returns its title. Raises NotFound."""
    row = entries.get(connection, number)
    make = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    values = {
        "entry_id": number,
        "title": row["title"],
        "section": section,
        "predicted": row["section"],
        "corrected_at": now,
    }
    statement = make(correction).values(values)
    statement = statement.on_conflict_do_update(index_elements=["entry_id"], set_=values)
    connection.execute(statement)
    return str(row["title"])


def examples(connection: Connection) -> Iterator[tuple[str, str]]:
    """``(title, section)`` of every correction, oldest first."""
    rows = connection.execute(
        sa.select(correction.c.title, correction.c.section).order_by(correction.c.corrected_at)
    )
    yield from rows


def declared(connection: Connection, limit: int) -> Iterator[tuple[str, str]]:
    """``(title, declared section)`` of the newest entries whose source declares a section."""
    statement = (
        sa.select(entry.c.title, entry.c.section_hint)
        .outerjoin(correction, correction.c.entry_id == entry.c.id)
        .where(entry.c.section_hint.is_not(None), correction.c.entry_id.is_(None))
        .order_by(entry.c.first_seen_at.desc())
        .limit(limit)
    )
    yield from connection.execute(statement)
