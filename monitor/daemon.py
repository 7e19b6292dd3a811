"""``headlines run``: a few ticks, the signals, and the drain.

APScheduler holds the ticks; when a source or a delivery is due stands in the database.
One daemon works at a time: it holds a lease row, the others wait for it to lapse.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from monitor.config import Settings
from monitor.errors import HeadlineError, SettingsError, StorageError
from monitor.notify import Notifier
from monitor.pipeline import PollReport, poll
from monitor.service import Observers, Service, open_database, utc_now, worker_name
from monitor.storage import leases, retention, sources
from monitor.storage.database import Database
from monitor.telemetry import logger

Result = TypeVar("Result")
log = logger("daemon")
LEASE_NAME = "daemon"
LEASE_LENGTH = timedelta(seconds=30)
HEARTBEAT_S = 8.0
STANDBY_S = 5.0
TICK_S = 1.0
RETAIN_S = 3600.0
DRAIN_FETCHES_S = 5.0
DRAIN_SENDS_S = 3.0
POLLS_AT_ONCE = 4
CLAIM_AT_ONCE = 250
DELETE_AT_ONCE = 500


class Daemon:
    """Polls, delivers and forgets until ``stop``; ``load`` reads the settings anew on SIGHUP."""

    def __init__(
        self,
        settings: Settings,
        *,
        load: Callable[[], Settings] | None = None,
        observers: Observers | None = None,
        on_poll: Callable[[PollReport], None] | None = None,
        notifier: Notifier | None = None,
        tick_s: float = TICK_S,
    ) -> None:
        self.settings = settings
        self._load = load
        self._observers = observers
        self._on_poll = on_poll
        self._notifier = notifier or Notifier()
        self._tick_s = tick_s
        self._worker = worker_name()
        self._stopping = asyncio.Event()
        self._reloading = asyncio.Lock()
        self._work: set[asyncio.Task[None]] = set()
        self._delivering: asyncio.Task[None] | None = None
        self.polls = PollReport()
        self.service: Service | None = None

    async def run(self) -> PollReport:
        """Work until ``stop``; returns what all polls came to."""
        database = await asyncio.to_thread(open_database, self.settings)
        scheduler = AsyncIOScheduler(timezone="UTC")
        try:
            if not await self._become_the_daemon(database):
                return self.polls
            async with Service(
                self.settings, database, worker=self._worker, observers=self._observers
            ) as service:
                self.service = service
                self._schedule(scheduler)
                await self._announce(database)
                await self._stopping.wait()
                scheduler.pause()
                self._notifier.send("STOPPING=1")
                await self._drain()
        finally:
            if scheduler.running:
                scheduler.shutdown(wait=False)
            self.service = None
            await asyncio.to_thread(self._leave, database)
        return self.polls

    @property
    def stopping(self) -> bool:
        """Whether the drain has begun."""
        return self._stopping.is_set()

    def stop(self) -> None:
        """Begin the drain; ``run`` returns within 10 s."""
        self._stopping.set()

    # the lease

    async def _become_the_daemon(self, database: Database) -> bool:
        """Wait for the lease; False when told to stop while waiting."""
        told = ""
        while not self._stopping.is_set():
            holder = await asyncio.to_thread(self._take_lease, database)
            if holder is None:
                await asyncio.to_thread(self._take_over, database)
                return True
            if holder != told:
                told = holder
                log.warning("another daemon works on this database (%s): standing by", holder)
                self._notifier.send("READY=1", "STATUS=standing by")
            self._notifier.send("WATCHDOG=1")
            await self._pause(STANDBY_S)
        return False

    def _take_lease(self, database: Database) -> str | None:
        now = utc_now()
        return database.run(
            lambda connection: leases.take(connection, LEASE_NAME, self._worker, now, LEASE_LENGTH)
        )

    def _take_over(self, database: Database) -> None:
        """What a dead daemon had claimed is free again: nobody else can be working on it."""
        released = database.run(lambda connection: sources.release_others(connection, self._worker))
        if released:
            log.info("took over %d sources that an earlier daemon had claimed", released)

    def _leave(self, database: Database) -> None:
        try:
            database.run(lambda connection: sources.give_back(connection, self._worker))
            database.run(lambda connection: leases.drop(connection, LEASE_NAME, self._worker))
        except StorageError as error:
            log.warning("could not give the lease back, it lapses by itself: %s", error)
        database.close()

    # the ticks

    def _schedule(self, scheduler: AsyncIOScheduler) -> None:
        heartbeat_s = min(HEARTBEAT_S, (self._notifier.watchdog_s or 60.0) / 2)
        ticks: tuple[tuple[Callable[[], Awaitable[None]], float], ...] = (
            (self._poll_tick, self._tick_s),
            (self._deliver_tick, self._tick_s),
            (self._retain_tick, RETAIN_S),
            (self._heartbeat_tick, heartbeat_s),
        )
        for tick, seconds in ticks:
            scheduler.add_job(
                tick, "interval", seconds=seconds, max_instances=1, coalesce=True,
                misfire_grace_time=None,
            )  # fmt: skip
        scheduler.start()

    async def _announce(self, database: Database) -> None:
        def count() -> dict[str, int]:
            with database.read() as connection:
                return sources.counts(connection)

        found = await asyncio.to_thread(count)
        active = found.get("active", 0)
        log.info("watching %d sources; model %s", active, self._model_name())
        self._notifier.send("READY=1", f"STATUS=watching {active} sources")

    def _model_name(self) -> str:
        return self.service.classifier.scorer.release if self.service else ""

    async def _poll_tick(self) -> None:
        if self._stopping.is_set() or len(self._work) >= POLLS_AT_ONCE or self.service is None:
            return
        task = asyncio.create_task(self._poll_once(self.service))
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    async def _poll_once(self, service: Service) -> None:
        try:
            report = await poll(service.kit, CLAIM_AT_ONCE)
        except HeadlineError as error:
            log.error("a poll ended early, its sources are polled again: %s", error)
            return
        except Exception:
            log.exception("a poll ended by a fault of this program, its sources are polled again")
            return
        if report.sources:
            self.polls += report
            log.info("polled", extra=summary(report))
            if self._on_poll:
                self._on_poll(report)

    async def _deliver_tick(self) -> None:
        if self._stopping.is_set() or self.service is None:
            return
        if self._delivering is None or self._delivering.done():
            self._delivering = asyncio.create_task(self._deliver_once(self.service))

    async def _deliver_once(self, service: Service) -> None:
        try:
            await service.outbox.deliver_due()
        except HeadlineError as error:
            log.error("delivering ended early and is tried again: %s", error)
        except Exception:
            log.exception("delivering ended by a fault of this program and is tried again")

    async def _heartbeat_tick(self) -> None:
        if self.service is None:
            return
        try:
            holder = await asyncio.to_thread(self._take_lease, self.service.database)
        except StorageError as error:
            log.error("the lease could not be renewed: %s", error)
            return
        if holder is not None:
            log.error("another daemon (%s) has taken over: stopping", holder)
            self.stop()
            return
        await asyncio.to_thread(self.service.classifier.refresh)
        self._notifier.send("WATCHDOG=1")

    async def _retain_tick(self) -> None:
        if self.service is None:
            return
        service, wanted = self.service, self.settings.retention
        deletions = (
            (retention.delete_entries, wanted.days),
            (retention.delete_deliveries, wanted.days),
            (retention.delete_marks, wanted.tombstone_days),
        )
        try:
            for delete, days in deletions:
                while not self._stopping.is_set():
                    # Small batches: a poll or a delivery never waits long for its turn to write.
                    gone = await asyncio.to_thread(
                        service.database.run,
                        lambda connection, delete=delete, days=days: delete(
                            connection, service.now(), days, DELETE_AT_ONCE
                        ),
                    )
                    if gone < DELETE_AT_ONCE:
                        break
        except StorageError as error:
            log.error("forgetting old entries ended early and goes on later: %s", error)

    # ending and reloading

    async def _drain(self) -> None:
        """In-flight fetches get 5 s; what came back is stored; what did not is given back."""
        service = self.service
        if service is None:
            return
        log.info("stopping: finishing what is under way")
        await asyncio.gather(
            service.fetcher.drain(DRAIN_FETCHES_S), service.outbox.drain(DRAIN_SENDS_S)
        )
        await _settle([*self._work, *([self._delivering] if self._delivering else [])], 3.0)

    async def reload(self) -> None:
        """Read the settings anew and work by them; invalid ones are told and change nothing."""
        if self._load is None or self.service is None:
            return
        async with self._reloading:
            try:
                settings = self._load()
                await self._swap(settings)
            except SettingsError as error:
                log.error("settings refused, the old ones stay: %s", error)

    async def _swap(self, settings: Settings) -> None:
        old = self.service
        if old is None:
            return
        if (settings.database, settings.data) != (self.settings.database, self.settings.data):
            log.warning("a new database or data folder needs a restart; the old one stays")
            settings = replace(settings, database=self.settings.database, data=self.settings.data)
        fresh = Service(settings, old.database, worker=self._worker, observers=self._observers)
        await fresh.__aenter__()
        self.settings, self.service = settings, fresh
        log.info("settings reloaded")
        await old.fetcher.drain(DRAIN_FETCHES_S)
        await old.outbox.drain(DRAIN_SENDS_S)
        await _settle(list(self._work), 3.0)
        await old.__aexit__(None, None, None)

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return


def summary(report: PollReport) -> dict[str, int]:
    """What a poll's log line shows beside its words."""
    return {
        "sources": report.sources,
        "new": report.new_entries,
        "not_modified": report.not_modified,
        "failed": report.failed,
        "alerts": report.deliveries,
    }


async def _settle(tasks: list[asyncio.Task[None]], grace_s: float) -> None:
    """Wait for ``tasks``, then cancel what is left."""
    if not tasks:
        return
    _, late = await asyncio.wait(tasks, timeout=grace_s)
    for task in late:
        task.cancel()
    await asyncio.gather(*late, return_exceptions=True)


def run_until_signalled(daemon: Daemon) -> PollReport:
    """Run in this process: SIGTERM and SIGINT drain, a second one ends at once, SIGHUP reloads."""
    return run(_with_signals(daemon))


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """``asyncio.run`` on uvloop, where it is installed."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(work)
    return uvloop.run(work)


async def _with_signals(daemon: Daemon) -> PollReport:
    loop = asyncio.get_running_loop()
    reloads: set[asyncio.Task[None]] = set()

    def end() -> None:
        if daemon.stopping:
            os._exit(1)  # everything decided is in the database
        daemon.stop()

    def reload() -> None:
        task = asyncio.create_task(daemon.reload())
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    loop.add_signal_handler(signal.SIGHUP, reload)
    return await daemon.run()
