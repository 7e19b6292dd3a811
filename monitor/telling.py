"""The alerts of a poll's transaction: what is known is read, decided on, and written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.engine import Connection

from monitor import alerts
from monitor.alerts import Case, Knowledge, TellingKey, Told
from monitor.messages import AlertEntry
from monitor.rulebook import RuleBook
from monitor.storage import deliveries, telling
from monitor.types import Hit


@dataclass(frozen=True, slots=True)
class Standing:
    """A loud entry of the poll, what it matched, and how hot its story is now."""

    entry: AlertEntry
    hits: Sequence[Hit] = ()
    heat: float = 0.0
    revised: bool = False


def tell(
    connection: Connection, standings: Sequence[Standing], book: RuleBook, now: datetime
) -> int:
    """Owe what ``standings`` ask for; returns how many messages are new."""
    cases = [
        _case(book, hit.rule_id, standing, hit.spans)
        for standing in standings
        for hit in standing.hits
    ]
    touched = standings if book.is_escalating else ()
    stories = {case.entry.story_id for case in cases}
    stories |= {standing.entry.story_id for standing in touched}
    if not stories:
        return 0
    told = telling.known(connection, stories)
    grown = _grown(touched, cases, told, book)
    knowledge = _look(connection, [*cases, *grown], stories, told, book, now)
    desk = alerts.decide(cases, grown, knowledge, book.house, now)
    telling.save(connection, desk.told.values())
    telling.hold(connection, desk.held, now)
    return deliveries.insert_many(connection, desk.messages, now)


def _case(
    book: RuleBook, rule_id: int, standing: Standing, spans: Sequence[tuple[int, int]] = ()
) -> Case:
    rule = book.rules[rule_id]
    entry = replace(standing.entry, spans=tuple(spans), rule=rule.name, rule_version=rule.version)
    return Case(rule, book.manners[rule_id], entry, standing.heat, standing.revised)


def _grown(
    touched: Sequence[Standing],
    cases: Sequence[Case],
    told: Mapping[TellingKey, Told],
    book: RuleBook,
) -> list[Case]:
    """The told stories of escalating rules that something has joined, as they stand now."""
    newest = {standing.entry.story_id: standing for standing in touched}
    pairs = {*told, *((case.rule.name, case.entry.story_id) for case in cases)}
    return [
        _case(book, book.ids[name], newest[story])
        for name, story in sorted(pairs)
        if story in newest and name in book.ids and book.manners[book.ids[name]].escalation
    ]


def _look(
    connection: Connection,
    cases: Sequence[Case],
    stories: set[int],
    told: Mapping[TellingKey, Told],
    book: RuleBook,
    now: datetime,
) -> Knowledge:
    muted = telling.muted_among(connection, stories)
    # Channels of capped rules, and capped channels: who caps nothing pays nothing.
    capped: dict[str, int] = {}
    for case in cases:
        for channel in case.rule.channels:
            for cap in (*case.manners.caps, *book.house.caps.get(channel, ())):
                capped[channel] = max(cap.window_s, capped.get(channel, 0))
    if not capped:
        return Knowledge(told=told, muted=muted)
    return Knowledge(
        told=told,
        muted=muted,
        usage=telling.usage(connection, list(capped), now, max(capped.values())),
        waiting=telling.waiting(connection, list(capped)),
    )
