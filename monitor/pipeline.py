"""One poll, top to bottom: claim, fetch, parse, decide, store. Read this first.

    claim     take the sources that are due, under a lease
    fetch     ask their servers; what comes back is Fetched, NotModified or Failed
    parse     a body into entries, in a process with limits
    decide    pure: what is new, revised, owed (monitor.decide)
    store     entries, matches and the deliveries they cause, in a transaction (monitor.store)

A source whose outcome is stored is settled by that same transaction. Whatever ends the
program before it leaves the source claimed, and the next daemon polls it again.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy.engine import Connection

from monitor.decide import Result, Update, body_digest, decide
from monitor.errors import BudgetExceeded, ParseError, StorageError, Unstorable
from monitor.hints.trust import Trust
from monitor.pacebook import PaceBook
from monitor.parts import LITTLE, brings, in_parts
from monitor.reach import Reach, Ways
from monitor.rulebook import RuleBook
from monitor.sources import SOURCE_KINDS
from monitor.sources.wire import Document
from monitor.storage import Database, entries, sources, subscriptions
from monitor.store import Headline, Written, draft, tell, write
from monitor.storybook import StoryBook
from monitor.telemetry import logger
from monitor.trustbook import TrustBook
from monitor.types import (
    Failed,
    FailureKind,
    Fetched,
    FetchRequest,
    HubLink,
    Outcome,
    Prediction,
    Source,
)

log = logger("poll")
LEASE = timedelta(minutes=15)
STORE_AT_ONCE = 64
STORE_WAIT_S = 0.1
PARSE_AHEAD = 32
CROWDED_S = 60.0
FAULT_S = 5.0


class Parsers(Protocol):
    """Reads documents, and what their entries are known by, within a budget of time and memory."""

    async def parse(
        self,
        kind: str,
        body: bytes,
        *,
        url: str,
        content_type: str,
        charset: str | None,
        options: Mapping[str, object],
        source_id: int,
    ) -> Document: ...


class Fetcher(Protocol):
    """Asks servers, politely; outcomes come in the order in which they are there."""

    def fetch_all(self, requests: Sequence[FetchRequest]) -> AsyncIterator[Outcome]: ...


@dataclass(frozen=True, slots=True)
class Kit:
    """What a poll works with. ``now`` is asked once a step; ``rng`` spreads due times.

    ``sections`` is what the classifier calls those that hints name. ``unreturned`` are
    sources whose claims could not be given back: the next poll does it. ``hubs``: note those
    that feeds name, for ``websub`` to ask. ``crowd`` is held by who writes much.
    """

    database: Database
    fetcher: Fetcher
    parsers: Parsers
    classify: Callable[[Sequence[str]], Sequence[Prediction]]
    rule_book: Callable[[Connection], RuleBook]
    worker: str
    now: Callable[[], datetime]
    rng: random.Random
    on_headlines: Callable[[Sequence[Headline]], None] | None = None
    unreturned: set[int] = field(default_factory=set)
    stories: StoryBook = field(default_factory=StoryBook)
    trust: TrustBook = field(default_factory=TrustBook)
    pace: PaceBook = field(default_factory=PaceBook)
    ways: Ways = field(default_factory=Ways)
    sections: Callable[[], Mapping[str, str]] | None = None
    hubs: bool = False
    crowd: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(frozen=True, slots=True)
class PollReport:
    """Counts of one poll; ``network_down`` says that its failures were put down to us."""

    sources: int = 0
    failed: int = 0
    not_modified: int = 0
    new_entries: int = 0
    deliveries: int = 0
    network_down: bool = False

    def __add__(self, other: PollReport) -> PollReport:
        return PollReport(
            self.sources + other.sources,
            self.failed + other.failed,
            self.not_modified + other.not_modified,
            self.new_entries + other.new_entries,
            self.deliveries + other.deliveries,
            self.network_down or other.network_down,
        )


async def poll(kit: Kit, limit: int = 500) -> PollReport:
    """Poll up to ``limit`` due sources and store what came of it."""
    claimed = await asyncio.to_thread(_claim, kit, limit)
    if not claimed:
        return PollReport()
    unsettled = {source.id for source in claimed}
    results: asyncio.Queue[Result | None] = asyncio.Queue(maxsize=2 * STORE_AT_ONCE)
    reader = asyncio.create_task(_fetch_and_parse(kit, claimed, results))
    wait_s = FAULT_S
    try:
        report = await _store_as_they_come(kit, results, unsettled)
        await reader
        wait_s = CROWDED_S
        return report
    finally:
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)
        if unsettled:
            await asyncio.to_thread(_give_back, kit, unsettled, wait_s)


def _claim(kit: Kit, limit: int) -> list[Source]:
    late = kit.unreturned.copy()
    kit.unreturned.clear()

    def work(connection: Connection) -> list[Source]:
        sources.postpone(connection, kit.worker, dict.fromkeys(late, kit.now()))
        claimed = sources.claim(connection, kit.worker, kit.now(), limit, LEASE)
        subscriptions.answer(connection, [each.id for each in claimed])
        return claimed

    try:
        return kit.database.run(work)
    except StorageError:
        kit.unreturned.update(late)
        raise


def _give_back(kit: Kit, ids: set[int], wait_s: float) -> None:
    """Sources that were not asked (a crowded host, a drain), or whose answer could not be
    stored, come due again within ``wait_s``, spread out.
    """
    now = kit.now()
    due = {number: now + timedelta(seconds=wait_s * kit.rng.random()) for number in ids}
    try:
        kit.database.run(lambda connection: sources.postpone(connection, kit.worker, due))
    except StorageError:
        kit.unreturned.update(ids)
        raise


# fetch and parse


async def _fetch_and_parse(
    kit: Kit, claimed: Sequence[Source], results: asyncio.Queue[Result | None]
) -> None:
    """Put one Result a source on the queue, then None. Bodies wait for a parser, not in memory."""
    by_id = {source.id: source for source in claimed}
    requests = [
        FetchRequest(
            source.id,
            source.url,
            source.etag,
            source.last_modified,
            robots=SOURCE_KINDS[source.kind].robots,
            render=source.options.get("render") is True,
        )
        for source in claimed
    ]
    ahead = asyncio.Semaphore(PARSE_AHEAD)

    async def read(source: Source, outcome: Fetched, digest: str) -> None:
        try:
            await results.put(await _parse(kit, source, outcome, digest))
        finally:
            ahead.release()

    try:
        async with asyncio.TaskGroup() as group:
            async for outcome in kit.fetcher.fetch_all(requests):
                source = by_id[outcome.source_id]
                if isinstance(outcome, Fetched):
                    digest = body_digest(outcome.body)
                    if digest != source.body_hash:
                        await ahead.acquire()
                        group.create_task(read(source, outcome, digest))
                        continue
                    outcome = replace(outcome, body=b"")  # noqa: PLW2901
                await results.put(Result(source, outcome))
    finally:
        await results.put(None)


async def _parse(kit: Kit, source: Source, outcome: Fetched, digest: str) -> Result:
    try:
        parsed, keys = await kit.parsers.parse(
            source.kind,
            outcome.body,
            url=outcome.url,
            content_type=outcome.content_type,
            charset=outcome.charset,
            options=source.options,
            source_id=source.id,
        )
    except ParseError as error:
        over = isinstance(error, BudgetExceeded)
        kind = FailureKind.PARSE_BUDGET if over else FailureKind.PARSE
        return Result(source, Failed(source.id, kind, str(error)))
    return Result(
        source,
        replace(outcome, body=b""),
        parsed=parsed,
        keys=keys,
        body_hash=digest,
    )


# decide and store


async def _store_as_they_come(
    kit: Kit,
    results: asyncio.Queue[Result | None],
    unsettled: set[int],
) -> PollReport:
    """Store results in batches; failures that may be our own network's wait for the end."""
    report = PollReport()
    held: dict[Reach, list[Result]] = defaultdict(list)
    heard: dict[Reach, list[Outcome]] = defaultdict(list)
    ended = False
    while not ended:
        batch, ended = await _next_batch(results)
        ready: list[Result] = []
        for result in batch:
            outcome, way = result.outcome, kit.ways.to(result.source.url)
            heard[way].append(outcome)
            network = isinstance(outcome, Failed) and outcome.kind.is_network
            (held[way] if network else ready).append(result)
        report += await _store(kit, ready, unsettled)
    for way, outcomes in heard.items():
        down = way.is_down(outcomes)
        stored = await _store(kit, held[way], unsettled, network_down=down)
        report += replace(stored, network_down=down)
    return report


async def _next_batch(results: asyncio.Queue[Result | None]) -> tuple[list[Result], bool]:
    """What is there, after a short wait for more; the flag says that it was the last."""
    batch: list[Result] = []
    item = await results.get()
    deadline = asyncio.get_running_loop().time() + STORE_WAIT_S
    while item is not None:
        batch.append(item)
        left = deadline - asyncio.get_running_loop().time()
        if len(batch) >= STORE_AT_ONCE:
            return batch, False
        try:
            item = (
                results.get_nowait() if left <= 0 else await asyncio.wait_for(results.get(), left)
            )
        except (TimeoutError, asyncio.QueueEmpty):
            return batch, False
    return batch, True


async def _store(
    kit: Kit, batch: list[Result], unsettled: set[int], *, network_down: bool = False
) -> PollReport:
    """Store ``batch`` in as few transactions as ``in_parts`` makes.

    One part that brings much is written at a time, whatever the number of polls, each in its
    own call of a thread: whoever has little to write waits for one of them at most.
    """
    failed = sum(isinstance(result.outcome, Failed) for result in batch)
    unparsed = sum(result.parsed is None for result in batch)
    report = PollReport(len(batch), failed, not_modified=unparsed - failed)
    if not batch:
        return report
    decided = await asyncio.to_thread(_decide, kit, batch, network_down=network_down)
    for updates in in_parts(decided.updates):
        report += await _store_part(kit, decided, updates, unsettled)
    return report


async def _store_part(
    kit: Kit, decided: Decided, updates: Sequence[Update], unsettled: set[int]
) -> PollReport:
    """Store what one transaction takes; what no database takes is its own source's failure."""
    much = sum(map(brings, updates)) > LITTLE
    try:
        async with kit.crowd if much else contextlib.nullcontext():
            written = await asyncio.to_thread(_write, kit, decided, updates)
    except Unstorable as error:
        if len(updates) > 1:
            parts = [await _store_part(kit, decided, [each], unsettled) for each in updates]
            return sum(parts, PollReport())
        bare, failed = replace(decided, hubs={}), _refused(kit, updates[0], error)
        return PollReport(failed=1) + await _store_part(kit, bare, [failed], unsettled)
    unsettled.difference_update(each.source.id for each in updates if not each.partial)
    return PollReport(new_entries=written.new_entries, deliveries=written.deliveries)


def _refused(kit: Kit, update: Update, error: Unstorable) -> Update:
    """The failure that ``update`` is; raises ``error`` where that cannot be stored either."""
    if update.polled.failures:
        raise error
    failed = Failed(update.source.id, FailureKind.PARSE, f"it holds what cannot be stored: {error}")
    return decide(Result(update.source, failed), {}, kit.now(), kit.rng.random())


@dataclass(frozen=True, slots=True)
class Decided:
    """What a batch means, and what it was decided by. ``hubs`` are those that sources named."""

    updates: Sequence[Update]
    book: RuleBook
    trust: Trust
    hubs: Mapping[int, HubLink]


def _decide(kit: Kit, batch: Sequence[Result], *, network_down: bool) -> Decided:
    now = kit.now()
    keys = {
        key: result.source.id for result in batch for entry in result.keys for key in entry.all()
    }
    known, book, trust, timing = kit.database.look(
        lambda connection: (
            entries.known(connection, keys),
            kit.rule_book(connection),
            kit.trust.trust(connection, now),
            kit.pace.timing(connection, now),
        )
    )
    updates = [
        decide(result, known, now, kit.rng.random(), network_down=network_down, timing=timing)
        for result in batch
    ]
    hubs = {
        result.source.id: link for result in batch if kit.hubs and (link := result.hub) is not None
    }
    return Decided(updates, book, trust, hubs)


def _write(kit: Kit, decided: Decided, updates: Sequence[Update]) -> Written:
    """Store ``updates`` in one transaction."""
    drafts = draft(updates, kit.classify, decided.trust, kit.sections and kit.sections())
    if any(not each.update.silent for each in drafts):
        kit.database.look(lambda connection: kit.stories.catch_up(connection, kit.now()))

    def work(connection: Connection) -> tuple[Written, datetime]:
        if drafts or any(update.listed for update in updates):  # what climbs is told, too
            entries.one_at_a_time(connection)
        now, book = kit.now(), decided.book
        written = write(connection, kit.worker, updates, drafts, book, kit.stories, now)
        named = decided.hubs.keys() & written.ours
        subscriptions.note(connection, {number: decided.hubs[number] for number in named}, now)
        return written, now

    written, now = kit.database.run(work)
    for update in updates:
        if update.event:
            log.warning(update.event)
    if kit.on_headlines and written.stored:
        kit.on_headlines(tell(written, decided.book, now))
    return written
