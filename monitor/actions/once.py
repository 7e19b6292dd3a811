"""One pass of the daemon's work, then the end: ``poll``."""

from __future__ import annotations

import asyncio

from monitor import digests, trustbook
from monitor.actions.opening import opened
from monitor.config import Settings
from monitor.pipeline import PollReport, poll
from monitor.schedule import is_due
from monitor.service import Service, utc_now
from monitor.storage import Database, sources
from monitor.storybook import group_some
from monitor.types import SourceState
from monitor.watch import Vitals
from monitor.worker import worker_name

CLAIM_AT_ONCE = 500


async def poll_due(settings: Settings, *, everything: bool = False) -> PollReport:
    """Poll what is due (or every active source) and deliver what is owed at once.

    Safe beside a daemon: both claim what they poll.
    """
    total = PollReport()
    with opened(settings) as database:
        due = await asyncio.to_thread(_due, database, everything)
        async with Service(settings, database, worker=worker_name()) as service:
            # Sources that come due while this works are for the next pass.
            while total.sources < due:
                report = await poll(service.kit, min(CLAIM_AT_ONCE, due - total.sources))
                if not report.sources:
                    break
                total += report
            await asyncio.to_thread(
                digests.release_due, database, service.kit.rule_book, service.now
            )
            await service.outbox.deliver_due()
            await asyncio.to_thread(_group, service)
            names = service.classifier.names(service.taxonomy)
            await asyncio.to_thread(trustbook.measure_if_due, database, service.now(), names)
            if await asyncio.to_thread(_look_after, service):
                await service.outbox.deliver_due()
    return total


def _look_after(service: Service) -> bool:
    """Whether there is something to tell of sources, or of ourselves."""
    vitals = Vitals(service.kit.ways.seen_down, service.classifier.refused)
    return bool(service.watch.look(service.database, service.kit.rule_book, vitals))


def _group(service: Service) -> None:
    """Find the stories of what first polls brought."""
    while group_some(service.database, service.kit.stories, service.now()):
        pass


def _due(database: Database, everything: bool) -> int:
    """How many sources this pass is for; ``everything`` makes every active one due."""
    if everything:
        return database.run(lambda connection: sources.make_all_due(connection, utc_now()))
    now = utc_now()
    with database.read() as connection:
        return sum(
            row["state"] == SourceState.ACTIVE
            and is_due(
                now,
                row["next_fetch_at"],
                interval_s=row["interval_s"],
                failures=row["failures"],
                wait_s=row["wait_s"],
            )
            for row in sources.list_all(connection)
        )
