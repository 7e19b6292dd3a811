"""The ledger: every attempt of every delivery, and what waits to be told."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from monitor.attempts import MAX_AHEAD, WAITS_S
from monitor.errors import NotFound
from monitor.storage import bulk
from monitor.storage.schema import attempt, delivery, held, microseconds

READ_AT_ONCE = 500
_ATTEMPT = ("delivery_id", "number", "ended_at", "outcome", "detail", "next_attempt_at")


@dataclass(frozen=True, slots=True)
class Attempt:
    """How one attempt ended: sent, retry (again at ``next_attempt_at``) or dead."""

    delivery_id: str
    number: int
    outcome: str
    detail: str
    next_attempt_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which deliveries to list; None leaves a condition out."""

    state: str | None = None
    rule: str | None = None
    channel: str | None = None
    since: datetime | None = None
    limit: int | None = 50


def record(connection: Connection, attempts: Sequence[Attempt], now: datetime) -> None:
    """Write attempts down; those of deliveries that are gone are left out."""
    names = {each.delivery_id for each in attempts}
    there = set(connection.scalars(sa.select(delivery.c.id).where(delivery.c.id.in_(names))))
    rows = [
        (
            each.delivery_id, each.number, microseconds(now), each.outcome, each.detail,
            each.next_attempt_at and microseconds(each.next_attempt_at),
        )
        for each in attempts
        if each.delivery_id in there
    ]  # fmt: skip
    bulk.insert(connection, attempt, _ATTEMPT, rows)


def tried(
    connection: Connection, channels: Collection[str], since: datetime, until: datetime
) -> set[str]:
    """Those of ``channels`` by which something was tried between two instants."""
    if not channels:
        return set()
    query = (
        sa.select(delivery.c.channel)
        .join(attempt, attempt.c.delivery_id == delivery.c.id)
        .where(
            delivery.c.channel.in_(channels),
            # Nothing is tried for longer, but what a person wants tried again.
            delivery.c.created_at > since - MAX_AHEAD * len(WAITS_S),
            attempt.c.ended_at > since,
            attempt.c.ended_at <= until,
        )
        .distinct()
    )
    return set(connection.scalars(query))


def attempts_of(connection: Connection, number: str) -> list[RowMapping]:
    """The attempts of a delivery, the first one first."""
    columns = [column for column in attempt.c if column.name not in {"id", "delivery_id"}]
    query = sa.select(*columns).where(attempt.c.delivery_id == number).order_by(attempt.c.id)
    return list(connection.execute(query).mappings())


def get(connection: Connection, number: str) -> RowMapping:
    """A delivery with all its columns. Raises NotFound."""
    row = connection.execute(sa.select(delivery).where(delivery.c.id == number)).mappings().first()
    if row is None:
        raise NotFound(f"no delivery is called {number[:60]!r}: 'headlines alerts list' shows them")
    return row


def newest(connection: Connection, wanted: Wanted) -> Iterator[RowMapping]:
    """The deliveries that ``wanted`` describes, newest first, read a part at a time."""
    query = sa.select(delivery)
    if wanted.rule is not None:  # a digest of several rules is each one's
        in_digests = sa.select(held.c.digest).where(
            held.c.rule == wanted.rule, held.c.digest.is_not(None)
        )
        query = query.where(sa.or_(delivery.c.rule == wanted.rule, delivery.c.id.in_(in_digests)))
    for column, value in (
        (delivery.c.state, wanted.state),
        (delivery.c.channel, wanted.channel),
    ):
        if value is not None:
            query = query.where(column == value)
    if wanted.since is not None:
        query = query.where(delivery.c.created_at >= wanted.since)
    yield from _in_parts(connection, query, delivery.c.created_at, delivery.c.id, wanted.limit)


def names(connection: Connection, what: str, name: str) -> bool:
    """Whether anything was or is owed by a ``rule``, or to a ``channel``, of that name."""
    return any(
        connection.scalar(sa.select(sa.exists().where(table.c[what] == name)))
        for table in (delivery, held)
    )


def waiting(connection: Connection, wanted: Wanted) -> Iterator[RowMapping]:
    """What is held and in no digest yet, newest first, read a part at a time."""
    query = sa.select(held).where(held.c.digest.is_(None))
    for column, value in ((held.c.rule, wanted.rule), (held.c.channel, wanted.channel)):
        if value is not None:
            query = query.where(column == value)
    if wanted.since is not None:
        query = query.where(held.c.held_at >= wanted.since)
    yield from _in_parts(connection, query, held.c.held_at, held.c.id, wanted.limit)


def _in_parts(
    connection: Connection,
    query: sa.Select[Any],
    at: sa.ColumnElement[Any],
    number: sa.ColumnElement[Any],
    limit: int | None,
) -> Iterator[RowMapping]:
    ordered = query.order_by(at.desc(), number.desc())
    left = limit
    last: RowMapping | None = None
    while left is None or left > 0:
        size = READ_AT_ONCE if left is None else min(left, READ_AT_ONCE)
        part = ordered.limit(size)
        if last is not None:
            place = (sa.literal(last[at.name], at.type), sa.literal(last[number.name], number.type))
            part = part.where(sa.tuple_(at, number) < sa.tuple_(*place))
        rows = list(connection.execute(part).mappings())
        yield from rows
        if len(rows) < size:
            return
        last = rows[-1]
        left = None if left is None else left - size
