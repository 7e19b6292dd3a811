"""Digests: what was held and is due becomes one message, in one transaction.

Whatever ends the program before that commits leaves everything held; a digest is never
made twice, and nothing is in two of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy.engine import Connection

from monitor.alerts import after_quiet, message_id
from monitor.caps import WINDOWS_S
from monitor.manners import Cap, Quiet
from monitor.messages import AlertEntry, Message, RuleCount
from monitor.rulebook import RuleBook
from monitor.storage import Database, corrections, deliveries, entries, rules, telling
from monitor.storage.telling import Group
from monitor.telemetry import logger

log = logger("digest")


def release_due(
    database: Database,
    rule_book: Callable[[Connection], RuleBook],
    now: Callable[[], datetime],
) -> int:
    """Make every digest that is due; returns how many. Raises StorageError."""
    if not database.look(lambda connection: telling.any_due(connection, now())):
        return 0
    book = database.look(rule_book)
    made = 0

    def work(connection: Connection) -> int | None:
        entries.one_at_a_time(connection)
        return _release_one(connection, book, now())

    while (done := database.run(work)) is not None:
        made += done
    return made


def _release_one(connection: Connection, book: RuleBook, now: datetime) -> int | None:
    """Make the digest that has been due for longest, or let it wait for room: 1 or 0.

    None when nothing is due.
    """
    group = telling.first_due(connection, now)
    if group is None:
        return None
    if _hush(connection, group, book, now):
        return 0
    room_at = _room_at(connection, group, book, now)
    if room_at is not None:
        telling.postpone(connection, group, room_at, now)
        return 0
    # What came late was not in it, if it was made before a backup was restored.
    number = message_id(
        *("digest", group.channel, group.release_at.isoformat(), str(group.first_id)),
        *telling.latecomers(connection, group),
    )
    total = telling.take(connection, group, number)
    if not total:
        return 0
    deliveries.insert_many(connection, [_compose(connection, group, number, total, now)], now)
    log.info("a digest of %d headlines for channel %s", total, group.channel)
    return 1


def _hush(connection: Connection, group: Group, book: RuleBook, now: datetime) -> bool:
    """Let wait what would come in its rule's quiet hours, or while it is snoozed; whether there
    was any.

    It was not to come then when it was held; but this machine slept, the hours were
    changed, or the rule was snoozed or woken since.
    """
    late: dict[tuple[datetime, bool], list[str]] = {}
    for rule in telling.rules_in(connection, group):
        wakes_at = book.wakes_at(rule)
        awake_at = max(now, wakes_at or now)
        loud_at = after_quiet(awake_at, _quiet_of(rule, book), book.house.zone)
        if loud_at > now:
            late.setdefault((loud_at, awake_at > now), []).append(rule)
    for (loud_at, asleep), names in late.items():
        telling.postpone(connection, group, loud_at, now, names, asleep=asleep)
    return bool(late)


def _quiet_of(rule: str, book: RuleBook) -> Quiet | None:
    """The hours in which a rule is not heard; those of the house where it is gone."""
    manners = book.manners_of(rule)
    if manners is None:
        return book.house.quiet
    return None if manners.urgent else manners.quiet


def _room_at(
    connection: Connection, group: Group, book: RuleBook, now: datetime
) -> datetime | None:
    """None when the digest fits under the caps, else when there may be room."""
    manners = book.manners_of(group.lane)
    checks: list[tuple[str | None, Sequence[Cap]]] = [
        (None, book.house.caps.get(group.channel, ()))
    ]
    if manners is not None:
        checks.append((group.lane, manners.caps))
    if not any(caps for _, caps in checks):
        return None
    usage = telling.usage(connection, [group.channel], now, WINDOWS_S[-1])
    found = [usage.room_at(group.channel, rule, caps, now) for rule, caps in checks]
    return max((at for at in found if at is not None), default=None)


def _compose(
    connection: Connection, group: Group, number: str, total: int, now: datetime
) -> Message:
    shares = telling.shares(connection, number)
    queries = rules.queries(connection, [(share.rule, share.version) for share in shares])
    counts = tuple(
        RuleCount(
            share.rule, share.version, queries.get((share.rule, share.version), ""), share.total
        )
        for share in shares
    )
    only = counts[0] if len(counts) == 1 else None
    return Message(
        id=number,
        rule=only.rule if only else "",
        query=only.query if only else "",
        channel=group.channel,
        created_at=now,
        entries=_put_right(connection, telling.listed(connection, number)),
        digest=True,
        total=total,
        counts=counts,
    )


def _put_right(connection: Connection, listed: Sequence[AlertEntry]) -> tuple[AlertEntry, ...]:
    """What a person said of a section since the entry was held counts."""
    said = corrections.said_of(connection, [each.id for each in listed])
    return tuple(
        replace(each, section=said[each.id], unsure=False) if each.id in said else each
        for each in listed
    )
