"""When something was done last, by name: what restarts must remember and nothing else holds."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from monitor.storage import bulk
from monitor.storage.schema import EPOCH, MICROSECOND, counter, microseconds


def get(connection: Connection, name: str) -> datetime | None:
    """The instant that was put under ``name``."""
    found = number(connection, f"{name}_at")
    return None if found is None else EPOCH + found * MICROSECOND


def number(connection: Connection, name: str) -> int | None:
    """The whole number that was kept under ``name``."""
    return connection.execute(sa.select(counter.c.value).where(counter.c.name == name)).scalar()


def keep(connection: Connection, name: str, value: int) -> None:
    """Keep ``value`` under ``name``."""
    bulk.insert(connection, counter, ("name", "value"), [(name, value)], update=("value",))


def put(connection: Connection, name: str, at: datetime) -> None:
    """Remember ``at`` under ``name``."""
    keep(connection, f"{name}_at", microseconds(at))
