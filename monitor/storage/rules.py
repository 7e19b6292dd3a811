"""Rules as stored, with a version that changes whenever one of them does."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from monitor.errors import NotFound, UsageError
from monitor.storage.schema import counter, rule
from monitor.types import Rule


def version(connection: Connection) -> int:
    """A number that every change of a rule raises: a daemon compiles rules only then."""
    found = connection.execute(sa.select(counter.c.value).where(counter.c.name == "rules")).scalar()
    return int(found or 0)


def list_all(connection: Connection) -> list[Rule]:
    """Every rule, in the order they were added."""
    rows = connection.execute(sa.select(rule).order_by(rule.c.id)).mappings()
    return [
        Rule(row["id"], row["name"], row["query"], tuple(row["channels"]), row["enabled"])
        for row in rows
    ]


def add(
    connection: Connection, name: str, query: str, channels: Sequence[str], now: datetime
) -> None:
    """Store a rule. Raises UsageError when the name is taken."""
    taken = sa.select(rule.c.id).where(rule.c.name == name)
    if connection.execute(taken).first():
        raise UsageError(f"there is a rule {name!r} already: 'headlines rules remove' it first")
    connection.execute(
        sa.insert(rule).values(
            name=name, query=query, channels=list(channels), enabled=True, created_at=now
        )
    )
    _touch(connection)


def remove(connection: Connection, name: str) -> None:
    """Delete a rule; what it already owes is still delivered. Raises NotFound."""
    if not connection.execute(sa.delete(rule).where(rule.c.name == name)).rowcount:
        raise NotFound(f"no rule is called {name!r}: 'headlines rules list' shows them")
    _touch(connection)


def _touch(connection: Connection) -> None:
    raised = sa.update(counter).where(counter.c.name == "rules").values(value=counter.c.value + 1)
    if not connection.execute(raised).rowcount:
        connection.execute(sa.insert(counter).values(name="rules", value=1))
