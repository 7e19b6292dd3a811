"""The composition root: opens everything from Settings, and closes it in order."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Container, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from classifiers.errors import ClassifierError
from classifiers.segment import use_words
from classifiers.taxonomy import Taxonomy, read_taxonomy
from monitor import __version__, channels
from monitor.addresses import parse_allowed
from monitor.channels import Channel, Means, Trace, no_trace
from monitor.client import ClientSettings, HttpClient
from monitor.config import Polling, Settings, house_of
from monitor.errors import StorageError
from monitor.fetch import Fetcher, FetchSettings
from monitor.house import zone_of
from monitor.kit import Kit
from monitor.links import Linker
from monitor.model import Classifier
from monitor.outbox import Outbox, OutboxSettings
from monitor.pacebook import PaceBook, follow_interval
from monitor.reach import Ways
from monitor.rendering.bounds import Bounds
from monitor.rendering.browser import Browser
from monitor.robots import Robots
from monitor.rulebook import Rules
from monitor.sources import adapters
from monitor.sources.budget import ParserPool
from monitor.storage import Database, migrate, rules
from monitor.storage import secrets as keys
from monitor.store import Headline
from monitor.stories import reading
from monitor.storybook import StoryBook
from monitor.telemetry import logger
from monitor.watch import Watch
from monitor.websub import WebSub

log = logger("service")
# A host with more due sources than it can be asked in this time gives the others way.
CROWDED_WINDOW_S = 20.0
USER_AGENT = f"HeadlineMonitor/{__version__} (+https://pypi.org/project/headline-monitor/)"


def utc_now() -> datetime:
    """The clock of everything that is not under test."""
    return datetime.now(UTC)


def awake_or_asleep_s() -> float:
    """Seconds that no clock's correction moves, and that go on while the machine sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def open_database(settings: Settings) -> Database:
    """The database at the right version; creates folder and schema where there are none."""
    settings.data.mkdir(parents=True, exist_ok=True)
    database = Database(settings.database)
    migrate.ensure(database)
    return database


@dataclass(frozen=True, slots=True)
class Observers:
    """Who else hears of stored headlines (the demonstration)."""

    on_headlines: Callable[[Sequence[Headline]], None] | None = None


class Service:
    """Everything that works, opened by ``async with`` and closed in the reverse order."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        *,
        worker: str,
        observers: Observers | None = None,
        stories: StoryBook | None = None,
        on_owed: Callable[[], None] | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.settings = settings
        self.database = database
        self.now = now
        self.worker = worker
        self._observers = observers or Observers()
        self._stories = stories or StoryBook()
        self._on_owed = on_owed
        self._rng = random.Random()
        self._stack = AsyncExitStack()
        use_words(settings.text.words)
        reading.use(settings.stories.reading)
        adapters.use(settings.sources.portals)
        self.taxonomy = taxonomy_of(settings)
        moved = self.taxonomy.moved if self.taxonomy else None
        self.classifier = Classifier(
            settings.data / "models", settings.classifier.unsure_below, moved
        )

    async def __aenter__(self) -> Self:
        try:
            await self._open()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def _open(self) -> None:
        polling = self.settings.polling
        self.client = await self._stack.enter_async_context(
            HttpClient(ClientSettings(USER_AGENT, allow_private=polling.allow_private))
        )
        self.parsers = await self._stack.enter_async_context(
            ParserPool(polling.parsers, portals=self.settings.sources.portals)
        )
        self.parsers.prepare()
        await asyncio.to_thread(follow_interval, self.database, polling, self.now())
        robots = Robots(self.client, USER_AGENT, self.now) if polling.robots else None
        self.fetcher = Fetcher(
            self.client,
            fetch_settings(self.settings),
            robots=robots,
            browser=browser_of(polling),
        )
        self.linker = await asyncio.to_thread(make_linker, self.settings, self.database)
        self.channels = build_channels(self.settings, self.client, self.linker)
        await asyncio.to_thread(_tell_missing_channels, self.database, self.channels)
        self.outbox = Outbox(
            self.database,
            self.channels,
            OutboxSettings(
                lease_s=self.settings.alerts.lease_s,
                concurrency=self.settings.alerts.concurrency,
                owner=self.settings.alerts.owner,
            ),
            worker=self.worker,
            now=self.now,
            rng=self._rng,
        )
        self.watch = Watch(
            self.settings.data,
            list(dict.fromkeys(filter(None, (self.settings.alerts.owner, *self.channels)))),
            now=self.now,
            passed_s=awake_or_asleep_s,
        )
        web = self.settings.web
        self.websub = (
            WebSub(self.database, self.client, web.public_url, self.now, self._rng)
            if web.listen and web.public_url
            else None
        )
        self.kit = Kit(
            database=self.database,
            fetcher=self.fetcher,
            parsers=self.parsers,
            classify=self.classifier,
            rule_book=Rules(house_of(self.settings)).book,
            worker=self.worker,
            now=self.now,
            rng=self._rng,
            on_headlines=self._observers.on_headlines,
            stories=self._stories,
            pace=PaceBook(polling),
            sections=partial(self.classifier.names, self.taxonomy),
            ways=Ways(parse_allowed(polling.allow_private)),
            hubs=self.websub is not None,
            on_owed=self._on_owed,
        )
        # The first headlines need not wait for the rules and the tables of folding.
        self._stack.push_async_callback(_ended, asyncio.create_task(self._compile_rules()))

    async def _compile_rules(self) -> None:
        with suppress(StorageError):  # told by the first poll, if it stays so
            await asyncio.to_thread(self.database.look, self.kit.rule_book)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()


async def _ended(task: asyncio.Task[None]) -> None:
    await asyncio.gather(task, return_exceptions=True)


def fetch_settings(settings: Settings) -> FetchSettings:
    """The part of the settings that the fetcher reads; private hosts that were opened are ours."""
    polling = settings.polling
    return FetchSettings(
        concurrency=polling.concurrency,
        per_host=polling.per_host,
        gap_s=polling.gap_s,
        no_gap_hosts=frozenset(polling.allow_private),
        window_s=CROWDED_WINDOW_S,
        timeout_s=polling.timeout_s,
        connect_timeout_s=polling.connect_timeout_s,
        max_bytes=polling.max_bytes,
    )


def browser_of(polling: Polling) -> Browser:
    """What draws the pages of sources that ask for it."""
    bounds = Bounds(memory_mb=polling.browser_mb)
    return Browser(USER_AGENT, polling.allow_private, polling.browser, bounds)


def taxonomy_of(settings: Settings) -> Taxonomy | None:
    """The user's own sections; none, and told, where their file cannot be read."""
    path = settings.classifier.sections
    try:
        return read_taxonomy(path) if path else None
    except ClassifierError as error:
        log.error("the sections keep their default names: %s", error)
        return None


def make_linker(settings: Settings, database: Database) -> Linker:
    """What signs the links of alerts; where nothing listens there are none."""
    if not settings.web.listen:
        return Linker()
    key = database.run(lambda connection: keys.key(connection, "links"))
    return Linker(key, settings.web.public_url)


def make_means(
    settings: Settings,
    client: HttpClient,
    linker: Linker | None = None,
    trace: Trace = no_trace,
) -> Means:
    """What the settings give every channel to work with."""
    return Means(
        client,
        links=linker or Linker(),
        folder=settings.file.parent if settings.file else Path(),
        zone=zone_of(settings.alerts.timezone),
        trace=trace,
    )


def _tell_missing_channels(database: Database, known: Container[str]) -> None:
    """What is owed to them waits, so somebody should know."""
    with database.read() as connection:
        stored = rules.list_all(connection)
    for rule in stored:
        for name in rule.channels:
            if name not in known:
                log.warning(
                    "rule %r alerts by channel %r, which the settings do not name: its alerts wait",
                    rule.name,
                    name,
                )


def build_channels(
    settings: Settings, client: HttpClient, linker: Linker | None = None
) -> dict[str, Channel]:
    """Every configured channel by name. Raises SettingsError."""
    return channels.build_all(settings.channels, make_means(settings, client, linker))


def check_channels(settings: Settings) -> None:
    """Raise SettingsError when a channel's table cannot be used."""
    allow = settings.polling.allow_private
    build_channels(settings, HttpClient(ClientSettings(USER_AGENT, allow_private=allow)))
