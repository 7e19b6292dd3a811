"""Deliver what is owed: claim under a lease, send, settle.

A message is claimed in the database before it is sent and settled after it was taken, so
that whoever dies in between leaves it owed: at least once, always under the same id. Each
channel works through its own messages; a slow one keeps nobody else waiting.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from monitor import settle
from monitor.channels import Channel
from monitor.errors import StorageError, TransportError
from monitor.messages import Receipt
from monitor.settle import DeliveryReport, Outcome
from monitor.storage import Database, deliveries
from monitor.storage.deliveries import Claimed
from monitor.telemetry import logger

__all__ = ["DeliveryReport", "Outbox", "OutboxSettings"]

log = logger("outbox")
CLAIM_EVERY_S = 0.5
CLAIM_AT_ONCE = 20
# A channel keeps its own deadline; this one is for a channel that does not.
SLACK_S = 1.0


@dataclass(frozen=True, slots=True)
class OutboxSettings:
    """``lease_s`` is how long a claim lasts; ``concurrency`` bounds all sends at one time,
    ``per_channel`` those of one channel. ``owner`` names the channel that hears of trouble.
    """

    lease_s: float = 120.0
    concurrency: int = 16
    owner: str = ""
    per_channel: int = 1


@dataclass(slots=True)
class Batch:
    """What one channel works through; nothing is begun after ``until_s`` of the loop's clock."""

    name: str
    channel: Channel
    until_s: float
    queue: deque[Claimed]


class Outbox:
    """Delivers through ``channels`` (by name) what the database owes to them."""

    def __init__(
        self,
        database: Database,
        channels: Mapping[str, Channel],
        settings: OutboxSettings,
        *,
        worker: str,
        now: Callable[[], datetime],
        rng: random.Random,
    ) -> None:
        self._database = database
        self._channels = channels
        self._worker = worker
        self._now = now
        self._rng = rng
        longest_s = max((channel.deadline_s for channel in channels.values()), default=0.0)
        self._lease_s = max(settings.lease_s, 2 * (longest_s + SLACK_S))
        self._listeners = [name for name in (settings.owner, *channels) if name in channels]
        self._per_channel = settings.per_channel
        self._slots = asyncio.Semaphore(settings.concurrency)
        self._claiming = asyncio.Lock()
        self._writing = asyncio.Lock()
        self._working: dict[str, asyncio.Task[None]] = {}
        self._held: set[str] = set()
        self._left: list[str] = []  # held, and nobody works on them
        self._unwritten: list[Outcome] = []
        self._draining = False
        self._report = DeliveryReport()

    async def deliver_due(self) -> DeliveryReport:
        """Deliver until nothing is due and nothing under way; returns what this call did.

        While a slow channel keeps it here, what comes due elsewhere is delivered.
        Raises StorageError; what was sent by then and could not be written down is written
        by the next call, before it claims anything.
        """
        self._report = DeliveryReport()
        try:
            while not self._draining:
                asked_all = await self._start_due()
                if not self._working:
                    if asked_all:
                        break
                    continue  # who was at work meanwhile may be owed more
                await asyncio.wait(
                    self._working.values(),
                    timeout=CLAIM_EVERY_S,
                    return_when=asyncio.FIRST_COMPLETED,
                )
        except asyncio.CancelledError:
            await self.drain(0.0)
            raise
        return self._report

    async def drain(self, grace_s: float) -> None:
        """Begin nothing new; give sends under way ``grace_s`` to end; give back the rest.

        A send that is cut off may have arrived: it stays owed, under its id.
        """
        self._draining = True
        async with self._claiming:
            tasks = list(self._working.values())
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=grace_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        try:
            await self._flush()
            await self._give_back(list(self._held))
        except StorageError as error:
            log.error("claims could not be given back, they lapse by themselves: %s", error)

    # claim

    async def _start_due(self) -> bool:
        """Claim for every channel that is not at work, and put it to work.

        Whether that was every channel: then nothing is due that is not at work now.
        """
        async with self._claiming:
            await self._flush()
            await self._give_back(self._left)
            self._left = []
            idle = [name for name in self._channels if name not in self._working]
            if not idle or self._draining:
                return self._draining or not self._channels
            until_s = asyncio.get_running_loop().time() + self._lease_s
            found = await asyncio.to_thread(self._claim, idle)
            self._held.update(claimed.message.id for claimed in found)
            for name in dict.fromkeys(claimed.message.channel for claimed in found):
                channel = self._channels[name]
                queue = deque(claimed for claimed in found if claimed.message.channel == name)
                batch = Batch(name, channel, until_s - channel.deadline_s - SLACK_S, queue)
                self._working[name] = asyncio.create_task(self._work(batch))
            return len(idle) == len(self._channels)

    def _claim(self, names: Sequence[str]) -> list[Claimed]:
        lease = timedelta(seconds=self._lease_s)
        with self._database.read() as connection:
            if not deliveries.any_due(connection, names, self._now(), lease):
                return []
        return self._database.run(
            lambda connection: deliveries.claim(
                connection, self._worker, names, self._now(), lease, CLAIM_AT_ONCE
            )
        )

    async def _give_back(self, ids: Collection[str]) -> None:
        if ids:
            give_back = partial(deliveries.give_back, worker=self._worker, ids=ids)
            await asyncio.to_thread(self._database.run, give_back)
            self._held.difference_update(ids)

    # send

    async def _work(self, batch: Batch) -> None:
        """Send a channel's messages; what is left when the lease runs short is given back."""
        try:
            await asyncio.gather(*(self._send_each(batch) for _ in range(self._per_channel)))
            await self._give_back([claimed.message.id for claimed in batch.queue])
        except StorageError as error:
            log.error("%s: what was sent is not written down yet: %s", batch.name, error)
            self._left += [claimed.message.id for claimed in batch.queue]
        except Exception:
            log.exception("%s: a fault of this program while delivering", batch.name)
        finally:
            del self._working[batch.name]

    async def _send_each(self, batch: Batch) -> None:
        clock = asyncio.get_running_loop().time
        while batch.queue and not self._draining:
            async with self._slots:
                if clock() >= batch.until_s or not batch.queue:
                    return
                claimed = batch.queue.popleft()
                result = await self._send(batch, claimed)
            if isinstance(result, TransportError) and result.gone:
                batch.until_s = clock()  # it asked not to be called again
            await self._settle(Outcome(claimed, result, self._rng.random()))

    async def _send(self, batch: Batch, claimed: Claimed) -> Receipt | TransportError:
        """A channel that breaks its contract is a failed attempt, never a lost message."""
        limit_s = batch.channel.deadline_s + SLACK_S
        try:
            async with asyncio.timeout(limit_s):
                return await batch.channel.send(claimed.message)
        except TransportError as error:
            return error
        except TimeoutError:
            return TransportError(f"{batch.name} did not end within {limit_s:g} s")
        except Exception as error:
            log.exception("%s: a fault of this program while sending", batch.name)
            return TransportError(f"a fault of this program: {type(error).__name__}")

    # settle

    async def _settle(self, outcome: Outcome) -> None:
        """Durable when it returns. Outcomes that wait at the same time share a transaction."""
        self._unwritten.append(outcome)
        await self._flush()

    async def _flush(self) -> None:
        async with self._writing:
            outcomes, self._unwritten = self._unwritten, []
            if not outcomes:
                return
            try:
                report = await asyncio.to_thread(self._write, outcomes)
            except BaseException:
                self._unwritten = [*outcomes, *self._unwritten]
                raise
            self._report += report
            self._held.difference_update(outcome.claimed.message.id for outcome in outcomes)

    def _write(self, outcomes: Sequence[Outcome]) -> DeliveryReport:
        now = self._now()
        report = self._database.run(
            lambda connection: settle.write(
                connection, self._worker, outcomes, self._listeners, now
            )
        )
        settle.tell(outcomes, now)
        return report
