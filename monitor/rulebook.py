"""The stored rules, compiled together, and compiled again only when one changes."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.engine import Connection

from classifiers.segment import user_words
from monitor.errors import QueryError, SettingsError
from monitor.manners import House, Manners, manners_of
from monitor.rules import language
from monitor.rules.matcher import RuleSet
from monitor.rules.tree import Filter, Query, leaves
from monitor.rules.words import Words, default_words, folded_words
from monitor.storage import rules
from monitor.telemetry import logger
from monitor.types import Rule, RuleOptions

log = logger("rules")
FEW_CHANGES = 16
RANK = frozenset({"rank"})
STANDING = RANK | {"portals", "hot", "is", "burst"}  # what a story that grows may change


@dataclass(frozen=True, slots=True)
class RuleBook:
    """The enabled rules, compiled together, and how each is told."""

    rules: Mapping[int, Rule] = field(default_factory=dict)
    matcher: RuleSet = field(default_factory=lambda: RuleSet(()))
    manners: Mapping[int, Manners] = field(default_factory=dict)
    house: House = field(default_factory=House)
    ids: Mapping[str, int] = field(default_factory=dict)
    ranked: frozenset[int] = frozenset()  # the rules that ask for a place on a list
    watches_stories: bool = False  # whether a rule asks how a story stands, or follows up on it

    @property
    def is_escalating(self) -> bool:
        """Whether a rule follows up on stories that grow."""
        return any(each.escalation for each in self.manners.values())

    def wakes_at(self, name: str) -> datetime | None:
        """Until when the rule of that name is snoozed, if it was ever."""
        rule = self.rules.get(self.ids.get(name, 0))
        return rule.snoozed_until if rule else None

    def manners_of(self, name: str) -> Manners | None:
        """How the rule of that name is told; None where there is none, or it is off."""
        return self.manners.get(self.ids.get(name, 0))


class Rules:
    """The compiled rules; ``book`` reads them again only when one has changed."""

    def __init__(self, house: House | None = None) -> None:
        self._version = -1
        self._house = house or House()
        self._book: RuleBook | None = None  # an empty one costs a start what a full one costs
        self._compiling = threading.Lock()

    def book(self, connection: Connection) -> RuleBook:
        """The enabled rules. One that no longer parses is told and left out."""
        with self._compiling:
            return self._newest(connection)

    def _newest(self, connection: Connection) -> RuleBook:
        held = self._book.matcher.words if self._book else None
        version, words = rules.version(connection), known_words(held)
        if self._book is None or version != self._version or words is not held:
            enabled = [rule for rule in rules.list_all(connection) if rule.enabled]
            matcher = self._compile(enabled, words)
            matcher.prepare()
            manners = {rule.id: self._manners(rule) for rule in enabled}
            self._book = RuleBook(
                rules={rule.id: rule for rule in enabled},
                matcher=matcher,
                manners=manners,
                house=self._house,
                ids={rule.name: rule.id for rule in enabled},
                ranked=frozenset(rule.id for rule in enabled if _asks_for(rule, RANK)),
                watches_stories=any(each.escalation for each in manners.values())
                or any(_asks_for(rule, STANDING) for rule in enabled),
            )
            self._version = version
        return self._book

    def _compile(self, enabled: Sequence[Rule], words: Words) -> RuleSet:
        """All rules made ready; what few have changed is changed in the set that is there."""
        before = self._book
        if before is None or words is not before.matcher.words:
            return RuleSet(self._parsed(enabled), words)
        fresh = [rule for rule in enabled if not _same(rule, before.rules.get(rule.id))]
        gone = before.rules.keys() - {rule.id for rule in enabled}
        if len(fresh) + len(gone) > FEW_CHANGES:
            return RuleSet(self._parsed(enabled), words)
        matcher = before.matcher
        for rule_id in (*gone, *(rule.id for rule in fresh)):
            matcher = matcher.without_rule(rule_id)
        for rule_id, query in self._parsed(fresh):
            matcher = matcher.with_rule(rule_id, query)
        return matcher

    def _parsed(self, enabled: Sequence[Rule]) -> Iterator[tuple[int, Query]]:
        for rule in enabled:
            try:
                yield rule.id, language.parse(rule.query)
            except QueryError as error:
                log.error("rule %s cannot be read and is left out: %s", rule.name, error)

    def _manners(self, rule: Rule) -> Manners:
        """How a rule is told; at once, where that cannot be read."""
        try:
            return manners_of(rule.options, self._house, rule.name)
        except SettingsError as error:
            log.error("rule %s is told at once: %s", rule.name, error)
            return manners_of(RuleOptions(), self._house)


def _asks_for(rule: Rule, filters: frozenset[str]) -> bool:
    """Whether a rule has one of these filters."""
    query = rule.query.lower().replace("：", ":")
    if not any(f"{name}:" in query for name in filters):
        return False
    try:
        terms = leaves(language.parse(rule.query).root)
    except QueryError:
        return False
    return any(isinstance(term, Filter) and term.name in filters for term in terms)


def _same(rule: Rule, before: Rule | None) -> bool:
    return before is not None and before.query == rule.query


def known_words(held: Words | None = None) -> Words:
    """The bundled words and the user's, as their file is now; ``held`` if it still holds."""
    file = user_words()
    file.refresh()
    yours = [word.word for word in file.words]
    if held is not None and held.yours == folded_words(yours):
        return held
    return Words(yours) if yours else default_words()
