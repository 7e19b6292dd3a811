"""A query tried on stored history, or on a title, before it is trusted."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.engine import Connection, RowMapping

from classifiers.segment import use_words
from monitor.actions.looked import ClauseCount, Examiner, Looked
from monitor.actions.opening import opened, sections_of
from monitor.actions.rehearsal import Heard, Rehearsal, rehearse
from monitor.actions.standing import SourceFinder, asks_of_stories, placed, told_again
from monitor.config import Settings, house_of
from monitor.errors import QueryError
from monitor.manners import House, Manners, manners_of
from monitor.model import open_classifier
from monitor.rulebook import known_words
from monitor.rules import language
from monitor.rules.filters import Subject
from monitor.rules.matcher import Hidden, RuleSet
from monitor.rules.tree import Query
from monitor.service import utc_now
from monitor.shown import alert_entry, subject_of
from monitor.storage import entries, history, rules
from monitor.stories import heat
from monitor.text import detect_language
from monitor.types import AlertEntry, Placed, Rule, RuleOptions

DAY = timedelta(days=1)
LOOKED_AT_ONCE = 2_000


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
    parsed = language.parse(query, sections=frozenset(sections_of(settings)))
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


@dataclass(slots=True)
class Found:
    """A match, small enough to keep very many of."""

    at: datetime
    id: int
    story: int
    entry: AlertEntry


class _Notes:
    """What is kept of the entries that were looked at: bounded but for the matches."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.found: list[Found] = []
        self.near: Counter[str] = Counter()
        self.missed: list[Missed] = []
        self.adds = self.loses = 0
        self.added: list[AlertEntry] = []
        self.lost: list[AlertEntry] = []

    def note(self, row: RowMapping, looked: Looked) -> None:
        """Write one down."""
        if looked.hit:
            told = replace(alert_entry(row), spans=looked.hit.spans)
            story = row["story_id"] or row["id"]
            self.found.append(Found(row["first_seen_at"], row["id"], story, told))
            if not looked.against:
                self.adds += 1
                self._keep(self.added, told)
        elif looked.against:
            self.loses += 1
            self._keep(self.lost, alert_entry(row))
        if looked.near:
            self.near[looked.near] += 1
            self.missed.append(Missed(alert_entry(row), looked.near, looked.detail))
            if len(self.missed) > 20 * self._limit:
                self.missed = _newest(self.missed, self._limit)

    def _keep(self, kept: list[AlertEntry], one: AlertEntry) -> None:
        kept.append(one)
        if len(kept) > 20 * self._limit:
            kept.sort(key=_when, reverse=True)
            del kept[self._limit :]


def _when(entry: AlertEntry) -> tuple[datetime, int]:
    return entry.first_seen_at, entry.id


def _newest(missed: Sequence[Missed], limit: int) -> list[Missed]:
    return sorted(missed, key=lambda each: _when(each.entry), reverse=True)[:limit]


def try_history(settings: Settings, wanted: Wanted) -> Trial:
    """Try a query on what was stored in the last ``wanted.span``, as if it had been a rule.

    Raises QueryError, NotFound for an unknown rule, SettingsError for options.
    """
    started = time.perf_counter()
    query = language.parse(wanted.query, sections=frozenset(sections_of(settings)))
    manners, house = manners_of(wanted.options, house_of(settings)), house_of(settings)
    use_words(settings.text.words)
    since = utc_now() - wanted.span
    with opened(settings) as database, database.read() as connection:
        stored = rules.list_all(connection)
        former = rules.get(connection, wanted.against) if wanted.against else None
        against = language.parse(former.query) if former else None
        others = among(stored, wanted.against or wanted.besides)
        examiner = Examiner(query, others, against)
        notes = _Notes(wanted.limit)
        _look_at_all(connection, [query, *([against] if against else [])], examiner, since, notes)
        looked_at, oldest = entries.count(connection, since), entries.oldest(connection, since)
        rehearsal = rehearse_found(connection, notes.found, wanted.query, manners, house)
    newest = sorted(notes.found, key=lambda each: (each.at, each.id), reverse=True)
    return Trial(
        matched=len(notes.found),
        looked_at=looked_at,
        days=max((utc_now() - oldest) / DAY, 1.0) if oldest else 1.0,
        stories=len({each.story for each in notes.found}),
        rehearsal=rehearsal,
        newest=tuple(each.entry for each in newest[: wanted.limit]),
        clauses=tuple(examiner.clause_counts()),
        near=dict(notes.near),
        missed=tuple(_newest(notes.missed, wanted.limit)),
        against=_against(former, notes, wanted.limit),
        seconds=time.perf_counter() - started,
    )


def _against(former: Rule | None, notes: _Notes, limit: int) -> Against | None:
    if former is None:
        return None
    added, lost = (
        tuple(sorted(each, key=_when, reverse=True)[:limit]) for each in (notes.added, notes.lost)
    )
    return Against(former.name, notes.adds, notes.loses, added, lost)


def _look_at_all(
    connection: Connection,
    queries: Sequence[Query],
    examiner: Examiner,
    since: datetime,
    notes: _Notes,
) -> None:
    """Sift all titles; look closely at what passes."""
    of_stories = any(map(asks_of_stories, queries))
    condition = history.text_condition(connection, examiner.sieve.texts)
    if examiner.sieve.is_open and len(queries) == 1:
        condition = history.condition_of(queries[0].root, SourceFinder(connection))
    conditions = [] if condition is None else [condition]
    passed: list[int] = []
    for numbers, titles in history.titles(connection, since, conditions):
        passed += [numbers[at] for at in examiner.sieve.select(titles)]
    for at in range(0, len(passed), LOOKED_AT_ONCE):
        rows = history.details(connection, passed[at : at + LOOKED_AT_ONCE])
        stood = placed(connection, rows) if of_stories else {}
        for row in rows:
            subject = subject_of(row, row["first_seen_at"], stood.get(row["id"]))
            notes.note(row, examiner.look(subject))


def rehearse_found(
    connection: Connection,
    found: Sequence[Found],
    query: str,
    manners: Manners,
    house: House,
) -> Rehearsal:
    """The alerts of ``found``, oldest first."""
    stood: dict[int, Placed] = {}
    if manners.escalation:
        told = {each.story for each in found}
        stood = {
            number: Placed(
                story.id, portals=story.portals, heat=heat.heat(story.hot, story.last_seen_at)
            )
            for number, story in told_again(connection, set(told))
        }
    ordered = sorted(found, key=lambda each: (each.at, each.id))
    heard = (
        Heard(
            replace(
                each.entry,
                story_id=each.story,
                portals=stood[each.id].portals if each.id in stood else 1,
            ),
            stood[each.id].heat if each.id in stood else 0.0,
            each.at,
        )
        for each in ordered
    )
    return rehearse(heard, query, manners, house)
