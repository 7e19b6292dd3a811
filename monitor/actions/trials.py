"""Every stored rule tried on history at once: what each would have sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.engine import Connection

from classifiers.segment import use_words
from monitor.actions.matches import Matches, rehearse_found
from monitor.actions.opening import opened
from monitor.actions.rehearsal import Rehearsal
from monitor.actions.standing import asks_of_stories, placed
from monitor.actions.trial import DAY, among
from monitor.config import Settings, house_of
from monitor.manners import manners_of
from monitor.rules.matcher import RuleSet
from monitor.rules.sieve import Sieve
from monitor.service import utc_now
from monitor.shown import subject_of
from monitor.storage import entries, history, rules
from monitor.storage.schema import microseconds
from monitor.types import Rule

LOOKED_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class RuleTrial:
    """What one rule would have done."""

    rule: Rule
    matched: int
    stories: int
    rehearsal: Rehearsal


@dataclass(frozen=True, slots=True)
class AllTrials:
    """What each enabled rule would have done within ``days``, at least one."""

    looked_at: int
    days: float
    rules: tuple[RuleTrial, ...]


def try_all(settings: Settings, span: timedelta) -> AllTrials:
    """Try every enabled rule on what was stored in the last ``span``, in one pass."""
    use_words(settings.text.words)
    house, since = house_of(settings), utc_now() - span
    with opened(settings) as database, database.read() as connection:
        stored = {rule.id: rule for rule in rules.list_all(connection) if rule.enabled}
        matcher = among(stored.values(), None)
        found = _matches(connection, matcher, stored, span)
        looked_at, oldest = entries.count(connection, since), entries.oldest(connection, since)
        tried = tuple(
            RuleTrial(
                rule,
                len(found[rule.id]),
                len(found[rule.id].stories()),
                rehearse_found(
                    connection, found[rule.id], rule.query,
                    manners_of(rule.options, house, rule.name), house,
                ),
            )
            for rule in stored.values()
        )  # fmt: skip
    return AllTrials(looked_at, max((utc_now() - oldest) / DAY, 1.0) if oldest else 1.0, tried)


def _matches(
    connection: Connection, matcher: RuleSet, stored: dict[int, Rule], span: timedelta
) -> dict[int, Matches]:
    """What each rule matches."""
    found: dict[int, Matches] = {rule_id: Matches() for rule_id in stored}
    queries = [matcher.plan(rule_id).query for rule_id in stored if rule_id in matcher]
    if not queries:
        return found
    sieve = Sieve(queries)
    of_stories = any(map(asks_of_stories, queries))
    condition = history.text_condition(connection, sieve.texts)
    conditions = [] if condition is None else [condition]
    passed: list[int] = []
    for numbers, titles in history.titles(connection, utc_now() - span, conditions):
        passed += [numbers[at] for at in sieve.select(titles)]
    for at in range(0, len(passed), LOOKED_AT_ONCE):
        rows = history.details(connection, passed[at : at + LOOKED_AT_ONCE])
        stood = placed(connection, rows) if of_stories else {}
        for row in rows:
            seen_at = row["first_seen_at"]
            for hit in matcher.match(subject_of(row, seen_at, stood.get(row["id"]))):
                found[hit.rule_id].add(microseconds(seen_at), row["id"], row["story_id"])
    return found
