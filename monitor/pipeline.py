"""One poll, top to bottom: claim, fetch, parse, decide, store. Read this first.

    claim     take the sources that are due, under a lease
    fetch     ask their servers; what comes back is Fetched, NotModified or Failed
    parse     a body into entries, in a process with limits; what waits to be stored is bounded
    decide    pure: what is new, revised, owed (monitor.decide)
    store     entries, matches and the deliveries they cause, in a transaction (monitor.store),
              what brings little first, what brings much in parts (monitor.storing)

A source whose outcome is stored is settled by that same transaction. Whatever ends the
program before it leaves the source claimed, and the next daemon polls it again.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from sqlalchemy.engine import Connection

from monitor.decide import Result, body_digest
from monitor.errors import BudgetExceeded, ParseError, StorageError
from monitor.kit import Kit, PollReport
from monitor.reach import Reach
from monitor.room import Room, Share
from monitor.sources import SOURCE_KINDS
from monitor.storage import sources, subscriptions
from monitor.storing import Store
from monitor.telemetry import logger
from monitor.types import (
    Failed,
    FailureKind,
    Fetched,
    FetchRequest,
    Outcome,
    Source,
)

__all__ = ["Kit", "PollReport", "poll"]

log = logger("poll")
LEASE = timedelta(minutes=15)
STORE_AT_ONCE = 64
STORE_WAIT_S = 0.1
# Of bodies that wait for a parser, so many that who brings little seldom waits behind them.
AHEAD_BYTES = 16 * 1024 * 1024
# Of what is to be parsed so much counts as an entry: few documents have more of them.
BYTES_AN_ENTRY = 150
CROWDED_S = 60.0
FAULT_S = 5.0


async def poll(kit: Kit, limit: int = 500) -> PollReport:
    """Poll up to ``limit`` due sources and store what came of it."""
    claimed = await asyncio.to_thread(_claim, kit, limit)
    if not claimed:
        return PollReport()
    unsettled = {source.id for source in claimed}
    wait_s = FAULT_S
    try:
        with kit.room.share() as share:
            report = await _work(kit, claimed, share, unsettled)
        wait_s = 0.0 if kit.fetcher.drained else CROWDED_S
        return report
    finally:
        if unsettled:
            await asyncio.to_thread(_give_back, kit, unsettled, wait_s)


async def _work(
    kit: Kit, claimed: Sequence[Source], share: Share, unsettled: set[int]
) -> PollReport:
    """Read and store side by side; who stores much does not keep the rest waiting."""
    results: asyncio.Queue[Result | None] = asyncio.Queue(maxsize=2 * STORE_AT_ONCE)
    store = Store(kit, share, unsettled)
    reader = asyncio.create_task(_fetch_and_parse(kit, claimed, results, share))
    writer = asyncio.create_task(store.write_crowds())
    try:
        report = await _store_as_they_come(kit, results, store)
        store.crowds.put_nowait(None)
        report += await writer
        await reader
        return report
    finally:
        reader.cancel()
        writer.cancel()
        await asyncio.gather(reader, writer, return_exceptions=True)


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
    """Sources that were not asked (a crowded host, a drain: who takes over asks them at once),
    or whose answer could not be stored, come due again within ``wait_s``, spread out.
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
    kit: Kit, claimed: Sequence[Source], results: asyncio.Queue[Result | None], share: Share
) -> None:
    """Put one Result a source on the queue, then None. Few bodies wait in memory for a parser."""
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
    ahead = Room(AHEAD_BYTES)

    async def read(source: Source, outcome: Fetched, digest: str) -> None:
        size = len(outcome.body)
        try:
            about = size // BYTES_AN_ENTRY
            await share.take(about)
            result = await _parse(kit, source, outcome, digest)
            share.give(about - result.size)
            await results.put(result)
        finally:
            ahead.give(size)

    try:
        async with asyncio.TaskGroup() as group:
            async for outcome in kit.fetcher.fetch_all(requests):
                source = by_id[outcome.source_id]
                if isinstance(outcome, Fetched):
                    digest = body_digest(outcome.body)
                    if digest != source.body_hash:
                        await ahead.take(len(outcome.body))
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


# store


async def _store_as_they_come(
    kit: Kit, results: asyncio.Queue[Result | None], store: Store
) -> PollReport:
    """Store results in batches; failures that may be our own network's wait for the end."""
    report = PollReport()
    held: dict[Reach, list[Result]] = defaultdict(list)
    heard: dict[Reach, list[Outcome]] = defaultdict(list)
    ended = False

    def is_held(result: Result) -> bool:
        outcome, way = result.outcome, kit.ways.to(result.source.url)
        heard[way].append(outcome)
        network = isinstance(outcome, Failed) and outcome.kind.is_network
        if network:
            held[way].append(result)
        return network

    while not ended:
        batch, ended = await _next_batch(results)
        ready = [each for each in batch if not is_held(each)]
        batch.clear()  # what is stored need not be kept until more comes
        report += await store.take(ready)
        ready.clear()
    for way, outcomes in heard.items():
        down = way.is_down(outcomes)
        stored = await store.take(held[way], network_down=down)
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
