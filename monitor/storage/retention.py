"""What is forgotten: old entries in small batches, their marks much later."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from monitor.storage.database import Database
from monitor.storage.schema import (
    delivery,
    entry,
    held,
    microseconds,
    seen,
    source,
    story,
    told,
    used_link,
)

DAY_MICROSECONDS = 86_400_000_000
AT_ONCE = 500
MARKS_AT_ONCE = 5_000  # they are small, and found by looking at all
# A story can be joined for so long (monitor.storybook.WINDOW): one that went before would be told
# again. What is to stay for ever stays for a hundred years: no instant is older.
STORY_DAYS, MOST_DAYS = 3, 36_500
# A mark is written anew when it is a week old: those of one reading are no further apart, in days.
LAST_READ = 8
Deletion = Callable[[Connection, datetime, int, int], int]


def forget(
    database: Database,
    now: Callable[[], datetime],
    days: int,
    tombstone_days: int,
    go_on: Callable[[], bool],
) -> None:
    """Delete all that is too old, in batches so small that nobody waits long to write.

    Returns when nothing is left, or ``go_on`` says no. Raises StorageError.
    """
    for delete, age, many in (
        (delete_entries, days, AT_ONCE),
        (delete_stories, days, AT_ONCE),
        (delete_deliveries, days, AT_ONCE),
        (delete_held, days, AT_ONCE),
        (delete_told, tombstone_days, AT_ONCE),
        (delete_used_links, 0, AT_ONCE),
        (delete_marks, tombstone_days, MARKS_AT_ONCE),
    ):

        def batch(
            connection: Connection, delete: Deletion = delete, age: int = age, many: int = many
        ) -> int:
            return delete(connection, now(), min(age, MOST_DAYS), many)

        while go_on() and database.run(batch) == many:
            pass


def delete_entries(connection: Connection, now: datetime, days: int, limit: int) -> int:
    """Delete up to ``limit`` entries older than their source's retention (else ``days``).

    An entry that an alert still owes stays. ``seen`` keeps its keys, so that an old item
    that is still in its feed does not come back as news. Returns how many went.
    """
    owed = sa.select(delivery.c.entry_id).where(
        delivery.c.state.in_(("pending", "claimed")), delivery.c.entry_id.is_not(None)
    )
    wanted = sa.func.coalesce(source.c.retention_days, days)
    days_kept = sa.case((wanted > MOST_DAYS, MOST_DAYS), else_=wanted)
    kept_for = sa.cast(days_kept, sa.BigInteger) * DAY_MICROSECONDS
    age = microseconds(now) - sa.type_coerce(entry.c.first_seen_at, sa.BigInteger)
    old = (
        sa.select(entry.c.id)
        .join(source, source.c.id == entry.c.source_id)
        .where(age > kept_for, entry.c.id.not_in(owed))
        .limit(limit)
    )
    return connection.execute(sa.delete(entry).where(entry.c.id.in_(old))).rowcount


def delete_marks(connection: Connection, now: datetime, days: int, limit: int) -> int:
    """Delete up to ``limit`` marks that no poll has met for ``days``; returns how many.

    A document that did not change is not read again, so that its marks age while it lists
    them: what was met when the source was last read stays.
    """
    key = sa.tuple_(seen.c.source_id, seen.c.key)
    met = sa.type_coerce(seen.c.seen_at, sa.BigInteger)
    read = sa.select(seen.c.source_id, sa.func.max(met).label("at")).group_by(seen.c.source_id)
    last = read.subquery()
    old = (
        sa.select(seen.c.source_id, seen.c.key)
        .join(last, last.c.source_id == seen.c.source_id)
        .where(
            seen.c.seen_at < now - timedelta(days=days),
            met < last.c.at - LAST_READ * DAY_MICROSECONDS,
        )
        .limit(limit)
    )
    return connection.execute(sa.delete(seen).where(key.in_(old))).rowcount


def delete_stories(connection: Connection, now: datetime, days: int, limit: int) -> int:
    """Delete up to ``limit`` stories that nobody told for ``days`` and that have no entry left.

    What another portal may still tell stays for as long.
    """
    days = max(days, STORY_DAYS)
    told = sa.exists().where(entry.c.story_id == story.c.id)
    old = (
        sa.select(story.c.id)
        .where(story.c.last_seen_at < now - timedelta(days=days), ~told)
        .limit(limit)
    )
    return connection.execute(sa.delete(story).where(story.c.id.in_(old))).rowcount


def delete_deliveries(connection: Connection, now: datetime, days: int, limit: int) -> int:
    """Delete up to ``limit`` settled deliveries older than ``days``; returns how many."""
    old = (
        sa.select(delivery.c.id)
        .where(
            delivery.c.state.in_(("sent", "dead")),
            delivery.c.settled_at < now - timedelta(days=days),
        )
        .limit(limit)
    )
    return connection.execute(sa.delete(delivery).where(delivery.c.id.in_(old))).rowcount


def delete_held(connection: Connection, now: datetime, days: int, limit: int) -> int:
    """Delete up to ``limit`` rows older than ``days`` whose digest is forgotten; returns how many.

    They say which rules a digest is about, which may be owed for longer.
    """
    kept = sa.exists().where(delivery.c.id == held.c.digest)
    old = (
        sa.select(held.c.id)
        .where(held.c.digest.is_not(None), held.c.release_at < now - timedelta(days=days), ~kept)
        .limit(limit)
    )
    return connection.execute(sa.delete(held).where(held.c.id.in_(old))).rowcount


def delete_told(connection: Connection, now: datetime, days: int, limit: int) -> int:
    """Delete up to ``limit`` notes of what was told, untouched for ``days``, of stories that are
    forgotten: what joins one that goes on is no news. Returns how many."""
    key = sa.tuple_(told.c.rule, told.c.story)
    known = sa.exists().where(story.c.id == told.c.story)
    old = (
        sa.select(told.c.rule, told.c.story)
        .where(told.c.last_at < now - timedelta(days=days), ~known)
        .limit(limit)
    )
    return connection.execute(sa.delete(told).where(key.in_(old))).rowcount


def delete_used_links(connection: Connection, now: datetime, days: int, limit: int) -> int:
    """Delete up to ``limit`` marks of used links, ``days`` after the links have expired."""
    old = (
        sa.select(used_link.c.mark)
        .where(used_link.c.expires_at < now - timedelta(days=days))
        .limit(limit)
    )
    return connection.execute(sa.delete(used_link).where(used_link.c.mark.in_(old))).rowcount
