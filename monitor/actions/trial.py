"""A query tried on stored history, or on a title, before it is trusted."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.engine import Connection, RowMapping

from classifiers.segment import use_words
from monitor.actions.looked import BOUNDARY, SECTION, ClauseCount, Examiner, Looked
from monitor.actions.matches import Matches, rehearse_found
from monitor.actions.opening import opened, sections_in_queries
from monitor.actions.rehearsal import Rehearsal
from monitor.actions.rowfacts import Archive, RowFacts
from monitor.actions.standing import SourceFinder, placed
from monitor.config import Settings, house_of
from monitor.errors import QueryError
from monitor.manners import manners_of
from monitor.messages import AlertEntry
from monitor.model import open_classifier
from monitor.rulebook import known_words
from monitor.rules import language
from monitor.rules.filters import Subject
from monitor.rules.matcher import Hidden, RuleSet
from monitor.rules.sieve import Sieve
from monitor.rules.tree import Filter, Query, leaves
from monitor.service import utc_now
from monitor.shown import alert_entry, subject_of
from monitor.storage import entries, history, rules
from monitor.storage.history import Columns
from monitor.text import detect_language
from monitor.types import Rule, RuleOptions

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to try: the query, how it would be told, how far back, and against which rule.

    ``besides`` names a stored rule that is left out, since it is the one that is tried.
    """

    query: str
    options: RuleOptions
    span: timedelta
    limit: int = 20
    against: str | None = None
    besides: str | None = None


@dataclass(frozen=True, slots=True)
class Missed:
    """An entry that nearly matched: ``why`` is section or boundary, ``detail`` says which."""

    entry: AlertEntry
    why: str
    detail: str


@dataclass(frozen=True, slots=True)
class Against:
    """What the query adds to and loses of a stored rule's: numbers, and the newest of each."""

    rule: str
    adds: int
    loses: int
    added: tuple[AlertEntry, ...]
    lost: tuple[AlertEntry, ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """What a query would have done. ``days`` is the time that entries were there for, at
    least one; ``newest`` come first, with spans."""

    matched: int
    looked_at: int
    days: float
    stories: int
    rehearsal: Rehearsal
    newest: tuple[AlertEntry, ...]
    clauses: tuple[ClauseCount, ...]
    near: dict[str, int]
    missed: tuple[Missed, ...]
    against: Against | None
    seconds: float


@dataclass(frozen=True, slots=True)
class OneTitle:
    """Whether a title matches (``spans`` None: it does not), and which keywords did not count."""

    spans: tuple[tuple[int, int], ...] | None
    hidden: tuple[Hidden, ...]


def stored_rule(settings: Settings, name: str) -> Rule:
    """A stored rule. Raises NotFound."""
    with opened(settings) as database, database.read() as connection:
        return rules.get(connection, name)


def changed(options: RuleOptions | None, given: Mapping[str, Any]) -> RuleOptions:
    """``options`` (else the usual ones) with what was ``given`` in their place."""
    return replace(options or RuleOptions(), **given)


def try_title(settings: Settings, query: str, title: str, besides: str | None = None) -> OneTitle:
    """Try ``query`` on a title, among the stored rules (but ``besides``) if there are any."""
    classifier = open_classifier(settings)
    parsed = language.parse(query, sections=sections_in_queries(settings))
    prediction = classifier([title])[0]
    subject = Subject(
        title=title,
        section=prediction.section,
        probability=prediction.probability,
        unsure=prediction.unsure,
        language=detect_language(title),
    )
    use_words(settings.text.words)
    matcher = among(_stored(settings), besides).with_rule(0, parsed)
    hit = matcher.match_one(0, matcher.look(subject))
    return OneTitle(hit.spans if hit else None, tuple(matcher.hidden(0, subject)))


def _stored(settings: Settings) -> list[Rule]:
    """The stored rules; none where there is no data folder yet, which is not made for this."""
    if not settings.data.exists():
        return []
    with opened(settings) as database, database.read() as connection:
        return rules.list_all(connection)


def among(stored: Iterable[Rule], besides: str | None) -> RuleSet:
    """The enabled rules that still parse, but for the one of that name, with the known words."""
    compiled = []
    for rule in stored:
        if rule.enabled and rule.name != besides:
            try:
                compiled.append((rule.id, language.parse(rule.query)))
            except QueryError:
                continue
    return RuleSet(compiled, known_words())


class _Notes:
    """What the entries that were looked at are to the query."""

    def __init__(self) -> None:
        self.found, self.added, self.lost = Matches(), Matches(), Matches()
        self.near = {why: Matches() for why in (SECTION, BOUNDARY)}

    def note(self, columns: Columns, looked: Looked) -> None:
        """Write down what one batch gave."""
        self.found.note(columns, looked.hits)
        if looked.against is not None:
            self.added.note(columns, looked.hits - looked.against)
            self.lost.note(columns, looked.against - looked.hits)
        self.near[SECTION].note(columns, looked.sections)
        self.near[BOUNDARY].note(columns, looked.boundaries)


def try_history(settings: Settings, wanted: Wanted) -> Trial:
    """Try a query on what was stored in the last ``wanted.span``, as if it had been a rule.

    Raises QueryError, NotFound for an unknown rule, SettingsError for options.
    """
    started = time.perf_counter()
    query = language.parse(wanted.query, sections=sections_in_queries(settings))
    manners, house = manners_of(wanted.options, house_of(settings)), house_of(settings)
    use_words(settings.text.words)
    since = utc_now() - wanted.span
    with opened(settings) as database, database.read() as connection, _uncollected():
        stored = rules.list_all(connection)
        former = rules.get(connection, wanted.against) if wanted.against else None
        against = language.parse(former.query) if former else None
        others = among(stored, wanted.against or wanted.besides)
        examiner = Examiner(query, others, against)
        notes = _Notes()
        _look_at_all(connection, [query, *([against] if against else [])], examiner, since, notes)
        looked_at, oldest = entries.count(connection, since), entries.oldest(connection, since)
        rehearsal = rehearse_found(connection, notes.found, wanted.query, manners, house)
        shown = Shown(connection, examiner, wanted.limit)
        return Trial(
            matched=len(notes.found),
            looked_at=looked_at,
            days=max((utc_now() - oldest) / DAY, 1.0) if oldest else 1.0,
            stories=len(notes.found.stories()),
            rehearsal=rehearsal,
            newest=shown.matches(notes.found),
            clauses=tuple(examiner.clause_counts()),
            near={why: len(kept) for why, kept in notes.near.items() if len(kept)},
            missed=tuple(
                each for why, kept in notes.near.items() for each in shown.missed(why, kept)
            ),
            against=_against(former, notes, shown),
            seconds=time.perf_counter() - started,
        )


@contextmanager
def _uncollected() -> Iterator[None]:
    """No search for cycles: among millions of rows there are none, and it takes a quarter of
    the time."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


class Shown:
    """The newest of what was found, as they are told."""

    def __init__(self, connection: Connection, examiner: Examiner, limit: int) -> None:
        self._connection = connection
        self._examiner = examiner
        self._limit = limit

    def matches(self, found: Matches) -> tuple[AlertEntry, ...]:
        """Those that match, with what is marked in them."""
        rows = self._rows(found)
        stood = placed(self._connection, rows)
        told = []
        for row in rows:
            hit = self._examiner.hit(subject_of(row, row["first_seen_at"], stood.get(row["id"])))
            told.append(replace(alert_entry(row), spans=hit.spans if hit else ()))
        return tuple(told)

    def others(self, found: Matches) -> tuple[AlertEntry, ...]:
        """Those that do not."""
        return tuple(map(alert_entry, self._rows(found)))

    def missed(self, why: str, found: Matches) -> Iterator[Missed]:
        """Those that nearly do."""
        for row in self._rows(found):
            subject = subject_of(row, row["first_seen_at"])
            doubt = "?" if subject.unsure else ""
            section = why == SECTION
            detail = subject.section + doubt if section else self._examiner.boundary(subject)
            yield Missed(alert_entry(row), why, detail)

    def _rows(self, found: Matches) -> list[RowMapping]:
        numbers = found.newest(self._limit)
        rows = {row["id"]: row for row in history.details(self._connection, numbers)}
        return [rows[number] for number in numbers if number in rows]


def _against(former: Rule | None, notes: _Notes, shown: Shown) -> Against | None:
    if former is None:
        return None
    added, lost = shown.matches(notes.added), shown.others(notes.lost)
    return Against(former.name, len(notes.added), len(notes.lost), added, lost)


def _look_at_all(
    connection: Connection,
    queries: Sequence[Query],
    examiner: Examiner,
    since: datetime,
    notes: _Notes,
) -> None:
    """Sift all titles; look closely at what passes."""
    archive = Archive(connection)
    condition = history.text_condition(connection, examiner.sieve.texts)
    if examiner.sieve.is_open and len(queries) == 1:
        text = history.few_texts(connection, queries[0])
        condition = history.condition_of(queries[0].root, SourceFinder(connection), text)
    conditions = [] if condition is None else [condition]
    filters = {
        leaf.name for query in queries for leaf in leaves(query.root) if isinstance(leaf, Filter)
    }
    # Expressions are searched for only once, and single characters SQL has found already.
    texts = examiner.sieve.texts
    passes_all = texts is None or all(len(text) == 1 for text in texts)
    for part in history.facts(connection, since, conditions, filters):
        columns = part if passes_all else _sifted(part, examiner.sieve)
        notes.note(columns, examiner.look(columns["title"], RowFacts(archive, columns)))


def _sifted(part: Columns, sieve: Sieve) -> Columns:
    passed = sieve.select(part["title"])
    return {name: [values[at] for at in passed] for name, values in part.items()}
