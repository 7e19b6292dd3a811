"""The outbox's rows: owed, claimed under a lease, settled; and what is known of channels."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from monitor.attempts import MAX_AHEAD, ChannelState
from monitor.messages import Message
from monitor.storage import bulk
from monitor.storage.messages import decode, encode
from monitor.storage.schema import channel_state, delivery

DETAIL_LENGTH = 500
_ORDER = (delivery.c.next_attempt_at, delivery.c.created_at, delivery.c.entry_id, delivery.c.id)
_FREE: dict[str, Any] = {"state": "pending", "claimed_by": None, "claimed_until": None}


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message that this worker may send, and how often that was tried before."""

    message: Message
    attempts: int


@dataclass(frozen=True, slots=True)
class Failure:
    """An attempt that failed: tried again at ``next_attempt_at``, or dead where that is None."""

    id: str
    detail: str
    next_attempt_at: datetime | None


def insert_many(
    connection: Connection, messages: Sequence[Message], now: datetime, kind: str = ""
) -> int:
    """Owe ``messages``, due at once; those whose id is known are left. Returns how many are new.

    ``kind`` is kept in place of the messages' own.
    """
    if not messages:
        return 0
    inserting = bulk.inserting(connection, delivery).on_conflict_do_nothing()
    statement = inserting.returning(delivery.c.id)
    rows = [
        {
            "id": message.id,
            "channel": message.channel,
            "rule": message.rule,
            "entry_id": message.entries[0].id if message.entries else None,
            "message": encode(message),
            "state": "pending",
            "attempts": 0,
            "created_at": message.created_at,
            "next_attempt_at": now,
            "detail": "",
            "kind": kind or message.kind,
        }
        for message in {message.id: message for message in messages}.values()
    ]
    return len(connection.execute(statement, rows).all())


def claim(
    connection: Connection,
    worker: str,
    channels: Collection[str],
    now: datetime,
    lease: timedelta,
    limit: int,
) -> list[Claimed]:
    """Take up to ``limit`` due messages of each of ``channels``: rules take turns, so that
    none with many keeps the others waiting, and of each the longest due come first.

    Nobody else gets them until the lease ends. Channels that are switched off give none.
    """
    due = _due(channels, now, lease)
    turn = sa.func.row_number().over(
        partition_by=(delivery.c.channel, delivery.c.rule), order_by=_ORDER
    )
    turns = sa.select(delivery.c.channel, *_ORDER, turn.label("turn")).where(due).subquery()
    place = sa.func.row_number().over(
        partition_by=turns.c.channel,
        order_by=(turns.c.turn, *(turns.c[column.name] for column in _ORDER)),
    )
    ranked = sa.select(turns.c.id, place.label("place")).subquery()
    first = sa.select(ranked.c.id).where(ranked.c.place <= limit)
    # PostgreSQL locks no rows of a window function: the query around it locks them, and
    # asks again whether they are due.
    locked = (
        sa.select(delivery.c.id)
        .where(delivery.c.id.in_(first), due)
        .with_for_update(skip_locked=True)
    )
    statement = (
        sa.update(delivery)
        .where(delivery.c.id.in_(locked.scalar_subquery()))
        .values(state="claimed", claimed_by=worker, claimed_until=now + lease)
        .returning(delivery.c.message, delivery.c.attempts, *_ORDER)
    )
    # In what order rows come back is the database's affair.
    rows = sorted(
        connection.execute(statement), key=lambda row: (row[2], row[3], row[4] or 0, row[5])
    )
    return [Claimed(decode(row.message), row.attempts) for row in rows]


def any_due(
    connection: Connection, channels: Collection[str], now: datetime, lease: timedelta
) -> bool:
    """Whether ``claim`` would find something: a read, which waits for no writer."""
    query = sa.select(delivery.c.id).where(_due(channels, now, lease)).limit(1)
    return connection.execute(query).first() is not None


def _due(channels: Collection[str], now: datetime, lease: timedelta) -> sa.ColumnElement[bool]:
    """Owed to a channel that is on, and its time has come.

    An instant further ahead than any clock of ours would have set counts as come.
    """
    time, lapse = delivery.c.next_attempt_at, delivery.c.claimed_until
    disabled = sa.select(channel_state.c.channel).where(channel_state.c.disabled_at.is_not(None))
    pending = sa.and_(delivery.c.state == "pending", sa.or_(time <= now, time > now + MAX_AHEAD))
    lapsed = sa.and_(
        delivery.c.state == "claimed", sa.or_(lapse <= now, lapse > now + lease + MAX_AHEAD)
    )
    return sa.and_(
        sa.or_(pending, lapsed),
        delivery.c.channel.in_(channels),
        delivery.c.channel.not_in(disabled),
    )


def settle_sent(connection: Connection, details: Mapping[str, str], now: datetime) -> None:
    """Mark messages as arrived (``id`` to the receiver's answer), whoever holds them now."""
    statement = (
        sa.update(delivery)
        .where(delivery.c.id == sa.bindparam("b_id"), delivery.c.state != "sent")
        .values(
            state="sent",
            attempts=delivery.c.attempts + 1,
            settled_at=now,
            claimed_by=None,
            claimed_until=None,
            detail=sa.bindparam("b_detail"),
        )
    )
    if details:
        rows = [{"b_id": key, "b_detail": short(text)} for key, text in details.items()]
        connection.execute(statement, rows)


def settle_failed(
    connection: Connection, worker: str, failures: Sequence[Failure], now: datetime
) -> None:
    """Write down failed attempts of messages that this worker still holds."""
    statement = (
        sa.update(delivery)
        .where(
            delivery.c.id == sa.bindparam("b_id"),
            delivery.c.state == "claimed",
            delivery.c.claimed_by == worker,
        )
        .values(
            state=sa.bindparam("b_state"),
            attempts=delivery.c.attempts + 1,
            next_attempt_at=sa.bindparam("b_next"),
            settled_at=sa.bindparam("b_settled"),
            claimed_by=None,
            claimed_until=None,
            detail=sa.bindparam("b_detail"),
        )
    )
    rows = [
        {
            "b_id": failure.id,
            "b_state": "dead" if failure.next_attempt_at is None else "pending",
            "b_next": failure.next_attempt_at or now,
            "b_settled": now if failure.next_attempt_at is None else None,
            "b_detail": short(failure.detail),
        }
        for failure in failures
    ]
    if rows:
        connection.execute(statement, rows)


def give_back(connection: Connection, worker: str, ids: Collection[str] | None = None) -> int:
    """End this worker's claims (those of ``ids``, else all), as if never made; returns how many."""
    statement = sa.update(delivery).where(
        delivery.c.state == "claimed", delivery.c.claimed_by == worker
    )
    if ids is not None:
        statement = statement.where(delivery.c.id.in_(ids))
    return connection.execute(statement.values(**_FREE)).rowcount


def release_others(connection: Connection, worker: str) -> int:
    """End the claims of every other worker: for a daemon that has just become the only one."""
    statement = sa.update(delivery).where(
        delivery.c.state == "claimed", delivery.c.claimed_by != worker
    )
    return connection.execute(statement.values(**_FREE)).rowcount


def retry(connection: Connection, number: str, now: datetime) -> bool:
    """Owe a dead message again under its old id, all attempts before it; False: none is dead."""
    statement = sa.update(delivery).where(delivery.c.id == number, delivery.c.state == "dead")
    values = {"state": "pending", "attempts": 0, "next_attempt_at": now, "settled_at": None}
    return connection.execute(statement.values(values)).rowcount > 0


def list_by_state(
    connection: Connection, state: str | None = None, limit: int = 50
) -> list[RowMapping]:
    """The newest deliveries with all their columns, of one state or of any."""
    query = sa.select(delivery).order_by(delivery.c.created_at.desc(), delivery.c.id).limit(limit)
    if state is not None:
        query = query.where(delivery.c.state == state)
    return list(connection.execute(query).mappings())


def counts(connection: Connection) -> dict[str, int]:
    """How many deliveries there are in each state; states without any are left out."""
    query = sa.select(delivery.c.state, sa.func.count()).group_by(delivery.c.state)
    return {row[0]: row[1] for row in connection.execute(query)}


def waiting(connection: Connection) -> dict[str, int]:
    """How many messages each channel still owes."""
    owed = sa.select(delivery.c.channel, sa.func.count()).group_by(delivery.c.channel)
    query = owed.where(delivery.c.state.in_(("pending", "claimed")))
    return {row[0]: row[1] for row in connection.execute(query)}


# channels


def channels_known(
    connection: Connection, names: Collection[str] | None = None
) -> dict[str, ChannelState]:
    """What is known of channels, of all or of ``names``; those without trouble are left out."""
    query = sa.select(channel_state)
    if names is not None:
        query = query.where(channel_state.c.channel.in_(names))
    return {
        row["channel"]: ChannelState(row["failing_since"], row["disabled_at"], row["reason"])
        for row in connection.execute(query).mappings()
    }


def channel_states(connection: Connection) -> dict[str, str]:
    """What is known of the channels that do not simply work, in words."""
    return {
        name: f"disabled: {state.reason}"
        if state.disabled_at
        else f"failing since {state.failing_since:%Y-%m-%d %H:%M} UTC: {state.reason}"
        for name, state in channels_known(connection).items()
    }


def set_channels(connection: Connection, states: Mapping[str, ChannelState]) -> None:
    """Write what is known of channels; one without trouble loses its row."""
    names = list(states)
    connection.execute(sa.delete(channel_state).where(channel_state.c.channel.in_(names)))
    rows = [
        {"channel": name, **asdict(state), "reason": short(state.reason)}
        for name, state in states.items()
        if state.failing_since or state.disabled_at
    ]
    if rows:
        connection.execute(sa.insert(channel_state), rows)


def enable(connection: Connection, name: str) -> bool:
    """Forget a channel's trouble: what it owes is due again. False when it had none."""
    statement = sa.delete(channel_state).where(channel_state.c.channel == name)
    return connection.execute(statement).rowcount > 0


def short(text: str) -> str:
    """``text`` as a column can hold it: one line without NUL, at most 500 characters."""
    clean = text.encode("utf-8", "replace").decode("utf-8").replace("\x00", "")
    return " ".join(clean.split())[:DETAIL_LENGTH]
