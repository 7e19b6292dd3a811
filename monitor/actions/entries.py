"""Stored entries, for reading."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy.engine import Connection, RowMapping

from classifiers.taxonomy import read_taxonomy
from monitor.actions.opening import (
    find_source,
    opened,
    section_finder,
    sections_in_queries,
    taxonomy_of,
)
from monitor.actions.standing import SourceFinder, asks_of_stories, placed
from monitor.config import Settings
from monitor.errors import QueryError
from monitor.ranking import instant
from monitor.rules import language
from monitor.rules.matcher import RuleSet
from monitor.rules.sieve import Sieve
from monitor.rules.tokens import normal
from monitor.rules.tree import And, Filter, Literal, Node, Not, Or, Query
from monitor.rules.words import Words
from monitor.service import utc_now
from monitor.shown import subject_of
from monitor.storage import entries, history
from monitor.storage.schema import EPOCH
from monitor.text import fold
from monitor.types import Placement

SHOWN = (
    "id", "title", "url", "source", "author", "published_at", "first_seen_at", "language",
    "section", "probability", "runner_up", "unsure", "section_hint", "corrected", "shown",
    "section_by",
)  # fmt: skip
UNSURE = "unsure"
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


LOOKED_AT_ONCE = 200


def find(
    settings: Settings,
    *,
    section: str | None = None,
    source: str | None = None,
    span: timedelta | None = None,
    query: Query | None = None,
    limit: int = 50,
) -> list[RowMapping]:
    """The newest entries that fit, newest first.

    Raises NotFound for an unknown source, UsageError for an unknown section.
    """
    if section is not None and section != UNSURE:
        section = section_finder(settings)(section)
    moved = (taxonomy_of(settings) or read_taxonomy()).moved
    with opened(settings) as database, database.read() as connection:
        wanted = entries.Filter(
            section=section,
            was=[old for old, new in moved.items() if new == section],
            source_id=find_source(connection, source)["id"] if source is not None else None,
            since=utc_now() - span if span is not None else None,
            limit=limit,
        )
        if query is None:
            return entries.list_shown(connection, wanted)
        query = Query(_with_former(query.root, moved))
        return list(itertools.islice(_search(connection, wanted, query), limit))


def read_query(settings: Settings, text: str) -> tuple[Query, QueryError | None]:
    """What a search means. A text that is no query is its words, as they stand: a search is
    to find something; the error says why."""
    try:
        return language.parse(text, sections=sections_in_queries(settings)), None
    except QueryError as error:
        words = [normal(word) for word in _CONTROL.sub(" ", text).split()]
        terms = [Literal(word) for word in words if fold(word).text.strip()][: language.TERM_LIMIT]
        if not terms:
            raise
        return Query(And(tuple(terms)) if len(terms) > 1 else terms[0]), error


def _with_former(node: Node, moved: Mapping[str, str]) -> Node:
    """``node``, asking also for what its sections were called before."""
    if isinstance(node, Not):
        return Not(_with_former(node.child, moved))
    if isinstance(node, And | Or):
        return type(node)(tuple(_with_former(child, moved) for child in node.children))
    if isinstance(node, Filter) and node.name == "section":
        was = (old for old, new in moved.items() if new in node.values)
        return replace(node, values=tuple(dict.fromkeys((*node.values, *was))))
    return node


def _search(connection: Connection, wanted: entries.Filter, query: Query) -> Iterator[RowMapping]:
    """Entries that match, newest first: sifted in parts, looked at a few hundred at a time.

    No longer keyword hides a shorter one here: who searches wants to see.
    """
    sieve, rule_set = Sieve([query]), RuleSet([(0, query)], Words((), {}))
    conditions = entries.conditions(wanted)
    texts = history.text_condition(connection, sieve.texts)
    named = history.condition_of(query.root, SourceFinder(connection))
    conditions += [each for each in (texts, named) if each is not None]
    found = history.titles(connection, wanted.since or EPOCH, conditions, newest_first=True)
    of_stories, now = asks_of_stories(query), utc_now()
    for numbers, titles in found:
        passed = [numbers[at] for at in sieve.select(titles)]
        for at in range(0, len(passed), LOOKED_AT_ONCE):
            part = passed[at : at + LOOKED_AT_ONCE]
            rows = {row["id"]: row for row in history.details(connection, part)}
            stood = placed(connection, list(rows.values())) if of_stories else {}
            for number in part:
                row = rows.get(number)
                if row and rule_set.match(subject_of(row, now, stood.get(number))):
                    yield row


def as_json(row: RowMapping) -> dict[str, Any]:
    """An entry as ``--json`` shows it: ``section`` is predicted, ``shown`` is what counts, and
    ``section_by`` whose word that is: person, model, source, block, url or category."""
    hints = [{"kind": kind, "section": section} for kind, _, section in row["hints"] or ()]
    placed = [Placement(*each)._asdict() for each in row["placements"] or ()]
    shown = {name: row[name] for name in SHOWN}
    return {**shown, "hints": hints, "placements": placed, "ranking": ranking_of(row)}


def ranking_of(row: RowMapping) -> dict[str, Any] | None:
    """Where an entry stood on its source's ranked list; None where it stood on none.

    ``minutes`` is the time that it was listed, ``heat`` what the list counted last;
    ``history`` has a point for each change, with None where it had left.
    """
    if row["first_rank"] is None:
        return None
    return {
        "first": row["first_rank"],
        "best": row["best_rank"],
        "last": row["last_rank"],
        "minutes": int(row["listed_s"] // 60),
        "heat": row["heat"],
        "first_at": row["first_at"],
        "last_at": row["last_at"],
        "history": [{"at": instant(at), "rank": rank} for at, rank in row["history"]],
    }
