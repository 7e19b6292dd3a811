"""SIGKILL in the middle of delivering, on both databases."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Self

import pytest

from monitor.storage import Database, deliveries
from tests.fakes import NOW, make_message
from tests.httpserver import Exchange, HttpServer, Reply
from tests.soak import count

ALERTS = count(90, 400)
KILLS = count(20, 100)
ROOT = Path(__file__).parents[2]


@pytest.mark.soak
def test_hostile_02_every_alert_arrives_and_twice_only_under_its_id(database: Database) -> None:
    titles = {f"msg_{number:03}": f"headline {number}" for number in range(ALERTS)}
    with database.write() as connection:
        owed = [make_message(number, title) for number, title in titles.items()]
        deliveries.insert_many(connection, owed, NOW)
    url = database.engine.url.render_as_string(hide_password=False)
    rng = random.Random(20)
    kill_at, hit = 0, threading.Event()

    async def take(exchange: Exchange) -> None:
        """Every other kill hits before the answer, every other one after it."""
        before = len(server.requests) % 2 == 0
        if before and len(server.requests) >= kill_at:
            hit.set()
        await exchange.send(Reply(204))
        if len(server.requests) >= kill_at:
            hit.set()

    with HttpServer() as server, Workers(url, server.url("/hook")) as workers:
        server.fallback(take)
        for _ in range(KILLS):
            hit.clear()
            kill_at = len(server.requests) + rng.randint(1, 4)
            worker = workers.start()
            assert hit.wait(30), "the worker delivered nothing"
            os.kill(worker, signal.SIGKILL)
        kill_at = 10**9
        worker = workers.start()
        server.wait_for(lambda: counts(database) == {"sent": ALERTS}, 60)
        os.kill(worker, signal.SIGKILL)
    arrived = [(request.headers["webhook-id"], title(request.body)) for request in server.requests]
    assert dict(arrived) == titles
    assert len(set(arrived)) == ALERTS  # an id always brings the same alert
    # Without a kill between a receiver's yes and its being written down this would prove little.
    assert 0 < len(arrived) - ALERTS <= KILLS


class Workers:
    """One worker at a time, each forked from a process that has everything imported."""

    def __init__(self, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.monitor.outbox_worker", *arguments],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._worker, signal.SIGKILL)
        self._process.communicate(timeout=10)

    def start(self) -> int:
        """The number of a worker; the one before it has ended."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(b"start\n")
        self._process.stdin.flush()
        self._worker = int(self._process.stdout.readline())
        return self._worker


def counts(database: Database) -> dict[str, int]:
    with database.read() as connection:
        return deliveries.counts(connection)


def title(body: bytes) -> str:
    return str(json.loads(body)["data"]["entries"][0]["title"])
