"""How far hints are trusted: measured now and then, read by every poll from memory."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy.engine import Connection

from monitor.hints.trust import Trust
from monitor.storage import Database, hints
from monitor.storage.hints import Known

READ_AGAIN_AFTER = timedelta(seconds=60)
MEASURE_AGAIN_AFTER = timedelta(hours=1)


class TrustBook:
    """What was measured last; read again once a minute at most."""

    def __init__(self) -> None:
        self._trust = Trust()
        self._measured_at: datetime | None = None
        self._read_at: datetime | None = None

    def trust(self, connection: Connection, now: datetime) -> Trust:
        """How far origins are trusted at ``now``, or up to a minute before."""
        if self._read_at is None or abs(now - self._read_at) >= READ_AGAIN_AFTER:
            measured_at = hints.measured_at(connection)
            if measured_at != self._measured_at:
                self._trust, self._measured_at = hints.known(connection).trust, measured_at
            self._read_at = now
        return self._trust


def measure(database: Database, now: datetime, names: Mapping[str, str] | None = None) -> Known:
    """Measure trust by what is stored, keep it, and show recent entries by it.

    Raises StorageError.
    """
    rows = database.look(lambda connection: hints.measure(connection, now))
    database.run(lambda connection: hints.save(connection, rows, now))
    found = Known(tuple(rows), now, hints.collect_rows(rows))
    after: int | None = database.look(lambda connection: hints.recent(connection, now))
    while after is not None:
        after = _show_some(database, found.trust, after, names)
    return found


def _show_some(
    database: Database, trust: Trust, after: int, names: Mapping[str, str] | None
) -> int | None:
    """Decide anew what a part of the entries shows; the number to go on after, if any."""
    last, changed = database.look(lambda connection: hints.stale(connection, trust, after, names))
    if changed:
        database.run(lambda connection: hints.show(connection, changed))
    return last


def measure_if_due(
    database: Database, now: datetime, names: Mapping[str, str] | None = None
) -> None:
    """Measure, where nobody did within an hour of ``now``. Raises StorageError."""
    last = database.look(hints.measured_at)
    if last is None or abs(now - last) >= MEASURE_AGAIN_AFTER:
        measure(database, now, names)
