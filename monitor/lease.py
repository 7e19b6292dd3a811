"""The daemon's lease: taken, renewed, and seen to lapse, also by a daemon that was asleep."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy.engine import Connection

from monitor.errors import MigrationNeeded, StorageError
from monitor.storage import Database, deliveries, leases, sources
from monitor.telemetry import logger
from monitor.worker import is_dead

log = logger("daemon")
LEASE_NAME = "daemon"
LEASE_S = 20.0
ASK_AGAIN_S = 3.0


class Lease:
    """One worker's hold on the one place of the daemon. What is not ``async`` is for threads."""

    def __init__(self, database: Database, worker: str, length_s: float = LEASE_S) -> None:
        self._database = database
        self._worker = worker
        self._length_s = length_s
        self._until_s = 0.0
        self._until_at = datetime.min.replace(tzinfo=UTC)
        self._left = False
        self._busy = threading.Lock()

    @property
    def is_fresh(self) -> bool:
        """Whether nobody else can hold it now: by the clock, and by the time that has passed."""
        return time.monotonic() < self._until_s and datetime.now(UTC) < self._until_at

    async def obtain(self, stopping: asyncio.Event, stand_by: Callable[[str], None]) -> bool:
        """Wait for the lease, and free what its last holder left; False once ``stopping`` is set.

        ``stand_by`` hears who has it, once. A database that is away is waited for.
        """
        told = ""
        while not stopping.is_set():
            try:
                holder = await asyncio.to_thread(self.take)
                if holder is None:
                    await asyncio.to_thread(self._inherit)
                    return not stopping.is_set()
                if holder != told:
                    told = holder
                    stand_by(holder)
            except MigrationNeeded:
                raise
            except StorageError as error:
                log.error("the lease cannot be asked for and is asked for again: %s", error)
            try:
                await asyncio.wait_for(stopping.wait(), ASK_AGAIN_S)
            except TimeoutError:
                continue
        return False

    def take(self) -> str | None:
        """Take or renew it: None when it is ours, else who has it. Raises StorageError.

        The lease of a process of this machine that has ended is taken at once.
        """
        with self._busy:
            return None if self._left else self._take()

    def _take(self) -> str | None:
        length = timedelta(seconds=self._length_s)
        asked_s, now = time.monotonic(), datetime.now(UTC)

        def work(connection: Connection) -> str | None:
            holder = leases.take(connection, LEASE_NAME, self._worker, now, length)
            if holder is not None and is_dead(holder):
                leases.drop(connection, LEASE_NAME, holder)
                holder = leases.take(connection, LEASE_NAME, self._worker, now, length)
            return holder

        holder = self._database.run(work)
        if holder is None:
            self._until_s, self._until_at = asked_s + self._length_s, now + length
        return holder

    def _inherit(self) -> None:
        """Free what earlier daemons had claimed: nobody else can be working on it."""

        def work(connection: Connection) -> tuple[int, int]:
            return (
                sources.release_others(connection, self._worker),
                deliveries.release_others(connection, self._worker),
            )

        polls, messages = self._database.run(work)
        if polls or messages:
            log.info(
                "took over %d sources and %d messages that an earlier daemon had claimed",
                polls, messages,
            )  # fmt: skip

    def leave(self) -> None:
        """Give the lease back, and every source that is still claimed; for good."""
        self._left = True
        self._until_s = 0.0

        def work(connection: Connection) -> None:
            sources.give_back(connection, self._worker)
            leases.drop(connection, LEASE_NAME, self._worker)

        try:
            with self._busy:
                self._database.run(work)
        except StorageError as error:
            log.warning("could not give the lease back, it lapses by itself: %s", error)
