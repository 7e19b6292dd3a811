"""The last steps of a poll: decide what its answers mean, and store that a part at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.engine import Connection

from monitor.ahead import read_doubtful
from monitor.decide import Result, Update, decide
from monitor.errors import Unstorable
from monitor.hints.trust import Trust
from monitor.kit import Kit, PollReport
from monitor.parts import LITTLE, brings, in_parts
from monitor.room import Share
from monitor.rulebook import RuleBook
from monitor.storage import entries, subscriptions
from monitor.store import Written, draft, tell, write
from monitor.telemetry import logger
from monitor.types import Failed, FailureKind, HubLink

log = logger("poll")


class Store:
    """Stores the results of one poll in as few transactions as ``in_parts`` makes.

    What brings little is written at once. What brings much waits in ``crowds``: of such parts one
    is written at a time, whatever the number of polls, each in its own call of a thread, so that
    whoever has little to write waits for one of them at most.
    """

    def __init__(self, kit: Kit, share: Share, unsettled: set[int]) -> None:
        self._kit = kit
        self._share = share
        self._unsettled = unsettled
        self.crowds: asyncio.Queue[tuple[Decided, list[Update]] | None] = asyncio.Queue()

    async def take(self, batch: Sequence[Result], *, network_down: bool = False) -> PollReport:
        """Decide on ``batch`` and write what brings little; the report is of that."""
        failed = sum(isinstance(result.outcome, Failed) for result in batch)
        unparsed = sum(result.parsed is None for result in batch)
        report = PollReport(len(batch), failed, not_modified=unparsed - failed)
        if not batch:
            return report
        decided, updates = await asyncio.to_thread(
            _decide, self._kit, batch, network_down=network_down
        )
        self._share.give(sum(each.size for each in batch) - sum(map(brings, updates)))
        begun: set[int] = set()  # a source's parts are written in their order: the last settles it
        for part in in_parts(updates):
            ids = {each.source.id for each in part}
            if sum(map(brings, part)) > LITTLE or ids & begun:
                begun |= ids
                self.crowds.put_nowait((decided, part))
            else:
                report += await self._write(decided, part)
        return report

    async def write_crowds(self) -> PollReport:
        """Write what brings much, until there is None.

        After a fault nothing more is written, and what waits gives way: it is polled again.
        """
        report, fault = PollReport(), None
        while (crowd := await self.crowds.get()) is not None:
            decided, part = crowd
            if fault is not None:
                self._share.give(sum(map(brings, part)))
                continue
            try:
                async with self._kit.crowd:
                    report += await self._write(decided, part)
            except Exception as error:
                fault = error
        if fault is not None:
            raise fault
        return report

    async def _write(self, decided: Decided, updates: Sequence[Update]) -> PollReport:
        try:
            report = await self._stored(decided, updates)
        finally:
            self._share.give(sum(map(brings, updates)))
        if report.deliveries and self._kit.on_owed:
            self._kit.on_owed()
        return report

    async def _stored(self, decided: Decided, updates: Sequence[Update]) -> PollReport:
        """Store what one transaction takes; what no database takes is its own source's failure."""
        try:
            written = await asyncio.to_thread(_write, self._kit, decided, updates)
        except Unstorable as error:
            if len(updates) > 1:
                parts = [await self._stored(decided, [each]) for each in updates]
                return sum(parts, PollReport())
            bare, failed = replace(decided, hubs={}), _refused(self._kit, updates[0], error)
            return PollReport(failed=1) + await self._stored(bare, [failed])
        self._unsettled.difference_update(each.source.id for each in updates if not each.partial)
        return PollReport(new_entries=written.new_entries, deliveries=written.deliveries)


def _refused(kit: Kit, update: Update, error: Unstorable) -> Update:
    """The failure that ``update`` is; raises ``error`` where that cannot be stored either."""
    if update.polled.failures:
        raise error
    failed = Failed(update.source.id, FailureKind.PARSE, f"it holds what cannot be stored: {error}")
    return decide(Result(update.source, failed), {}, kit.now(), kit.rng.random())


@dataclass(frozen=True, slots=True)
class Decided:
    """What a batch was decided by. ``hubs`` are those that sources named."""

    book: RuleBook
    trust: Trust
    hubs: Mapping[int, HubLink]


def _decide(
    kit: Kit, batch: Sequence[Result], *, network_down: bool
) -> tuple[Decided, list[Update]]:
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
    return Decided(book, trust, hubs), updates


def _write(kit: Kit, decided: Decided, updates: Sequence[Update]) -> Written:
    """Store ``updates`` in one transaction."""
    drafts = draft(updates, kit.classify, decided.trust, kit.sections and kit.sections())
    if any(not each.update.silent for each in drafts):
        kit.database.look(lambda connection: kit.stories.catch_up(connection, kit.now()))
        read_doubtful(kit.database, kit.stories, drafts, decided.book, kit.now())

    def work(connection: Connection) -> tuple[Written, RuleBook, datetime]:
        if drafts or any(update.listed for update in updates):  # what climbs is told, too
            entries.one_at_a_time(connection)
        # A rule may have been removed, or snoozed, since the answers were decided on.
        now, book = kit.now(), kit.rule_book(connection)
        written = write(connection, kit.worker, updates, drafts, book, kit.stories, now)
        named = decided.hubs.keys() & written.ours
        subscriptions.note(connection, {number: decided.hubs[number] for number in named}, now)
        return written, book, now

    written, book, now = kit.database.run(work)
    for update in updates:
        if update.event and (not update.moved_from or update.source.id in written.moved):
            log.warning(update.event)
    if kit.on_headlines and written.stored:
        kit.on_headlines(tell(written, book, now))
    return written
