"""When something was done last, by name: what restarts must remember and nothing else holds."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from monitor.storage import bulk
from monitor.storage.schema import EPOCH, MICROSECOND, counter, microseconds


def get(connection: Connection, name: str) -> datetime | None:
    """The instant that was put under ``name``."""
    found = connection.execute(
        sa.select(counter.c.value).where(counter.c.name == f"{name}_at")
    ).scalar()
    return None if found is None else EPOCH + found * MICROSECOND


def put(connection: Connection, name: str, at: datetime) -> None:
    """Remember ``at`` under ``name``."""
    row = (f"{name}_at", microseconds(at))
    bulk.insert(connection, counter, ("name", "value"), [row], update=("value",))
