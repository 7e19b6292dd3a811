"""Hints beside predictions: how often each origin was right, what it teaches, what it shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from monitor.hints import SOURCE, Hint, speaking
from monitor.hints.trust import PERSON, Count, Trust, best, choose, collect
from monitor.storage import bulk, stories
from monitor.storage.schema import EPOCH, correction, counter, entry, hint_trust, microseconds
from monitor.types import Prediction

MEASURED = 100_000  # newest entries, of
MEASURED_FOR = timedelta(days=90)
MOST_ORIGINS = 5_000
REDECIDED_FOR = timedelta(days=2)
REDECIDED = 50_000
_AT_ONCE = 2_000
_MEASURED_AT = "hint_trust"


class Measured(NamedTuple):
    """A row of ``hint_trust``: of the entries of a source that an origin spoke of, how many
    could be judged, and of how many it said what turned out."""

    kind: str
    key: str
    source_id: int
    section: str
    said: int
    agreed: int


@dataclass(frozen=True, slots=True)
class Known:
    """What was measured last, and when; None before the first time."""

    rows: tuple[Measured, ...] = ()
    measured_at: datetime | None = None
    trust: Trust = field(default_factory=Trust)


class Taught(NamedTuple):
    """An entry of which a hint says the section, and how far that is to be trusted."""

    title: str
    section: str
    trust: float
    source_id: int
    first_seen_at: datetime
    story_id: int | None


def measure(connection: Connection, now: datetime) -> list[Measured]:
    """Judge the hints of the newest entries by corrections, and by sure answers."""
    statement = (
        sa.select(
            entry.c.source_id, entry.c.hints, entry.c.section_hint, entry.c.section,
            correction.c.section,
        )
        .outerjoin(correction, correction.c.entry_id == entry.c.id)
        .where(
            entry.c.first_seen_at >= now - MEASURED_FOR,
            sa.or_(correction.c.section.is_not(None), sa.not_(entry.c.unsure)),
        )
        .order_by(entry.c.first_seen_at.desc())
        .limit(MEASURED)
    )  # fmt: skip
    found: dict[tuple[str, str, int], Measured] = {}
    for source_id, stored, declared, predicted, corrected in _streamed(connection, statement):
        weight = 1 if corrected is None else PERSON
        for hint in read(stored, declared, source_id):
            at = (hint.kind, hint.key, source_id)
            said, agreed = found[at][4:] if at in found else (0, 0)
            right = hint.section == (corrected or predicted)
            agreed += weight if right else 0
            found[at] = Measured(*at, hint.section, said + weight, agreed)
    ranked = sorted(found.values(), key=lambda each: (-each.said, each))
    return ranked[:MOST_ORIGINS]


def read(stored: Sequence[Sequence[str]] | None, declared: str | None, source: int) -> list[Hint]:
    """The hints of a row; of one that was stored before there were any, the declared one."""
    if stored is not None:
        return [Hint(*each) for each in stored]
    return [Hint(SOURCE, str(source), declared)] if declared else []


def save(connection: Connection, rows: Sequence[Measured], now: datetime) -> None:
    """Put ``rows`` in the place of what was measured before."""
    at = [(_MEASURED_AT, microseconds(now))]  # first: another that measures waits for this row
    bulk.insert(connection, counter, ("name", "value"), at, update=("value",))
    connection.execute(sa.delete(hint_trust))
    bulk.insert(connection, hint_trust, Measured._fields, rows)


def known(connection: Connection) -> Known:
    """What was measured last."""
    rows = tuple(Measured(*row) for row in connection.execute(sa.select(hint_trust)))
    at = measured_at(connection)
    return Known(rows, at, collect_rows(rows))


def measured_at(connection: Connection) -> datetime | None:
    """When trust was measured last."""
    wanted = sa.select(counter.c.value).where(counter.c.name == _MEASURED_AT)
    value = connection.execute(wanted).scalar()
    return None if value is None else EPOCH + timedelta(microseconds=value)


def collect_rows(rows: Sequence[Measured]) -> Trust:
    """The trust that these rows amount to."""
    return collect((row.kind, row.key, Count(row.said, row.agreed)) for row in rows)


def taught(connection: Connection, trust: Trust, limit: int) -> Iterator[Taught]:
    """The newest entries that a hint says something of, newest first, but for those that
    were corrected or have a declared section (``corrections.declared`` has these).

    Of several hints the one that is trusted most counts.
    """
    statement = (
        sa.select(
            entry.c.title, entry.c.source_id, entry.c.first_seen_at, entry.c.story_id,
            entry.c.hints,
        )
        .outerjoin(correction, correction.c.entry_id == entry.c.id)
        .where(
            sa.cast(entry.c.hints, sa.Text) != "[]",
            entry.c.section_hint.is_(None),
            correction.c.entry_id.is_(None),
        )
        .order_by(entry.c.first_seen_at.desc(), entry.c.id.desc())
        .limit(limit)
    )  # fmt: skip
    for title, source_id, seen_at, story_id, stored in _streamed(connection, statement):
        voice = best(read(stored, None, source_id), trust)
        if voice is not None:
            section = voice.hint.section
            yield Taught(title, section, voice.trust, source_id, seen_at, story_id)


def recent(connection: Connection, now: datetime) -> int:
    """The number after which the entries of the last two days begin, 50,000 at most."""
    first = (
        sa.select(entry.c.id)
        .where(entry.c.first_seen_at >= now - REDECIDED_FOR)
        .order_by(entry.c.first_seen_at, entry.c.id)
        .limit(1)
    )
    last = connection.execute(sa.select(sa.func.max(entry.c.id))).scalar() or 0
    found = connection.execute(first).scalar()
    return max(last if found is None else found - 1, last - REDECIDED)


def stale(
    connection: Connection, trust: Trust, after: int, names: Mapping[str, str] | None = None
) -> tuple[int | None, list[dict[str, Any]]]:
    """Of the next entries above number ``after``, those that are to be shown otherwise.

    Returns the number to go on after (None at the end), and rows for ``show``.
    """
    statement = (
        sa.select(
            entry.c.id, entry.c.section, entry.c.probability, entry.c.runner_up, entry.c.unsure,
            entry.c.release, entry.c.title, entry.c.hints, entry.c.hinted, entry.c.hinted_by,
        )
        .where(entry.c.id > after)
        .order_by(entry.c.id)
        .limit(_AT_ONCE)
    )  # fmt: skip
    changed = []
    last = None
    for number, *predicted, title, stored, hinted, hinted_by in connection.execute(statement):
        last = number
        if stored:
            hints = speaking([Hint(*each) for each in stored], names)
            hint = choose(Prediction(*predicted), hints, trust)
            wanted = (hint.section, hint.kind) if hint else (None, None)
            if wanted != (hinted, hinted_by):
                changed.append(
                    {
                        "b_id": number, "b_title": title, "b_release": predicted[-1],
                        "b_hinted": wanted[0], "b_by": wanted[1],
                    }
                )  # fmt: skip
    return last, changed


def show(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Change which hint is shown, if any, of the entries that ``stale`` found, unless their title
    or release is another by now; their stories follow."""
    if not rows:
        return
    statement = (
        sa.update(entry)
        .where(
            entry.c.id == sa.bindparam("b_id"),
            entry.c.title == sa.bindparam("b_title"),
            entry.c.release == sa.bindparam("b_release"),
        )
        .values(hinted=sa.bindparam("b_hinted"), hinted_by=sa.bindparam("b_by"))
    )
    connection.execute(statement, list(rows))
    stories.settle_sections(connection, [row["b_id"] for row in rows])


def _streamed(connection: Connection, statement: sa.Select[Any]) -> Iterator[Any]:
    """The rows, a part of them in memory at a time."""
    yield from connection.execute(statement, execution_options={"yield_per": _AT_ONCE})
