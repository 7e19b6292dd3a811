"""What is wrong with stored rules, or with a query, before they keep silent or never do."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy.engine import RowMapping

from classifiers.segment import use_words
from monitor.actions.opening import opened, sections_in_queries
from monitor.config import Settings
from monitor.errors import QueryError
from monitor.health import EventKind
from monitor.rulebook import known_words
from monitor.rules import language
from monitor.rules.lint import ALWAYS, DEAD, NEVER, World, lint
from monitor.rules.matcher import RuleSet, Subject
from monitor.rules.tree import Literal, Query
from monitor.storage import history, rules
from monitor.types import Rule

SERIOUS = frozenset({NEVER, ALWAYS, "unreadable", "channel"})
MOST_SILENCED = 5


@dataclass(frozen=True, slots=True)
class Remark:
    """What is wrong with a rule. ``kind`` is never, always, dead-part, broad, unreadable,
    channel, silenced (by the rule ``by``) or twice."""

    rule: str
    kind: str
    text: str
    by: str = ""

    @property
    def is_serious(self) -> bool:
        """Whether the rule does not do what its author must want."""
        return self.kind in SERIOUS


def lint_stored(settings: Settings) -> list[Remark]:
    """Remarks on every stored rule."""
    use_words(settings.text.words)
    sections = sections_in_queries(settings)
    with opened(settings) as database, database.read() as connection:
        stored = rules.list_all(connection)
        world = _world(history.source_rows(connection))
    remarks: list[Remark] = []
    parsed: list[tuple[Rule, Query]] = []
    for rule in stored:
        try:
            query = language.parse(rule.query, sections=sections)
        except QueryError as error:
            remarks.append(Remark(rule.name, "unreadable", error.expected))
            continue
        parsed.append((rule, query))
        remarks += _remarks(rule.name, query, world)
        remarks += [
            Remark(rule.name, "channel", f"there is no channel {name!r}: nothing reaches it")
            for name in rule.channels
            if name not in settings.channels
        ]
    return remarks + _twice(parsed) + _silenced(parsed)


def lint_query(settings: Settings, text: str) -> list[Remark]:
    """Remarks on a query that is not stored. Raises QueryError."""
    use_words(settings.text.words)
    query = language.parse(text, sections=sections_in_queries(settings))
    with opened(settings) as database, database.read() as connection:
        return _remarks("", query, _world(history.source_rows(connection)))


def lint_beside(settings: Settings, name: str) -> list[Remark]:
    """What a stored rule silences in others, and they in it."""
    use_words(settings.text.words)
    with opened(settings) as database, database.read() as connection:
        stored = rules.list_all(connection)
    parsed: list[tuple[Rule, Query]] = []
    for rule in stored:
        with contextlib.suppress(QueryError):
            parsed.append((rule, language.parse(rule.query)))
    return [each for each in _silenced(parsed) if name in {each.rule, each.by}]


def _world(sources: Iterable[RowMapping]) -> World:
    subjects = [
        Subject("", source=row["name"], source_url=row["url"], labels=tuple(row["labels"]))
        for row in sources
    ]
    return World(subjects or None, tuple(EventKind), known_words())


def _remarks(name: str, query: Query, world: World) -> list[Remark]:
    found = [
        Remark(name, each.kind, f"has {each.part}: {each.why}" if each.kind == DEAD else each.why)
        for each in lint(query, world)
    ]
    if not found and language.is_broad(query):
        found.append(Remark(name, "broad", "only excludes: it matches nearly every headline"))
    return found


def _twice(parsed: Sequence[tuple[Rule, Query]]) -> list[Remark]:
    first: dict[Query, str] = {}
    remarks = []
    for rule, query in parsed:
        if not rule.enabled:
            continue
        if query in first:
            text = f"asks the same as {first[query]!r}: its headlines are told twice"
            remarks.append(Remark(rule.name, "twice", text))
        first.setdefault(query, rule.name)
    return remarks


def _silenced(parsed: Sequence[tuple[Rule, Query]]) -> list[Remark]:
    """Keywords that do not count within a longer keyword of another rule."""
    on = {rule.id: rule for rule, _ in parsed if rule.enabled}
    matcher = RuleSet([(rule.id, query) for rule, query in parsed if rule.enabled], known_words())
    owners: dict[str, list[int]] = {}
    for rule_id in on:
        for word in matcher.plan(rule_id).keywords:
            owners.setdefault(word, []).append(rule_id)
    remarks: list[Remark] = []
    told: dict[int, int] = {}
    for longer, (owner, *_) in owners.items():
        subject = Subject(longer)
        seen = matcher.look(subject)
        asked = {rule_id for word in seen.words for rule_id in owners.get(word, ())}
        for rule_id in sorted(asked.difference(owners[longer])):
            for hidden in matcher.hidden_in(rule_id, seen):
                if hidden.word == longer and told.get(rule_id, 0) < MOST_SILENCED:
                    told[rule_id] = told.get(rule_id, 0) + 1
                    short = longer[slice(*hidden.span)]
                    text = (
                        f"{short} does not count within {longer}, a keyword of "
                        f"{on[owner].name!r}; where it should, write {Literal(short, 'sub')}"
                    )
                    remarks.append(Remark(on[rule_id].name, "silenced", text, on[owner].name))
    return remarks
