"""Entries: stored in batches, found by what they are known by, listed for people."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from monitor.errors import NotFound
from monitor.storage import bulk
from monitor.storage.schema import (
    correction,
    counter,
    entry,
    matched,
    ranking,
    revision,
    seen,
    source,
)
from monitor.types import Known


class Mark(NamedTuple):
    """A key that an entry is known by; ``seen_at`` in microseconds."""

    key: int
    source_id: int
    entry_id: int
    title_hash: int
    seen_at: int


class Matched(NamedTuple):
    """A rule that an entry matched, with the spans in its title as JSON."""

    rule_id: int
    entry_id: int
    spans: str
    matched_at: int


class NewEntry(NamedTuple):
    """A row of ``entry``; instants in microseconds, ``categories``, ``hints`` and ``placements``
    as JSON."""

    id: int
    source_id: int
    title: str
    title_cut: bool
    url: str
    guid: str | None
    author: str | None
    summary: str
    categories: str
    rank: int | None
    language: str
    section_hint: str | None
    published_at: int | None
    first_seen_at: int
    section: str
    probability: float
    runner_up: str
    unsure: bool
    release: str
    story_id: int | None = None
    hints: str | None = None
    hinted: str | None = None
    hinted_by: str | None = None
    placements: str | None = None


class Former(NamedTuple):
    """What an entry was before its title changed; ``rank`` is the best that it had."""

    title: str
    story_id: int | None
    rank: int | None


def known(connection: Connection, keys: Mapping[int, int]) -> dict[int, Known]:
    """What is stored under ``keys``, each with its source; keys that nothing has are left out."""
    if not keys:
        return {}
    rows = connection.execute(
        sa.select(seen.c.key, seen.c.entry_id, seen.c.title_hash, seen.c.seen_at).where(
            bulk.among_pairs(connection, seen.c.source_id, seen.c.key, keys)
        )
    )
    return {key: Known(entry_id, title, at) for key, entry_id, title, at in rows}


def allocate(connection: Connection, count: int) -> int:
    """Reserve ``count`` entry numbers that follow one another; returns the first."""
    first = bulk.inserting(connection, counter).values(name="entry", value=count)
    statement = first.on_conflict_do_update(
        index_elements=[counter.c.name], set_={"value": counter.c.value + count}
    )
    last = connection.execute(statement.returning(counter.c.value)).scalar_one()
    return int(last) - count + 1


def one_at_a_time(connection: Connection) -> None:
    """Wait for whoever stores entries or makes digests, and let none do until this transaction
    ends: what the clock says from here on is in the order of commits.
    """
    allocate(connection, 0)


def insert_many(connection: Connection, rows: Sequence[NewEntry], marks: Sequence[Mark]) -> None:
    """Store entries and the keys that they are known by."""
    bulk.insert(connection, entry, NewEntry._fields, rows)
    add_marks(connection, marks)


def add_marks(connection: Connection, marks: Sequence[Mark]) -> None:
    """Store keys; one that is known already moves to the newer entry."""
    bulk.insert(connection, seen, Mark._fields, marks, update=Mark._fields[2:])


def replace_marks(connection: Connection, marks: Sequence[Mark]) -> None:
    """Let the entries of ``marks`` be known by these, and by those that they had last: ids may
    change back."""
    if not marks:
        return
    mine = bulk.among(connection, seen.c.entry_id, list({mark.entry_id for mark in marks}))
    theirs = seen.c.source_id.in_({mark.source_id for mark in marks})
    newest = (
        sa.select(seen.c.entry_id, sa.func.max(seen.c.seen_at).label("at"))
        .where(theirs, mine)
        .group_by(seen.c.entry_id)
    )
    last = newest.subquery()
    older = sa.select(seen.c.source_id, seen.c.key).join(last, last.c.entry_id == seen.c.entry_id)
    older = older.where(theirs, mine, seen.c.seen_at < last.c.at)
    connection.execute(sa.delete(seen).where(sa.tuple_(seen.c.source_id, seen.c.key).in_(older)))
    add_marks(connection, marks)


def refresh_marks(connection: Connection, keys: Mapping[int, int], now: datetime) -> None:
    """Say that a feed still lists what these keys, each with its source, stand for, so that
    their marks stay.
    """
    if keys:
        listed = bulk.among_pairs(connection, seen.c.source_id, seen.c.key, keys)
        connection.execute(sa.update(seen).where(listed).values(seen_at=now))


def former(connection: Connection, ids: Collection[int]) -> dict[int, Former]:
    """The stored titles, stories and places of those of ``ids`` that still exist."""
    if not ids:
        return {}
    rows = connection.execute(
        sa.select(entry.c.id, entry.c.title, entry.c.story_id, entry.c.rank).where(
            bulk.among(connection, entry.c.id, list(ids))
        )
    )
    return {number: Former(*facts) for number, *facts in rows}


def revise(connection: Connection, rows: Sequence[Mapping[str, Any]], now: datetime) -> None:
    """Replace titles; each row holds ``id``, the ``former`` title and the new columns."""
    if not rows:
        return
    connection.execute(
        sa.insert(revision),
        [{"entry_id": row["id"], "title": row["former"], "replaced_at": now} for row in rows],
    )
    names = [name for name in rows[0] if name not in {"id", "former"}]
    statement = (
        sa.update(entry)
        .where(entry.c.id == sa.bindparam("b_id"))
        .values({name: sa.bindparam(f"b_{name}") for name in names})
    )
    connection.execute(
        statement,
        [{"b_id": row["id"], **{f"b_{name}": row[name] for name in names}} for row in rows],
    )


def insert_matches(connection: Connection, rows: Sequence[Matched]) -> None:
    """Store which rule matched which entry, once."""
    bulk.insert(connection, matched, Matched._fields, rows, update=())


def matched_pairs(connection: Connection, ids: Collection[int]) -> set[tuple[int, int]]:
    """Which rule has matched which of ``ids``."""
    if not ids:
        return set()
    query = sa.select(matched.c.rule_id, matched.c.entry_id).where(
        bulk.among(connection, matched.c.entry_id, list(ids))
    )
    return {(rule_id, entry_id) for rule_id, entry_id in connection.execute(query)}


PERSON, MODEL, SOURCE = "person", "model", "source"


def shown_section() -> sa.ColumnElement[str]:
    """The section that a person sees: the correction, else the hint or answer that won."""
    return sa.func.coalesce(
        correction.c.section,
        entry.c.hinted,
        sa.case((_declared_in_doubt(), entry.c.section_hint)),
        entry.c.section,
    )


def section_by() -> sa.ColumnElement[str]:
    """Who says so: person, model, or a kind of hint."""
    return sa.case(
        (correction.c.section.is_not(None), PERSON),
        (entry.c.hinted_by.is_not(None), entry.c.hinted_by),
        (_declared_in_doubt(), SOURCE),
        else_=MODEL,
    )


def shown_unsure() -> sa.ColumnElement[bool]:
    """Whether what is shown is in doubt: an unsure answer, with nobody who says better."""
    return sa.and_(entry.c.unsure, section_by() == MODEL)


def _declared_in_doubt() -> sa.ColumnElement[bool]:
    """The rule for entries that were stored before there were hints."""
    return sa.and_(entry.c.hints.is_(sa.null()), entry.c.unsure, entry.c.section_hint.is_not(None))


RANKING = (
    "first_rank", "best_rank", "last_rank", "first_at", "last_at", "listed_s", "heat", "history",
)  # fmt: skip


def select_shown() -> sa.Select[Any]:
    """Entries with their source's name, the shown section, a person's correction, and where
    they stood on a ranked list.
    """
    return (
        sa.select(
            entry,
            *(ranking.c[name] for name in RANKING),
            source.c.name.label("source"),
            source.c.url.label("source_url"),
            source.c.labels.label("labels"),
            correction.c.section.label("corrected"),
            shown_section().label("shown"),
            section_by().label("section_by"),
            shown_unsure().label("shown_unsure"),
        )
        .join(source, source.c.id == entry.c.source_id)
        .outerjoin(correction, correction.c.entry_id == entry.c.id)
        .outerjoin(ranking, ranking.c.entry_id == entry.c.id)
    )


@dataclass(frozen=True, slots=True)
class Filter:
    """Which entries to list; None leaves a condition out. ``was``: what the section was called
    when entries were stored or corrected."""

    section: str | None = None
    was: Collection[str] = ()
    source_id: int | None = None
    since: datetime | None = None
    limit: int = 50


def conditions(wanted: Filter) -> list[sa.ColumnElement[bool]]:
    """What ``wanted`` asks of entries that are joined with their corrections."""
    found = []
    if wanted.section == "unsure":
        found.append(shown_unsure())
    elif wanted.section:
        found.append(shown_section().in_((wanted.section, *wanted.was)))
    if wanted.source_id is not None:
        found.append(entry.c.source_id == wanted.source_id)
    if wanted.since is not None:
        found.append(entry.c.first_seen_at >= wanted.since)
    return found


def list_shown(connection: Connection, wanted: Filter) -> list[RowMapping]:
    """The newest entries that ``wanted`` describes, newest first."""
    statement = select_shown().where(*conditions(wanted))
    statement = statement.order_by(entry.c.first_seen_at.desc(), entry.c.id.desc())
    return list(connection.execute(statement.limit(wanted.limit)).mappings())


def get(connection: Connection, number: int) -> RowMapping:
    """One entry as ``list_shown`` gives it. Raises NotFound."""
    row = connection.execute(select_shown().where(entry.c.id == number)).mappings().first()
    if row is None:
        raise NotFound(f"there is no entry {number}: 'headlines entries list' shows their numbers")
    return row


def count(connection: Connection, since: datetime | None = None) -> int:
    """How many entries are stored, or were first seen at or after ``since``."""
    statement = sa.select(sa.func.count()).select_from(entry)
    if since is not None:
        statement = statement.where(entry.c.first_seen_at >= since)
    return int(connection.execute(statement).scalar_one())


def oldest(connection: Connection, since: datetime) -> datetime | None:
    """When the first entry was seen at or after ``since``; None where there is none."""
    statement = sa.select(entry.c.first_seen_at).where(entry.c.first_seen_at >= since)
    statement = statement.order_by(entry.c.first_seen_at).limit(1)
    found: datetime | None = connection.execute(statement).scalar()
    return found
