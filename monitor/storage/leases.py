"""Who is the daemon: one row that its holder renews, and that others may take when it lapses."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from monitor.storage import bulk
from monitor.storage.schema import lease


def take(
    connection: Connection, name: str, holder: str, now: datetime, length: timedelta
) -> str | None:
    """Take or renew a lease: None when ``holder`` has it, else who does.

    A lease that ends further ahead than any holder would set was written under another
    clock and counts as lapsed.
    """
    statement = bulk.inserting(connection, lease).values(
        name=name, holder=holder, until=now + length
    )
    statement = statement.on_conflict_do_update(
        index_elements=[lease.c.name],
        set_={"holder": holder, "until": now + length},
        where=sa.or_(
            lease.c.holder == holder, lease.c.until <= now, lease.c.until > now + 4 * length
        ),
    )
    connection.execute(statement)
    found = connection.execute(sa.select(lease.c.holder).where(lease.c.name == name)).scalar_one()
    return None if found == holder else str(found)


def drop(connection: Connection, name: str, holder: str) -> None:
    """Give the lease up, if it is ours."""
    connection.execute(sa.delete(lease).where(lease.c.name == name, lease.c.holder == holder))


def holder(connection: Connection, name: str, now: datetime) -> str | None:
    """Who holds a lease at ``now``; None when nobody does."""
    statement = sa.select(lease.c.holder).where(lease.c.name == name, lease.c.until > now)
    found: str | None = connection.execute(statement).scalar()
    return found
