"""Many rows at once: inserted, and looked up, without a cost for each in the statement.

Core's executemany builds a dictionary and runs every type's conversion for every row. Here
the statement is compiled by Core as always, and rows go to the driver as they are, converting
only the columns whose type asks for it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

Row = Sequence[Any]


def insert(
    connection: Connection,
    table: sa.Table,
    columns: Sequence[str],
    rows: Sequence[Row],
    *,
    update: Sequence[str] | None = None,
) -> None:
    """Insert ``rows``, each a value for each of ``columns``.

    With ``update``, a row whose primary key is there already updates those columns; with an
    empty ``update`` it is left out.
    """
    if not rows:
        return
    statement = _statement(connection, table, update)
    compiled = statement.compile(dialect=connection.dialect, column_keys=list(columns))
    order = list(compiled.positiontup or columns)
    places = [columns.index(name) for name in order]
    converters = _converters(connection, table, order)
    converted = [_convert(row, places, converters) for row in rows]
    if compiled.positional:
        connection.exec_driver_sql(str(compiled), converted)
    else:
        named = [dict(zip(order, row, strict=True)) for row in converted]
        connection.exec_driver_sql(str(compiled), named)


def among(
    connection: Connection, column: sa.ColumnElement[int], values: Sequence[int]
) -> sa.ColumnElement[bool]:
    """Whether ``column`` is one of ``values``: one parameter, however many there are."""
    if connection.dialect.name == "sqlite":
        listed = sa.func.json_each(json.dumps(values)).table_valued("value")
        return column.in_(sa.select(listed.c.value))
    return column == sa.any_(sa.literal(list(values), postgresql.ARRAY(sa.BigInteger)))


def _statement(connection: Connection, table: sa.Table, update: Sequence[str] | None) -> sa.Insert:
    if update is None:
        return sa.insert(table)
    make = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    statement = make(table)
    if not update:
        return statement.on_conflict_do_nothing()
    return statement.on_conflict_do_update(
        index_elements=list(table.primary_key.columns),
        set_={name: statement.excluded[name] for name in update},
    )


def _converters(
    connection: Connection, table: sa.Table, order: Sequence[str]
) -> list[tuple[int, Callable[[Any], Any]]]:
    dialect = connection.dialect
    found: list[tuple[int, Callable[[Any], Any]]] = []
    for at, name in enumerate(order):
        kind = table.c[name].type
        converter = kind.dialect_impl(dialect).bind_processor(dialect)
        if converter is not None:
            found.append((at, converter))
    return found


def _convert(
    row: Row, places: Sequence[int], converters: Sequence[tuple[int, Callable[[Any], Any]]]
) -> tuple[Any, ...]:
    values = [row[place] for place in places]
    for at, convert in converters:
        values[at] = convert(values[at])
    return tuple(values)
