"""Rules as stored, with a version that changes whenever one of them does."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from monitor.errors import NotFound, UsageError
from monitor.storage.schema import counter, rule, rule_version
from monitor.types import Rule, RuleOptions

_OPTIONS = {item.name for item in fields(RuleOptions)}


def version(connection: Connection) -> int:
    """A number that every change of a rule raises: a daemon compiles rules only then."""
    found = connection.execute(sa.select(counter.c.value).where(counter.c.name == "rules")).scalar()
    return int(found or 0)


def list_all(connection: Connection) -> list[Rule]:
    """Every rule, in the order they were added."""
    rows = connection.execute(sa.select(rule).order_by(rule.c.id)).mappings()
    return [from_row(row) for row in rows]


def from_row(row: RowMapping) -> Rule:
    """A row of the table as the record that flows."""
    return Rule(
        id=row["id"],
        name=row["name"],
        query=row["query"],
        channels=tuple(row["channels"]),
        enabled=row["enabled"],
        options=decode_options(row["options"]),
        version=row["version"],
        snoozed_until=row["snoozed_until"],
    )


def decode_options(document: Mapping[str, Any]) -> RuleOptions:
    """Options as stored; what only another program knows is left out."""
    known = {name: value for name, value in document.items() if name in _OPTIONS}
    return RuleOptions(**{**known, "caps": tuple(known.get("caps", ()))})


def get(connection: Connection, name: str) -> Rule:
    """The rule of that name. Raises NotFound."""
    row = connection.execute(sa.select(rule).where(rule.c.name == name)).mappings().first()
    if row is None:
        raise NotFound(f"no rule is called {name!r}: 'headlines rules list' shows them")
    return from_row(row)


def add(
    connection: Connection,
    name: str,
    query: str,
    channels: Sequence[str],
    now: datetime,
    options: RuleOptions | None = None,
) -> None:
    """Store a rule. Raises UsageError when the name is taken."""
    taken = sa.select(rule.c.id).where(rule.c.name == name)
    if connection.execute(taken).first():
        raise UsageError(f"there is a rule {name!r} already: 'headlines rules edit' changes it")
    # A name may come back: its versions go on where they ended.
    version = _last_version(connection, name) + 1
    connection.execute(
        sa.insert(rule).values(
            name=name, query=query, channels=list(channels), enabled=True, created_at=now,
            options=asdict(options or RuleOptions()), version=version,
        )
    )  # fmt: skip
    _record(connection, name, version, query, now)
    _touch(connection)


def change(connection: Connection, changed: Rule, now: datetime) -> None:
    """Store ``changed`` in place of the rule of its number, as its next version."""
    version = changed.version + 1
    connection.execute(
        sa.update(rule)
        .where(rule.c.id == changed.id)
        .values(
            query=changed.query, channels=list(changed.channels), enabled=changed.enabled,
            options=asdict(changed.options), version=version,
        )
    )  # fmt: skip
    _record(connection, changed.name, version, changed.query, now)
    _touch(connection)


def snooze(connection: Connection, name: str, until: datetime | None) -> None:
    """Hold what a rule matches until an instant; None ends that. Raises NotFound."""
    statement = sa.update(rule).where(rule.c.name == name).values(snoozed_until=until)
    if not connection.execute(statement).rowcount:
        raise NotFound(f"no rule is called {name!r}: 'headlines rules list' shows them")
    _touch(connection)


def queries(
    connection: Connection, wanted: Collection[tuple[str, int]]
) -> dict[tuple[str, int], str]:
    """The queries of rules in a certain version; those that nobody knows are left out."""
    names = {name for name, _ in wanted}
    found = sa.select(rule_version.c.rule, rule_version.c.version, rule_version.c.query).where(
        rule_version.c.rule.in_(names),
        rule_version.c.version.in_({version for _, version in wanted}),
    )
    rows = {(row.rule, row.version): row.query for row in connection.execute(found)}
    return {key: rows[key] for key in wanted if key in rows}


def _last_version(connection: Connection, name: str) -> int:
    last = sa.select(sa.func.max(rule_version.c.version)).where(rule_version.c.rule == name)
    return int(connection.execute(last).scalar() or 0)


def _record(connection: Connection, name: str, version: int, query: str, now: datetime) -> None:
    connection.execute(
        sa.insert(rule_version).values(rule=name, version=version, query=query, changed_at=now)
    )


def remove(connection: Connection, name: str) -> None:
    """Delete a rule; what it already owes is still delivered. Raises NotFound."""
    if not connection.execute(sa.delete(rule).where(rule.c.name == name)).rowcount:
        raise NotFound(f"no rule is called {name!r}: 'headlines rules list' shows them")
    _touch(connection)


def _touch(connection: Connection) -> None:
    raised = sa.update(counter).where(counter.c.name == "rules").values(value=counter.c.value + 1)
    if not connection.execute(raised).rowcount:
        connection.execute(sa.insert(counter).values(name="rules", value=1))
