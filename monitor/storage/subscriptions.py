"""Subscriptions of sources to hubs (WebSub): what was asked, until when it is granted."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from monitor.storage import bulk, moments
from monitor.storage.schema import microseconds, source, subscription
from monitor.types import HubLink, SourceState

# ``asked`` until the hub has verified it; ``denied`` by the hub, and asked again much later.
WANTED, ASKED, ACTIVE, DENIED = "wanted", "asked", "active", "denied"
_TOKEN_BYTES = 24
GAP = timedelta(seconds=10)  # between two looks that pushes ask for
LONGEST_LEASE = timedelta(days=30)
AGAIN_AFTER_DENIAL = timedelta(days=7)
_ASKED_AHEAD = timedelta(hours=27)  # the longest wait of all others
_CALLBACKS = "hub callbacks"


def note(connection: Connection, found: Mapping[int, HubLink], now: datetime) -> None:
    """Want a subscription for each source whose feed names a hub; a new hub or topic replaces
    the old subscription, whose address then answers no more."""
    if not found:
        return
    query = sa.select(subscription.c.source_id, subscription.c.hub, subscription.c.topic).where(
        bulk.among(connection, subscription.c.source_id, list(found))
    )
    known = {number: HubLink(hub, topic) for number, hub, topic in connection.execute(query)}
    fresh = [number for number, link in found.items() if known.get(number) != link]
    if not fresh:
        return
    connection.execute(
        sa.delete(subscription).where(bulk.among(connection, subscription.c.source_id, fresh))
    )
    connection.execute(sa.insert(subscription), [_wanted(each, found[each], now) for each in fresh])


def _wanted(source_id: int, link: HubLink, now: datetime) -> dict[str, object]:
    return {
        "source_id": source_id,
        "hub": link.hub,
        "topic": link.topic,
        "token": secrets.token_urlsafe(_TOKEN_BYTES),
        "secret": secrets.token_urlsafe(_TOKEN_BYTES),
        "state": WANTED,
        "next_at": now,
        "failures": 0,
    }


def due(connection: Connection, now: datetime, limit: int) -> Sequence[RowMapping]:
    """Subscriptions to ask for, first or again, of sources that are watched; also those that
    only a clock that was wrong can have put so far off."""
    query = (
        sa.select(subscription)
        .join(source, source.c.id == subscription.c.source_id)
        .where(
            sa.or_(subscription.c.next_at <= now, _is_absurd(now)),
            source.c.state == SourceState.ACTIVE,
        )
        .order_by(subscription.c.next_at, subscription.c.source_id)
        .limit(limit)
    )
    return connection.execute(query).mappings().all()


def _is_absurd(now: datetime) -> sa.ColumnElement[bool]:
    ahead = sa.type_coerce(subscription.c.next_at, sa.BigInteger) - microseconds(now)
    allowed_s = sa.case(
        (subscription.c.state == ACTIVE, LONGEST_LEASE.total_seconds()),
        (subscription.c.state == DENIED, (AGAIN_AFTER_DENIAL + GAP).total_seconds()),
        else_=_ASKED_AHEAD.total_seconds(),
    )
    return ahead > allowed_s * 1e6


def answer_at(connection: Connection, base: int, now: datetime) -> None:
    """Hubs are to call below the address that ``base`` stands for: when it was another, or is
    not known, all are asked again."""
    if moments.number(connection, _CALLBACKS) == base:
        return
    moments.keep(connection, _CALLBACKS, base)
    connection.execute(
        sa.update(subscription).where(subscription.c.next_at > now).values(next_at=now)
    )


def by_token(connection: Connection, token: str) -> RowMapping | None:
    """The subscription whose address holds ``token``."""
    query = sa.select(subscription).where(subscription.c.token == token)
    return connection.execute(query).mappings().first()


def change(
    connection: Connection, token: str, *, unless_moved: datetime | None = None, **values: object
) -> bool:
    """Set some columns of the subscription with ``token``; whether there is one still, and, where
    ``unless_moved`` is given, whether it comes due at that instant still."""
    statement = sa.update(subscription).where(subscription.c.token == token)
    if unless_moved is not None:
        statement = statement.where(subscription.c.next_at == unless_moved)
    return connection.execute(statement.values(**values)).rowcount > 0


def is_noted(connection: Connection, token: str, now: datetime) -> bool:
    """Whether a push came just before this one, and its source was not begun to be read since:
    what it will read then holds the news of both."""
    query = sa.select(subscription.c.pushed_at).where(
        subscription.c.token == token, subscription.c.state == ACTIVE
    )
    pushed_at: datetime | None = connection.execute(query).scalar()
    return pushed_at is not None and now - GAP < pushed_at <= now


def pushed(connection: Connection, token: str, now: datetime) -> bool:
    """Note a push; false for a subscription that its hub has not verified, or that is gone. Its
    source is due at once, wherever its rhythm had it; but not one that fails, which may have been
    told to wait, and none again within seconds."""
    mine = sa.select(subscription.c.source_id).where(
        subscription.c.token == token, subscription.c.state == ACTIVE
    )
    source_id = connection.execute(mine).scalar()
    if source_id is None:
        return False
    # First, as polls do: what is being polled is settled before this or after it, never between.
    connection.execute(sa.select(source.c.id).where(source.c.id == source_id).with_for_update())
    change(connection, token, pushed_at=now)
    _make_due(connection, source.c.id == source_id, now)
    return True


def answer(connection: Connection, source_ids: Sequence[int]) -> None:
    """These sources are about to be read: older pushes are answered by that."""
    connection.execute(
        sa.update(subscription)
        .where(
            subscription.c.pushed_at.is_not(None),
            bulk.among(connection, subscription.c.source_id, source_ids),
        )
        .values(pushed_at=None)
    )


def repeat(connection: Connection, source_ids: Sequence[int], now: datetime) -> None:
    """These sources were read: those that were pushed meanwhile are due again."""
    meanwhile = sa.select(subscription.c.source_id).where(
        subscription.c.pushed_at.is_not(None),
        bulk.among(connection, subscription.c.source_id, source_ids),
    )
    _make_due(connection, source.c.id.in_(meanwhile), now)


def _make_due(connection: Connection, which: sa.ColumnElement[bool], now: datetime) -> None:
    looked_at = source.c.last_fetch_at > now - GAP
    instant = source.c.next_fetch_at.type
    at = sa.case((looked_at, sa.literal(now + GAP, instant)), else_=sa.literal(now, instant))
    connection.execute(
        sa.update(source)
        .where(
            which,
            source.c.state == SourceState.ACTIVE,
            source.c.failures == 0,
            source.c.next_fetch_at > at,
        )
        .values(next_fetch_at=at)
    )


def counts(connection: Connection, now: datetime) -> dict[str, int]:
    """How many there are in each state; a lease that ran out is no longer active."""
    lapsed = sa.and_(subscription.c.state == ACTIVE, subscription.c.lease_ends_at <= now)
    state = sa.case((lapsed, ASKED), else_=subscription.c.state)
    query = sa.select(state, sa.func.count()).group_by(state)
    return {name: int(number) for name, number in connection.execute(query)}
