"""Processes that deliver until they are killed: ``python -m tests.monitor.outbox_worker DB URL``.

For each line on standard input a child is forked, which spares it the imports, and its number
is printed; the next line is read when it has ended.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
from datetime import UTC, datetime
from urllib.parse import urlsplit

from monitor import channels
from monitor.client import ClientSettings, HttpClient
from monitor.outbox import Outbox, OutboxSettings
from monitor.storage import Database, deliveries

SECRET = "whsec_" + "A" * 32


async def main(database_url: str, hook: str) -> None:
    database = Database(database_url)
    worker = f"worker-{os.getpid()}"
    # As a daemon does that has just become the only one.
    database.run(lambda connection: deliveries.release_others(connection, worker))
    async with HttpClient(
        ClientSettings("tester", allow_private=(urlsplit(hook).netloc,))
    ) as client:
        table = {"kind": "webhook", "url": hook, "secrets": [SECRET]}
        outbox = Outbox(
            database,
            {"one": channels.build("one", table, channels.Means(client))},
            OutboxSettings(),
            worker=worker,
            now=lambda: datetime.now(UTC),
            rng=random.Random(1),
        )
        while True:
            await outbox.deliver_due()
            await asyncio.sleep(0.05)


if __name__ == "__main__":
    for _ in sys.stdin:
        child = os.fork()
        if not child:
            asyncio.run(main(*sys.argv[1:]))
        print(child, flush=True)
        os.waitpid(child, 0)
