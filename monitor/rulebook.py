"""The stored rules, compiled together, and compiled again only when one changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy.engine import Connection

from monitor.errors import QueryError
from monitor.rules import language
from monitor.rules.matcher import RuleSet
from monitor.storage import rules
from monitor.telemetry import logger
from monitor.types import Rule

log = logger("rules")


@dataclass(frozen=True, slots=True)
class RuleBook:
    """The enabled rules, compiled together."""

    rules: Mapping[int, Rule] = field(default_factory=dict)
    matcher: RuleSet = field(default_factory=lambda: RuleSet(()))


class Rules:
    """The compiled rules; ``book`` reads them again only when one has changed."""

    def __init__(self) -> None:
        self._version = -1
        self._book = RuleBook()

    def book(self, connection: Connection) -> RuleBook:
        """The enabled rules. One that no longer parses is told and left out."""
        version = rules.version(connection)
        if version != self._version:
            enabled = [rule for rule in rules.list_all(connection) if rule.enabled]
            compiled = []
            for rule in enabled:
                try:
                    compiled.append((rule.id, language.parse(rule.query)))
                except QueryError as error:
                    log.error("rule %s cannot be read and is left out: %s", rule.name, error)
            self._book = RuleBook({rule.id: rule for rule in enabled}, RuleSet(compiled))
            self._version = version
        return self._book
