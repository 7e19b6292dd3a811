"""The pace that all sources share: brought near what the user allows, read from memory by polls."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy.engine import Connection

from monitor.config import Polling
from monitor.rhythm import next_pace
from monitor.schedule import Timing
from monitor.storage import Database, moments, sources

READ_AGAIN_AFTER = timedelta(seconds=60)
NAME, INTERVAL = "pace", "interval"
UNIT = 1e6  # they are stored as whole numbers


def timing_of(polling: Polling) -> Timing:
    """What the settings say of when to look."""
    return Timing(polling.interval_s, polling.adaptive, polling.least_s, polling.most_s)


class PaceBook:
    """The timing of polls; the pace is read again once a minute at most."""

    def __init__(self, polling: Polling | None = None) -> None:
        self._timing = timing_of(polling or Polling())
        self._read_at: datetime | None = None

    def timing(self, connection: Connection, now: datetime) -> Timing:
        """How sources are timed at ``now``."""
        if self._read_at is None or abs(now - self._read_at) >= READ_AGAIN_AFTER:
            self._timing = replace(self._timing, pace=known(connection, self._timing.pace))
            self._read_at = now
        return self._timing


def follow_interval(database: Database, polling: Polling, now: datetime) -> None:
    """Sources whose interval was the settings' own have the settings' new one. StorageError."""

    def work(connection: Connection) -> None:
        before, after = moments.number(connection, INTERVAL), round(polling.interval_s * UNIT)
        if before == after:
            return
        if before is not None:
            sources.change_interval(connection, before / UNIT, polling.interval_s, now)
        moments.keep(connection, INTERVAL, after)

    database.run(work)


def known(connection: Connection, default: float) -> float:
    """The pace that was kept last."""
    found = moments.number(connection, NAME)
    return default if found is None else found / UNIT


def keep_pace(database: Database, polling: Polling) -> float:
    """Bring the pace nearer to as many requests as ``polling`` allows; returns it.

    Raises StorageError.
    """
    default = timing_of(polling).pace

    def work(connection: Connection) -> float:
        asked, wanted = sources.asked_and_wanted(connection, polling.interval_s)
        if polling.requests_per_minute:
            wanted = min(wanted, polling.requests_per_minute / 60)
        pace = next_pace(known(connection, default), asked, wanted)
        moments.keep(connection, NAME, round(pace * UNIT))
        return pace

    return database.run(work)
