"""Entries that another release scored: read newest first in parts, and written again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from monitor.hints import Hint, speaking
from monitor.hints.trust import Trust, choose
from monitor.storage import stories
from monitor.storage.schema import entry
from monitor.types import Prediction

Place = tuple[datetime, int]


class Recent(NamedTuple):
    """An entry, the release that scored it, and its hints as they are stored."""

    id: int
    title: str
    release: str
    first_seen_at: datetime
    hints: Sequence[Sequence[str]] | None = None

    @property
    def place(self) -> Place:
        """Where it stands, newest first."""
        return self.first_seen_at, self.id


def recent(
    connection: Connection, since: datetime, before: Place | None, limit: int
) -> list[Recent]:
    """Up to ``limit`` entries first seen at or after ``since``, newest first, those that come
    after ``before`` in that order."""
    statement = sa.select(
        entry.c.id, entry.c.title, entry.c.release, entry.c.first_seen_at, entry.c.hints
    ).where(entry.c.first_seen_at >= since)
    if before is not None:
        at, number = before
        mark = sa.tuple_(sa.literal(at, entry.c.first_seen_at.type), sa.literal(number))
        statement = statement.where(sa.tuple_(entry.c.first_seen_at, entry.c.id) < mark)
    statement = statement.order_by(entry.c.first_seen_at.desc(), entry.c.id.desc()).limit(limit)
    return [Recent(*row) for row in connection.execute(statement)]


def write(
    connection: Connection,
    rows: Sequence[tuple[Recent, Prediction]],
    trust: Trust,
    names: Mapping[str, str] | None = None,
) -> int:
    """Store predictions, and which hint is shown in their stead; ``names`` says what the
    classifier calls sections that hints name (as for ``monitor.hints.derive``).

    An entry whose title or release is another by now is left alone. Returns how many were
    there to be written.
    """
    statement = (
        sa.update(entry)
        .where(
            entry.c.id == sa.bindparam("b_id"),
            entry.c.title == sa.bindparam("b_title"),
            entry.c.release == sa.bindparam("b_release"),
        )
        .values({name: sa.bindparam(f"b_new_{name}") for name in _COLUMNS})
    )
    made = [
        {
            "b_id": row.id,
            "b_title": row.title,
            "b_release": row.release,
            **{f"b_new_{name}": value for name, value in _values(row, found, trust, names).items()},
        }
        for row, found in rows
    ]
    connection.execute(statement, made)
    stories.settle_sections(connection, [row.id for row, _ in rows])
    return len(made)


_COLUMNS = (*Prediction._fields, "hints", "hinted", "hinted_by")


def _values(
    row: Recent, found: Prediction, trust: Trust, names: Mapping[str, str] | None
) -> dict[str, object]:
    hints = [Hint(*each) for each in row.hints or ()]
    if names is not None:
        hints = [each._replace(section=names.get(each.section, each.section)) for each in hints]
    hint = choose(found, speaking(hints, names), trust)
    shown = {"hinted": hint.section, "hinted_by": hint.kind} if hint else {}
    kept = None if row.hints is None else hints
    return {"hints": kept, "hinted": None, "hinted_by": None, **found._asdict(), **shown}
