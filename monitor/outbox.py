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
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy.engine import Connection

from monitor import alerts
from monitor.attempts import ChannelState, Dead, after_failure, channel_after
from monitor.channels import Channel
from monitor.errors import StorageError, TransportError
from monitor.storage import Database, deliveries
from monitor.storage.deliveries import Claimed, Failure
from monitor.telemetry import logger
from monitor.types import Message, Receipt

log = logger("outbox")
CLAIM_EVERY_S = 0.5
CLAIM_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class OutboxSettings:
    """``lease_s`` is how long a claim lasts; ``concurrency`` bounds all sends at one time,
    ``per_channel`` those of one channel. ``owner`` names the channel that hears of trouble.
    """

    lease_s: float = 120.0
    concurrency: int = 16
    owner: str = ""
    per_channel: int = 1


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """Counts of attempts: those that arrived, that are tried again, that were given up."""

    sent: int = 0
    retried: int = 0
    dead: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one attempt ended."""

    claimed: Claimed
    receipt: Receipt | None = None
    error: TransportError | None = None


@dataclass(slots=True)
class Batch:
    """What one channel works through; nothing is begun after ``until_s`` of the loop's clock."""

    channel: Channel
    until_s: float
    queue: deque[Claimed] = field(default_factory=deque)


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
        self._settings = settings
        self._worker = worker
        self._now = now
        self._rng = rng
        longest_s = max((channel.deadline_s for channel in channels.values()), default=0.0)
        self._lease_s = max(settings.lease_s, 2 * longest_s)
        self._slots = asyncio.Semaphore(settings.concurrency)
        self._working: dict[str, asyncio.Task[None]] = {}
        self._unwritten: list[Outcome] = []
        self._writing = asyncio.Lock()
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
                await self._start_due()
                if not self._working:
                    break
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

        A send that is cut off may have arrived: it is owed again, under its id.
        """
        self._draining = True
        tasks = list(self._working.values())
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=grace_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        try:
            await self._flush()
            await self._give_back(None)
        except StorageError as error:
            log.error("claims could not be given back, they lapse by themselves: %s", error)

    async def _give_back(self, ids: Collection[str] | None) -> None:
        await asyncio.to_thread(
            self._database.run,
            partial(deliveries.give_back, worker=self._worker, ids=ids),
        )

    # claim

    async def _start_due(self) -> None:
        """Claim for every channel that is not at work, and put it to work."""
        await self._flush()
        idle = [name for name in self._channels if name not in self._working]
        if not idle:
            return
        until_s = asyncio.get_running_loop().time() + self._lease_s
        found = await asyncio.to_thread(self._claim, idle)
        batches: dict[str, Batch] = {}
        for claimed in found:
            channel = self._channels[claimed.message.channel]
            batch = batches.setdefault(channel.name, Batch(channel, until_s - channel.deadline_s))
            batch.queue.append(claimed)
        for name, batch in batches.items():
            task = asyncio.create_task(self._work(batch), name=f"deliver-{name}")
            self._working[name] = task
            task.add_done_callback(partial(self._worked, name))

    def _worked(self, name: str, task: asyncio.Task[None]) -> None:
        self._working.pop(name, None)
        if not task.cancelled() and (error := task.exception()):
            log.error("%s: a fault of this program while delivering", name, exc_info=error)

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

    # send

    async def _work(self, batch: Batch) -> None:
        """Send a channel's messages; what is left when the lease runs short is given back."""
        lanes = (self._send_each(batch) for _ in range(self._settings.per_channel))
        try:
            await asyncio.gather(*lanes)
            if batch.queue:
                await self._give_back([claimed.message.id for claimed in batch.queue])
        except StorageError as error:
            log.error("%s: what was sent is not written down yet: %s", batch.channel.name, error)

    async def _send_each(self, batch: Batch) -> None:
        clock = asyncio.get_running_loop().time
        while batch.queue and not self._draining:
            async with self._slots:
                if clock() >= batch.until_s or not batch.queue:
                    return
                outcome = await self._send(batch.channel, batch.queue.popleft())
            await self._settle(outcome)

    async def _send(self, channel: Channel, claimed: Claimed) -> Outcome:
        try:
            async with asyncio.timeout(channel.deadline_s):
                return Outcome(claimed, receipt=await channel.send(claimed.message))
        except TransportError as error:
            return Outcome(claimed, error=error)
        except TimeoutError:
            text = f"{channel.name} did not answer within {channel.deadline_s:g} s"
            return Outcome(claimed, error=TransportError(text))
        except Exception as error:
            log.exception("%s: a fault of this program while sending", channel.name)
            text = f"a fault of this program: {type(error).__name__}"
            return Outcome(claimed, error=TransportError(text))

    # settle

    async def _settle(self, outcome: Outcome) -> None:
        """Durable when it returns. Outcomes that wait at the same time share a transaction."""
        self._unwritten.append(outcome)
        await self._flush()

    async def _flush(self) -> None:
        async with self._writing:
            batch, self._unwritten = self._unwritten, []
            if not batch:
                return
            try:
                report = await asyncio.to_thread(self._write, batch)
            except BaseException:
                self._unwritten = [*batch, *self._unwritten]
                raise
            self._report = DeliveryReport(
                self._report.sent + report.sent,
                self._report.retried + report.retried,
                self._report.dead + report.dead,
            )

    def _write(self, batch: Sequence[Outcome]) -> DeliveryReport:
        now = self._now()
        sent = {
            outcome.claimed.message.id: outcome.receipt.detail
            for outcome in batch
            if outcome.receipt is not None
        }
        failures = [
            self._failure(outcome.claimed, outcome.error, now) for outcome in batch if outcome.error
        ]

        def write(connection: Connection) -> None:
            deliveries.settle_sent(connection, sent, now)
            deliveries.settle_failed(connection, self._worker, failures, now)
            self._judge_channels(connection, batch, now)

        self._database.run(write)
        dead = sum(failure.next_attempt_at is None for failure in failures)
        return DeliveryReport(len(sent), len(failures) - dead, dead)

    def _failure(self, claimed: Claimed, error: TransportError, now: datetime) -> Failure:
        message, attempts = claimed.message, claimed.attempts + 1
        verdict = after_failure(attempts, error, now, self._rng.random())
        next_attempt_at = None if isinstance(verdict, Dead) else verdict.next_attempt_at
        fate = "given up" if next_attempt_at is None else f"again at {next_attempt_at:%H:%M:%S} UTC"
        log.warning(
            "%s: %s was not delivered (attempt %d), %s: %s",
            message.channel, message.id, attempts, fate, error,
        )  # fmt: skip
        return Failure(message.id, str(error), next_attempt_at)

    # channels

    def _judge_channels(
        self, connection: Connection, batch: Sequence[Outcome], now: datetime
    ) -> None:
        """Keep what the attempts say of their channels; switch hopeless ones off and tell."""
        names = {outcome.claimed.message.channel for outcome in batch}
        known = deliveries.channels_known(connection)
        changed: dict[str, ChannelState] = {}
        for name in names:
            mine = [outcome for outcome in batch if outcome.claimed.message.channel == name]
            before = known.get(name, ChannelState())
            errors = [outcome.error for outcome in mine if outcome.error]
            succeeded = any(outcome.receipt for outcome in mine)
            after = channel_after(before, errors, now, succeeded=succeeded)
            if after != before:
                changed[name] = after
        if changed:
            deliveries.set_channels(connection, changed)
            deliveries.insert_many(connection, self._notices(known, changed, now), now)

    def _notices(
        self,
        known: Mapping[str, ChannelState],
        changed: Mapping[str, ChannelState],
        now: datetime,
    ) -> list[Message]:
        states = {**known, **changed}
        off = [name for name, state in changed.items() if state.disabled_at == now]
        working = [
            name
            for name in dict.fromkeys((self._settings.owner, *self._channels))
            if name in self._channels and states.get(name, ChannelState()).disabled_at is None
        ]
        for name in off:
            log.error("channel %s is switched off: %s", name, states[name].reason)
        return [
            alerts.notice(
                f"The channel {name!r} is switched off: {states[name].reason}. "
                f"What it owes is kept. Mend it, then run: headlines channels test {name}",
                working[0],
                name,
                now,
            )
            for name in off
            if working
        ]
