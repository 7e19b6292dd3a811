"""``headlines run``: a few ticks, the lease, and the drain.

APScheduler holds the ticks; when a source or a delivery is due stands in the database.
One daemon works at a time: it holds the lease, the others stand by for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import partial

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from monitor import digests, heartbeat, memory, pacebook, retrainer, telemetry, trustbook
from monitor.config import Settings
from monitor.errors import HeadlineError, StorageError
from monitor.lease import Lease
from monitor.linkserver import LinkServer
from monitor.notify import Notifier
from monitor.pipeline import PollReport, poll
from monitor.rescoring import Rescoring
from monitor.service import Observers, Service, check_channels, open_database
from monitor.storage import Database, retention, sources
from monitor.storybook import StoryBook, group_some
from monitor.telemetry import logger
from monitor.watch import Vitals
from monitor.worker import worker_name

log = logger("daemon")
RENEW_S = 6.0
TICK_S = 1.0
RETAIN_S = 3600.0
HUBS_S = 2.0
RETRAIN_S = 20.0
WATCH_S = 60.0
MEASURE_S = 300.0
PACE_S = 600.0
TIDY_S = 5.0
DRAIN_FETCHES_S = 5.0
DRAIN_SENDS_S = 3.0
SETTLE_S = 3.0
RETIRE_S = 60.0
# A slow server holds its poll open for half a minute, and others must not wait for it.
POLLS_AT_ONCE = 40
CLAIM_AT_ONCE = 250
FETCHES_AT_ONCE = 1_000


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
        self._resting = asyncio.Event()  # set while this is not the daemon, or is about to end
        self._resting.set()
        self._reloading = asyncio.Lock()
        self._polling: set[asyncio.Task[None]] = set()
        self._turns: dict[str, asyncio.Task[None]] = {}
        self._retiring: dict[Service, asyncio.Task[None]] = {}
        self._lease: Lease | None = None
        self._stories = StoryBook()
        self._rescoring = Rescoring()
        self.links: LinkServer | None = None
        self._heartbeat = heartbeat.Heartbeat()
        self.polls = PollReport()
        self._tidier = memory.Tidier()
        self.service: Service | None = None

    async def run(self) -> PollReport:
        """Work until ``stop``, and stand by while another does; returns what all polls came to."""
        database = await asyncio.to_thread(open_database, self.settings)
        self._lease = Lease(database, self._worker)
        watchdog = asyncio.create_task(self._notifier.feed_watchdog())
        try:
            while await self._lease.obtain(self._stopping, self._stand_by):
                await self._be_the_daemon(database)
        finally:
            watchdog.cancel()
            await asyncio.to_thread(self._lease.leave)
            database.close()
        return self.polls

    async def _be_the_daemon(self, database: Database) -> None:
        """Poll and deliver until ``stop``, or until another has taken the lease."""
        scheduler = AsyncIOScheduler(timezone="UTC")
        try:
            self.service = await self._open(self.settings, database).__aenter__()
            if not self.stopping:
                self._resting.clear()
            await self._answer_links(self.service)
            await self._announce(database)
            self._schedule(scheduler)
            await self._resting.wait()
            scheduler.pause()
            await self._drain()
        finally:
            if scheduler.running:
                scheduler.shutdown(wait=False)
            await self._answer_links(None)
            service, self.service = self.service, None
            if service is not None:
                await service.__aexit__(None, None, None)

    def _open(self, settings: Settings, database: Database) -> Service:
        return Service(
            settings, database, worker=self._worker, observers=self._observers,
            stories=self._stories, on_owed=partial(self._begin, "deliver", self._deliver),
        )  # fmt: skip

    @property
    def stopping(self) -> bool:
        """Whether the drain has begun."""
        return self._stopping.is_set()

    def stop(self) -> None:
        """Begin the drain; ``run`` returns within 10 s."""
        self._notifier.send("STOPPING=1")
        self._stopping.set()
        self._resting.set()

    # the lease

    def _stand_by(self, holder: str) -> None:
        log.warning("another daemon works on this database (%s): standing by", holder)
        self._notifier.send("READY=1", "STATUS=standing by")

    async def _renew(self, service: Service) -> None:
        if self._lease is None:
            return
        try:
            holder = await asyncio.to_thread(self._lease.take)
        except StorageError as error:
            log.error("the lease could not be renewed: %s", error)
            return
        if holder is not None:
            log.error("another daemon (%s) has taken over", holder)
            self._resting.set()

    def _may_begin(self) -> bool:
        """Whether this is surely the daemon, and is to stay it."""
        return not self._resting.is_set() and self._lease is not None and self._lease.is_fresh

    # the ticks

    def _schedule(self, scheduler: AsyncIOScheduler) -> None:
        ticks: tuple[tuple[Callable[[], Awaitable[None]], float], ...] = (
            (self._poll_tick, self._tick_s),
            (partial(self._tick, "digest", self._digest), self._tick_s),
            (partial(self._tick, "deliver", self._deliver), self._tick_s),
            (partial(self._tick, "renew", self._renew), RENEW_S),
            (partial(self._tick, "model", self._follow_model), self._tick_s),
            (partial(self._tick, "retrain", self._retrain), RETRAIN_S),
            (partial(self._tick, "watch", self._look_after), WATCH_S),
            (partial(self._tick, "heartbeat", self._beat), heartbeat.EVERY_S),
            (partial(self._tick, "group", self._group), self._tick_s),
            (partial(self._tick, "websub", self._ask_hubs), HUBS_S),
            (partial(self._tick, "retain", self._retain), RETAIN_S),
            (partial(self._tick, "trust", self._measure), MEASURE_S),
            (partial(self._tick, "pace", self._keep_pace), PACE_S),
            (partial(self._tick, "tidy", self._tidy), TIDY_S),
        )
        for tick, seconds in ticks:
            scheduler.add_job(
                tick, "interval", seconds=seconds, next_run_time=datetime.now(UTC),
                max_instances=1, coalesce=True, misfire_grace_time=None,
            )  # fmt: skip
        scheduler.start()

    async def _tick(self, name: str, work: Callable[[Service], Awaitable[None]]) -> None:
        """Begin ``work``, unless its last turn still goes on; the scheduler never waits for it."""
        self._begin(name, work)

    def _begin(self, name: str, work: Callable[[Service], Awaitable[None]]) -> None:
        service, last = self.service, self._turns.get(name)
        if service is None or self._resting.is_set() or (last and not last.done()):
            return
        self._turns[name] = asyncio.create_task(self._guarded(name, work(service)))

    async def _guarded(self, name: str, work: Awaitable[None]) -> None:
        try:
            await work
        except HeadlineError as error:
            log.error("%s ended early and is tried again: %s", name, error)
        except Exception:
            log.exception("%s ended by a fault of this program and is tried again", name)

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
        service = self.service
        if service is None or not self._may_begin() or len(self._polling) >= POLLS_AT_ONCE:
            return
        room = FETCHES_AT_ONCE - service.fetcher.unfinished
        if room <= 0:
            return
        work = self._poll(service, min(room, CLAIM_AT_ONCE))
        task = asyncio.create_task(self._guarded("poll", work))
        self._polling.add(task)
        task.add_done_callback(self._polling.discard)

    async def _poll(self, service: Service, limit: int) -> None:
        report = await poll(service.kit, limit)
        if report.sources:
            self.polls += report
            log.info("polled", extra=asdict(report))
            if self._on_poll:
                self._on_poll(report)

    async def _deliver(self, service: Service) -> None:
        # The old outbox still sends: each channel has one sender at a time.
        if self._may_begin() and not self._reloading.locked():
            await service.outbox.deliver_due()

    async def _group(self, service: Service) -> None:
        """First polls are grouped a part a second, so that they leave polling its time."""
        if self._may_begin():
            await asyncio.to_thread(group_some, service.database, self._stories, service.now())

    async def _digest(self, service: Service) -> None:
        if self._may_begin():
            await asyncio.to_thread(
                digests.release_due, service.database, service.kit.rule_book, service.now
            )

    async def _look_after(self, service: Service) -> None:
        if self._may_begin():
            vitals = Vitals(service.kit.ways.seen_down, service.classifier.refused)
            look = service.watch.look
            await asyncio.to_thread(look, service.database, service.kit.rule_book, vitals)

    async def _beat(self, service: Service) -> None:
        url = service.settings.alerts.heartbeat_url
        if url and self._may_begin():
            await self._heartbeat.beat(service.client, url)

    async def _measure(self, service: Service) -> None:
        """How far hints of sections are trusted; once an hour, whoever does it."""
        if self._may_begin():
            names = service.classifier.names(service.taxonomy)
            now = service.now()
            await asyncio.to_thread(trustbook.measure_if_due, service.database, now, names)

    async def _tidy(self, _service: Service) -> None:
        await asyncio.to_thread(self._tidier.tidy, self.polls.new_entries)

    async def _keep_pace(self, service: Service) -> None:
        """Sources together ask as often as the settings say."""
        if self._may_begin():
            polling = service.settings.polling
            await asyncio.to_thread(pacebook.keep_pace, service.database, polling)

    async def _follow_model(self, service: Service) -> None:
        """Serve the release that is promoted; score recent entries again, a few a tick."""
        await asyncio.to_thread(service.classifier.refresh)
        if self._may_begin():
            step, names = self._rescoring.step, service.classifier.names(service.taxonomy)
            now = service.now()
            await asyncio.to_thread(step, service.database, service.classifier, now, names)

    async def _retrain(self, service: Service) -> None:
        """By the schedule, in a process of its own; the next turn waits for its end."""
        wanted = self.settings
        if wanted.retrain.schedule == "off" or not self._may_begin():
            return
        if await asyncio.to_thread(retrainer.due, service.database, wanted, service.now()):
            await retrainer.retrain(wanted)

    async def _ask_hubs(self, service: Service) -> None:
        if self._may_begin() and service.websub is not None and self.links is not None:
            await service.websub.ask_due()

    async def _retain(self, service: Service) -> None:
        wanted = self.settings.retention
        await asyncio.to_thread(
            retention.forget, service.database, service.now, wanted.days,
            wanted.tombstone_days, self._may_begin,
        )  # fmt: skip

    async def _answer_links(self, service: Service | None) -> None:
        """Listen as ``service`` is set to; for None, no more."""
        last, self.links = self.links, None
        if last is not None:
            await last.close()
        if service is None or not service.settings.web.listen:
            return
        owner = service.settings.alerts.owner
        server = LinkServer(service.database, service.linker, owner, service.now, service.websub)
        try:
            await server.start(service.settings.web.listen)
        except OSError as error:
            log.error("web.listen %s cannot be used: %s", service.settings.web.listen, error)
            await server.close()
        else:
            self.links = server

    # ending and reloading

    async def _drain(self) -> None:
        """In-flight fetches get 5 s; what came back is stored; what did not is given back."""
        service = self.service
        if service is None:
            return
        log.info("stopping: finishing what is under way")
        if turn := self._turns.get("retrain"):
            turn.cancel()  # nothing is lost: the next scheduled one does it again
        await asyncio.gather(
            *(each.fetcher.drain(DRAIN_FETCHES_S) for each in (service, *self._retiring)),
            service.outbox.drain(DRAIN_SENDS_S),
        )
        work = (*self._polling, *self._turns.values(), *self._retiring.values())
        await _settle(work, SETTLE_S)

    async def reload(self) -> None:
        """Read the settings anew and work by them; invalid ones are told and change nothing."""
        if self._load is None:
            return
        async with self._reloading:
            self._notifier.send("STATUS=reloading")
            try:
                settings = self._kept(await asyncio.to_thread(self._load))
                await self._swap(settings)
            except HeadlineError as error:
                log.error("settings refused, the old ones stay: %s", error)
            else:
                telemetry.configure(settings.log.level, settings.log.format)
                log.info("settings reloaded")
            self._notifier.send("STATUS=working" if self.service else "STATUS=standing by")

    def _kept(self, settings: Settings) -> Settings:
        """``settings`` without what cannot change in a running daemon."""
        if (settings.database, settings.data) == (self.settings.database, self.settings.data):
            return settings
        log.warning("a new database or data folder needs a restart; the old one stays")
        return replace(settings, database=self.settings.database, data=self.settings.data)

    async def _swap(self, settings: Settings) -> None:
        """Go on with a new service; what the old one has begun to poll, it may finish."""
        old = self.service
        if old is None:
            check_channels(settings)
            self.settings = settings
            return
        fresh = await self._open(settings, old.database).__aenter__()
        if self._resting.is_set():
            await fresh.__aexit__(None, None, None)
            return
        self.settings, self.service = settings, fresh
        await self._answer_links(fresh)
        sends = asyncio.create_task(old.outbox.drain(DRAIN_SENDS_S))
        turns = filter(None, (sends, self._turns.get("websub")))
        self._retiring[old] = asyncio.create_task(self._retire(old, (*turns, *self._polling)))
        await sends

    async def _retire(self, service: Service, work: Sequence[asyncio.Task[None]]) -> None:
        try:
            await _settle(work, RETIRE_S)
            await service.__aexit__(None, None, None)
        finally:
            self._retiring.pop(service, None)


async def _settle(tasks: Sequence[asyncio.Task[None]], grace_s: float) -> None:
    """Wait for ``tasks``, then cancel what is left."""
    if not tasks:
        return
    _, late = await asyncio.wait(tasks, timeout=grace_s)
    for task in late:
        task.cancel()
    await asyncio.gather(*late, return_exceptions=True)
