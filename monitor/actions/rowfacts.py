"""What filters ask of very many stored entries, answered once for each different value."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy.engine import Connection

from monitor.actions.standing import place, told_again, usual_paces
from monitor.rules.batch import OF_STORIES
from monitor.rules.filters import Check, Subject, check
from monitor.rules.tree import Filter
from monitor.storage import history
from monitor.storage.history import Columns
from monitor.storage.schema import EPOCH
from monitor.stories import heat
from monitor.stories.heat import Newcomer
from monitor.types import Placed

MOST_ANSWERS = 100_000
Answers = dict[object, bool]
Values = Sequence[Any]


class Archive:
    """What is the same for all batches of one trial: sources, stories, answers given before."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sources = {row["id"]: row for row in history.source_rows(connection)}
        self._shared: set[int] | None = None
        self._usual: Mapping[str, float] | None = None
        self._checks: dict[Filter, tuple[Check, Answers]] = {}

    def check(self, term: Filter) -> tuple[Check, Answers]:
        """A filter's question, and what it has answered."""
        if term not in self._checks:
            self._checks[term] = (check(term), {})
        return self._checks[term]

    def source(self, number: int) -> Subject:
        """A source as filters see it."""
        row = self._sources.get(number)
        if row is None:
            return Subject("")
        return Subject("", source=row["name"], source_url=row["url"], labels=tuple(row["labels"]))

    def shared(self) -> set[int]:
        """The stories that several entries tell."""
        if self._shared is None:
            self._shared = history.shared_stories(self._connection)
        return self._shared

    def told(self, stories: Collection[int]) -> dict[int, Placed]:
        """Where each entry of ``stories`` stood when it came."""
        if self._usual is None:
            self._usual = usual_paces(self._connection)
        return dict(told_again(self._connection, stories, self._usual))


def _alone(rank: int | None) -> Subject:
    """An entry that tells its story by itself: its place is the same at any time."""
    return _standing(place(0, heat.begin(Newcomer(0, "", "", "", "", rank, EPOCH))))


class RowFacts:
    """The facts of a batch of entries, as ``history.facts`` reads them."""

    def __init__(self, archive: Archive, columns: Columns) -> None:
        self._archive = archive
        self._columns = columns

    def where(self, term: Filter, among: set[int]) -> set[int]:
        """The entries of ``among`` for which a filter holds."""
        if term.name == "event":
            return set()
        if term.name in OF_STORIES:
            return self._where_of_stories(term, among)
        if term.name in {"source", "label"}:
            return self._asked(term, among, self._columns["source_id"], self._archive.source)
        name = "bounds" if term.name == "section" and term.bounds else term.name
        read, make = _READERS[name]
        return self._asked(term, among, read(self._columns), make)

    def _asked(
        self, term: Filter, among: set[int], values: Values, make: Callable[[Any], Subject]
    ) -> set[int]:
        """Of entries with the same value one is asked."""
        holds, answers = self._archive.check(term)
        if len(answers) > MOST_ANSWERS:
            answers.clear()
        found = set()
        for at in among:
            value = values[at]
            answer = answers.get(value)
            if answer is None:
                answer = answers[value] = holds(make(value))
            if answer:
                found.add(at)
        return found

    def _where_of_stories(self, term: Filter, among: set[int]) -> set[int]:
        several, stories, numbers = (
            self._archive.shared(),
            self._columns["story_id"],
            self._columns["id"],
        )
        shared = {at for at in among if stories[at] in several}
        untold = {at for at in among if stories[at] is None}
        holds, _ = self._archive.check(term)
        told = self._archive.told({stories[at] for at in shared}) if shared else {}
        found = {at for at in shared if holds(_standing(told[numbers[at]]))}
        found |= untold if untold and holds(Subject("")) else set()
        alone = among - shared - untold
        return found | self._asked(term, alone, self._columns["rank"], _alone)


def _standing(placed: Placed) -> Subject:
    return Subject(
        "",
        portals=placed.portals,
        hot=placed.heat,
        is_first=placed.first,
        burst=placed.burst,
    )


def _ages(columns: Columns) -> Values:
    """As monitor.rules.filters.age_s has them."""
    return [
        0.0 if published is None else max((at - published) / 1e6, 0.0)
        for at, published in zip(columns["at"], columns["published_at"], strict=True)
    ]


# How a filter's column is read, and what an entry with one of its values is to the filter.
_READERS: dict[str, tuple[Callable[[Columns], Values], Callable[[Any], Subject]]] = {
    "section": (
        lambda columns: list(zip(columns["section"], columns["unsure"], strict=True)),
        lambda value: Subject("", section=value[0], unsure=value[1]),
    ),
    "bounds": (
        lambda columns: list(zip(columns["section"], columns["probability"], strict=True)),
        lambda value: Subject("", section=value[0], probability=value[1]),
    ),
    "lang": (itemgetter("language"), lambda value: Subject("", language=value)),
    "author": (itemgetter("author"), lambda value: Subject("", author=value or "")),
    "rank": (itemgetter("rank"), lambda value: Subject("", rank=value)),
    "age": (_ages, lambda value: Subject("", age_s=value)),
}
