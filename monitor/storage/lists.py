"""The list that imported documents grow into: one row, read by imports and exports alone."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from monitor.storage import bulk
from monitor.storage.schema import imported_list

_ONLY = 1


def read(connection: Connection) -> tuple[bytes, frozenset[str]]:
    """What was kept last, and the addresses in it that were refused; empty where nothing was."""
    columns = sa.select(imported_list.c.body, imported_list.c.refused)
    row = connection.execute(columns).first()
    return (bytes(row.body), frozenset(row.refused)) if row else (b"", frozenset())


def lock(connection: Connection, now: datetime) -> None:
    """Let no other import read the list until this transaction ends."""
    empty = {"id": _ONLY, "body": b"", "refused": [], "changed_at": now}
    insert = bulk.inserting(connection, imported_list).values(**empty)
    connection.execute(insert.on_conflict_do_nothing())
    connection.execute(sa.select(imported_list.c.id).with_for_update())


def write(connection: Connection, body: bytes, refused: Collection[str], now: datetime) -> None:
    """Keep this from now on; the list must be locked."""
    values = {"body": body, "refused": sorted(refused), "changed_at": now}
    connection.execute(sa.update(imported_list).values(**values))
