"""Stored entries for a query to be tried on: all their titles fast, the details of a few."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from monitor.rules.preimage import foreign_letters, is_han, spellings
from monitor.rules.tree import And, Bound, Filter, Literal, Node, Or, Query, literals
from monitor.storage import bulk
from monitor.storage.entries import select_shown, shown_section, shown_unsure
from monitor.storage.schema import correction, entry, source, story
from monitor.text import fold

PART = 5_000
MOST_TEXTS = 64
MOST_CHARS = 4
_LETTERS = re.compile("[0-9a-z]+")
Condition = sa.ColumnElement[bool] | None
Columns = Mapping[str, Sequence[Any]]


def titles(
    connection: Connection,
    since: datetime,
    conditions: Sequence[sa.ColumnElement[bool]],
    *,
    newest_first: bool = False,
) -> Iterator[tuple[Sequence[int], Sequence[str]]]:
    """Numbers and titles of the entries first seen from ``since`` on, in parts.

    ``conditions`` leave entries out: those of ``condition_of``, ``text_condition`` and lists.
    """
    statement = sa.select(entry.c.id, entry.c.title).where(entry.c.first_seen_at >= since)
    if conditions:
        statement = statement.outerjoin(correction, correction.c.entry_id == entry.c.id)
        statement = statement.where(*conditions)
    if newest_first:
        statement = statement.order_by(entry.c.first_seen_at.desc(), entry.c.id.desc())
    streaming = connection.execution_options(yield_per=PART)
    for part in streaming.execute(statement).partitions(PART):
        numbers, found = zip(*part, strict=True)
        yield numbers, found


def facts(
    connection: Connection,
    since: datetime,
    conditions: Sequence[sa.ColumnElement[bool]],
    filters: Collection[str],
) -> Iterator[Columns]:
    """``titles``, by columns: ``id``, ``title``, ``at`` (first seen), ``story_id`` and those that
    filters of these names ask of. Instants are microseconds since 1970.
    """
    names = dict.fromkeys(name for each in sorted(filters) for name in _FACTS.get(each, ()))
    statement = sa.select(*_BASE, *(_COLUMNS[name].label(name) for name in names))
    statement = statement.where(entry.c.first_seen_at >= since)
    if conditions or "section" in filters:
        statement = statement.outerjoin(correction, correction.c.entry_id == entry.c.id)
        statement = statement.where(*conditions)
    result = connection.execution_options(yield_per=PART).execute(statement)
    for part in result.partitions(PART):
        yield dict(zip(result.keys(), zip(*part, strict=True), strict=True))


def shared_stories(connection: Connection) -> set[int]:
    """The stories that more than one entry tells."""
    statement = sa.select(entry.c.story_id).where(entry.c.story_id.is_not(None))
    statement = statement.group_by(entry.c.story_id).having(sa.func.count() > 1)
    return set(connection.execute(statement).scalars())


def text_condition(connection: Connection, texts: Sequence[str] | None) -> Condition:
    """What SQL can say of titles whose folded form holds one of ``texts``: never too strict.

    None where ``texts`` is None (anything goes) or too many to ask for.
    """
    if texts is None or len(texts) > MOST_TEXTS:
        return None
    sqlite = connection.dialect.name == "sqlite"
    found = [_holds_as_usual(sqlite, text) for text in texts]
    parts = [part for part in found if part is not None]
    if len(parts) < len(found):
        return None
    foreign = [] if all(any(map(is_han, text)) for text in texts) else [_holds_foreign(sqlite)]
    return sa.or_(*parts, *foreign)


def _holds_text(sqlite: bool, text: str) -> Condition:
    """What SQL can say of titles whose folded form holds ``text``."""
    found = _holds_as_usual(sqlite, text)
    if found is None or any(map(is_han, text)):
        return found
    return sa.or_(found, _holds_foreign(sqlite))


def _holds_as_usual(sqlite: bool, text: str) -> Condition:
    """Chinese characters are looked for in each spelling, wherever they stand; else letters of
    ASCII, which titles may hold in other forms."""
    han = [char for char in dict.fromkeys(text) if is_han(char)][:MOST_CHARS]
    if han:
        return sa.and_(*(_holds_char(sqlite, char) for char in han))
    letters = max(_LETTERS.findall(text), key=len, default="")
    if not letters:
        return None
    return entry.c.title.icontains(letters, autoescape=True)


def _holds_foreign(sqlite: bool) -> sa.ColumnElement[bool]:
    """Whether a title holds letters beyond ASCII that fold to ASCII ones."""
    if sqlite:
        return sa.func.holds_foreign(entry.c.title, type_=sa.Boolean())
    ranges = "".join(f"{first}-{last}" for first, last in foreign_letters())
    return entry.c.title.regexp_match(f"[{ranges}]")


def _holds_char(sqlite: bool, char: str) -> sa.ColumnElement[bool]:
    place = sa.func.instr if sqlite else sa.func.strpos
    return sa.or_(*(place(entry.c.title, each) > 0 for each in sorted(spellings(char))))


def details(connection: Connection, ids: Sequence[int]) -> list[RowMapping]:
    """The entries of ``ids`` that still exist, as lists show them, in no order."""
    statement = select_shown().where(bulk.among(connection, entry.c.id, list(ids)))
    return list(connection.execute(statement).mappings())


def tellers(connection: Connection, stories: Collection[int]) -> list[RowMapping]:
    """The entries of ``stories`` in the order in which they came, with their source's address and
    their story's section."""
    columns = (entry.c.story_id, entry.c.id, entry.c.rank, entry.c.first_seen_at)
    statement = (
        sa.select(
            *columns, source.c.url.label("source_url"), story.c.section.label("story_section")
        )
        .join(source, source.c.id == entry.c.source_id)
        .outerjoin(story, story.c.id == entry.c.story_id)
        .where(bulk.among(connection, entry.c.story_id, sorted(stories)))
        .order_by(entry.c.first_seen_at, entry.c.id)
    )
    return list(connection.execute(statement).mappings())


def source_rows(connection: Connection) -> list[RowMapping]:
    """Number, name, address and labels of every source."""
    columns = (source.c.id, source.c.name, source.c.url, source.c.labels)
    return list(connection.execute(sa.select(*columns)).mappings())


def condition_of(
    node: Node,
    sources: Callable[[Filter], Collection[int]],
    text: Callable[[str], Condition] = lambda _: None,
) -> Condition:
    """What SQL can say of entries that ``node`` may match: never too strict, None for nothing.

    ``sources`` answers which sources a ``source:`` or ``label:`` filter names, ``text`` what
    can be said of titles whose folded form holds a text.
    """
    if isinstance(node, And | Or):
        parts = [condition_of(child, sources, text) for child in node.children]
        known = [part for part in parts if part is not None]
        if isinstance(node, And):
            return sa.and_(*known) if known else None
        return sa.or_(*known) if len(known) == len(parts) else None
    if isinstance(node, Literal):
        return text(fold(node.text).text)
    if not isinstance(node, Filter):
        return None
    if node.name in {"source", "label"}:
        return entry.c.source_id.in_(sorted(sources(node)))
    make = _CONDITIONS.get(node.name)
    return make(node) if make else None


def few_texts(connection: Connection, query: Query) -> Callable[[str], Condition]:
    """``text`` for ``condition_of`` a query; it says nothing where there are too many words."""
    many = sum(1 for _ in literals(query.root)) > MOST_TEXTS
    sqlite = connection.dialect.name == "sqlite"
    return lambda text: None if many else _holds_text(sqlite, text)


def _section(term: Filter) -> sa.ColumnElement[bool]:
    named = shown_section().in_([value for value in term.values if value != "unsure"])
    if term.bounds:
        return sa.and_(named, _within(entry.c.probability, term.bounds))
    return sa.or_(named, entry.c.unsure) if "unsure" in term.values else named


def _lang(term: Filter) -> sa.ColumnElement[bool]:
    tag = sa.func.replace(sa.func.lower(entry.c.language), "_", "-")
    return sa.or_(
        *(
            sa.or_(tag == value, tag.startswith(value + "-", autoescape=True))
            for value in term.values
        )
    )


def _within(column: sa.ColumnElement[Any], bounds: Sequence[Bound]) -> sa.ColumnElement[bool]:
    return sa.or_(*(_TESTS[bound.comparison](column, bound) for bound in bounds))


_Test = Callable[[sa.ColumnElement[Any], Bound], sa.ColumnElement[bool]]
_TESTS: Mapping[str, _Test] = {
    ">=": lambda column, bound: column >= bound.number,
    ">": lambda column, bound: column > bound.number,
    "<=": lambda column, bound: column <= bound.number,
    "<": lambda column, bound: column < bound.number,
    "=": lambda column, bound: column == bound.number,
    "..": lambda column, bound: column.between(bound.number, bound.upto),
}
_CONDITIONS: Mapping[str, Callable[[Filter], sa.ColumnElement[bool]]] = {
    "section": _section,
    "lang": _lang,
    "author": lambda _: entry.c.author.is_not(None),
    "rank": lambda term: _within(entry.c.rank, term.bounds),
}
# What `facts` reads for every entry, and for a filter.
_BASE: tuple[sa.ColumnElement[Any], ...] = (
    entry.c.id,
    entry.c.title,
    sa.type_coerce(entry.c.first_seen_at, sa.BigInteger).label("at"),
    entry.c.story_id,
)
_COLUMNS: Mapping[str, sa.ColumnElement[Any]] = {
    "section": shown_section(),
    "unsure": shown_unsure(),
    "probability": entry.c.probability,
    "source_id": entry.c.source_id,
    "language": entry.c.language,
    "author": entry.c.author,
    "rank": entry.c.rank,
    "published_at": sa.type_coerce(entry.c.published_at, sa.BigInteger),
}
_FACTS: Mapping[str, tuple[str, ...]] = {
    "section": ("section", "unsure", "probability"),
    "source": ("source_id",),
    "label": ("source_id",),
    "lang": ("language",),
    "author": ("author",),
    "rank": ("rank",),
    "age": ("published_at",),
    "portals": ("rank",),
    "hot": ("rank",),
    "is": ("rank",),
    "burst": ("rank",),
}
