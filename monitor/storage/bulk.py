"""Many rows at once: inserted, and looked up, without a cost for each in the statement.

Core's executemany builds a dictionary and runs every type's conversion for every row. Here
the statement is compiled by Core as always, and rows go to the driver as they are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite

Row = tuple[Any, ...]


def insert(
    connection: Connection,
    table: sa.Table,
    columns: Sequence[str],
    rows: Sequence[Row],
    *,
    update: Sequence[str] | None = None,
) -> None:
    """Insert ``rows``, each a value for each of ``columns``, in the driver's own form:
    instants as ``microseconds``, JSON as text.

    With ``update``, a row whose primary key is there already updates those columns; with an
    empty ``update`` it is left out.
    """
    if not rows:
        return
    _execute(connection, _statement(connection, table, update), columns, rows)


def _execute(
    connection: Connection,
    statement: sa.Insert | sa.Update,
    columns: Sequence[str],
    rows: Sequence[Row],
) -> None:
    """``statement`` once for each of ``rows``, whose values are named by ``columns``."""
    compiled = statement.compile(dialect=connection.dialect, column_keys=list(columns))
    if compiled.positional:
        order = list(compiled.positiontup or ())
        if order != list(columns):
            places = [columns.index(name) for name in order]
            rows = [tuple(row[place] for place in places) for row in rows]
        connection.exec_driver_sql(str(compiled), list(rows))
    else:
        named = [dict(zip(columns, row, strict=True)) for row in rows]
        connection.exec_driver_sql(str(compiled), named)


def update(
    connection: Connection, table: sa.Table, columns: Sequence[str], rows: Sequence[Row]
) -> None:
    """Write ``columns`` of the rows with those ids: each of ``rows`` is a value for each of
    ``columns``, in the driver's own form, and the id.
    """
    if not rows:
        return
    values: dict[str, Any] = {name: sa.bindparam(name) for name in columns}
    statement = sa.update(table).where(table.c.id == sa.bindparam("b_id")).values(values)
    _execute(connection, statement, (*columns, "b_id"), rows)


def among(
    connection: Connection, column: sa.ColumnElement[int], values: Sequence[int]
) -> sa.ColumnElement[bool]:
    """Whether ``column`` is one of ``values``: one parameter, however many there are."""
    if connection.dialect.name == "sqlite":
        listed = sa.func.json_each(json.dumps(values)).table_valued("value")
        return column.in_(sa.select(listed.c.value))
    from sqlalchemy.dialects import postgresql

    return column == sa.any_(sa.literal(list(values), postgresql.ARRAY(sa.BigInteger)))


def among_pairs(
    connection: Connection,
    first: sa.ColumnElement[int],
    second: sa.ColumnElement[int],
    pairs: Mapping[int, int],
) -> sa.ColumnElement[bool]:
    """Whether ``first`` and ``second`` are the value and the key of one of ``pairs``."""
    listed: sa.Select[tuple[int, int]]
    if connection.dialect.name == "sqlite":
        each = sa.func.json_each(json.dumps(pairs)).table_valued("key", "value")
        listed = sa.select(each.c.value, sa.cast(each.c.key, sa.BigInteger))
    else:
        from sqlalchemy.dialects import postgresql

        numbers = postgresql.ARRAY(sa.BigInteger)
        columns = sa.literal(list(pairs.values()), numbers), sa.literal(list(pairs), numbers)
        each = sa.func.unnest(*columns).table_valued("value", "key").render_derived()
        listed = sa.select(each.c.value, each.c.key)
    return sa.tuple_(first, second).in_(listed)


def inserting(connection: Connection, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    """An insert that may say what to do on conflict.

    PostgreSQL's dialect is imported where it is used: it takes longer than all of SQLite's.
    """
    if connection.dialect.name == "sqlite":
        from sqlalchemy.dialects import sqlite

        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql

    return postgresql.insert(table)


def _statement(connection: Connection, table: sa.Table, update: Sequence[str] | None) -> sa.Insert:
    if update is None:
        return sa.insert(table).inline()  # nobody asks for the numbers that rows get
    statement = inserting(connection, table)
    if not update:
        return statement.on_conflict_do_nothing()
    return statement.on_conflict_do_update(
        index_elements=list(table.primary_key.columns),
        set_={name: statement.excluded[name] for name in update},
    )
