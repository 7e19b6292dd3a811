"""One pass of the daemon's work, then the end: ``poll`` and ``channels test``."""

from __future__ import annotations

import asyncio
import secrets

from monitor.client import ClientSettings, HttpClient
from monitor.config import Settings
from monitor.pipeline import PollReport, poll
from monitor.service import USER_AGENT, Service, build_channels, open_database, utc_now
from monitor.storage import sources
from monitor.types import AlertEntry, Message
from monitor.worker import worker_name

CLAIM_AT_ONCE = 500


async def poll_due(settings: Settings, *, everything: bool = False) -> PollReport:
    """Poll what is due (or every active source) and deliver what is owed at once.

    Safe beside a daemon: both claim what they poll.
    """
    database = await asyncio.to_thread(open_database, settings)
    if everything:
        await asyncio.to_thread(
            database.run, lambda connection: sources.make_all_due(connection, utc_now())
        )
    total = PollReport()
    async with Service(settings, database, worker=worker_name()) as service:
        while True:
            report = await poll(service.kit, CLAIM_AT_ONCE)
            if not report.sources:
                break
            total += report
        await service.outbox.deliver_due()
    database.close()
    return total


async def test_channel(settings: Settings, name: str) -> str:
    """Send a test message through a channel now; the receiver's answer. Raises TransportError."""
    async with HttpClient(
        ClientSettings(USER_AGENT, allow_private=settings.polling.allow_private)
    ) as client:
        channel = build_channels(settings, client)[name]
        receipt = await channel.send(_test_message(name))
    return receipt.detail


def _test_message(channel: str) -> Message:
    now = utc_now()
    entry = AlertEntry(
        id=0,
        title="A test of Headline Monitor 新闻监测测试",
        url="",
        source="Headline Monitor",
        section="tech",
        probability=1.0,
        unsure=False,
        published_at=None,
        first_seen_at=now,
    )
    number = f"msg_test_{secrets.token_hex(12)}"
    return Message(number, "test", "test", channel, now, (entry,))
