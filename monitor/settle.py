"""Write down how attempts ended: deliveries, their channels, and what the owner hears of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.engine import Connection

from monitor import alerts
from monitor.attempts import (
    TRIED_SINCE,
    TRIED_UNTIL,
    ChannelState,
    Dead,
    after_failure,
    channel_after,
    is_long_failing,
)
from monitor.errors import TransportError
from monitor.messages import Message, Receipt
from monitor.storage import deliveries, ledger
from monitor.storage.deliveries import Claimed, Failure
from monitor.storage.ledger import Attempt
from monitor.telemetry import logger

log = logger("outbox")


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """Counts of attempts: those that arrived, that are tried again, that were given up."""

    sent: int = 0
    retried: int = 0
    dead: int = 0

    def __add__(self, other: DeliveryReport) -> DeliveryReport:
        return DeliveryReport(
            self.sent + other.sent, self.retried + other.retried, self.dead + other.dead
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended; ``jitter`` in [0, 1) moves the next one."""

    claimed: Claimed
    result: Receipt | TransportError
    jitter: float

    @property
    def channel(self) -> str:
        """The channel that was tried."""
        return self.claimed.message.channel


def write(
    connection: Connection,
    worker: str,
    outcomes: Sequence[Outcome],
    listeners: Sequence[str],
    now: datetime,
) -> DeliveryReport:
    """Settle the deliveries of ``outcomes``, which ``worker`` had claimed, and their channels.

    When a channel is switched off, the first of ``listeners`` (channels) that works is told.
    """
    sent = {
        outcome.claimed.message.id: outcome.result.detail
        for outcome in outcomes
        if isinstance(outcome.result, Receipt)
    }
    failures = [
        failure(outcome, outcome.result, now)
        for outcome in outcomes
        if isinstance(outcome.result, TransportError)
    ]
    deliveries.settle_sent(connection, sent, now)
    deliveries.settle_failed(connection, worker, failures, now)
    ledger.record(connection, [attempt(outcome, now) for outcome in outcomes], now)
    known = deliveries.channels_known(connection)
    failing = [name for name, state in known.items() if is_long_failing(state, now)]
    tried = ledger.tried(connection, failing, now - TRIED_SINCE, now - TRIED_UNTIL)
    changed = channels_after(known, outcomes, now, tried)
    if changed:
        deliveries.set_channels(connection, changed)
        told = notices({**known, **changed}, list(changed), listeners, now)
        deliveries.insert_many(connection, told, now)
    deliveries.insert_many(
        connection, warnings({**known, **changed}, outcomes, listeners, now), now
    )
    dead = sum(each.next_attempt_at is None for each in failures)
    return DeliveryReport(len(sent), len(failures) - dead, dead)


def attempt(outcome: Outcome, now: datetime) -> Attempt:
    """An attempt as the ledger keeps it."""
    number = outcome.claimed.attempts + 1
    if isinstance(outcome.result, Receipt):
        detail = deliveries.short(outcome.result.detail)
        return Attempt(outcome.claimed.message.id, number, "sent", detail)
    after = failure(outcome, outcome.result, now)
    ended = "dead" if after.next_attempt_at is None else "retry"
    return Attempt(after.id, number, ended, deliveries.short(after.detail), after.next_attempt_at)


def failure(outcome: Outcome, error: TransportError, now: datetime) -> Failure:
    """What becomes of the delivery after ``error``."""
    attempts = outcome.claimed.attempts + 1
    verdict = after_failure(attempts, error, now, outcome.jitter)
    next_attempt_at = None if isinstance(verdict, Dead) else verdict.next_attempt_at
    return Failure(outcome.claimed.message.id, str(error), next_attempt_at)


def channels_after(
    known: Mapping[str, ChannelState],
    outcomes: Sequence[Outcome],
    now: datetime,
    tried: Collection[str],
) -> dict[str, ChannelState]:
    """The channels of which something else is known now; ``tried`` of late are some."""
    changed = {}
    for name in dict.fromkeys(outcome.channel for outcome in outcomes):
        results = [outcome.result for outcome in outcomes if outcome.channel == name]
        errors = [each for each in results if isinstance(each, TransportError) and not each.partly]
        before = known.get(name, ChannelState())
        after = channel_after(
            before, errors, now, succeeded=len(errors) < len(results), tried=name in tried
        )
        if after != before:
            changed[name] = after
    return changed


def notices(
    states: Mapping[str, ChannelState],
    changed: Sequence[str],
    listeners: Sequence[str],
    now: datetime,
) -> list[Message]:
    """What is to be said of the channels of ``changed`` that have just been switched off."""
    off = [name for name in changed if states[name].disabled_at]
    working = _working(states, listeners)
    for name in off:
        log.error("channel %s is switched off: %s", name, states[name].reason)
    return [
        alerts.notice(
            f"The channel {name!r} is switched off: {states[name].reason.rstrip('.')}. "
            f"What it owes is kept. Mend it, then run: headlines channels test {name}",
            f"通道 {name!r} 已停用：{states[name].reason.rstrip('.')}。"
            f"待发的提醒都已保留。修复后请运行：headlines channels test {name}",
            working[0],
            name,
            now,
        )
        for name in off
        if working
    ]


def warnings(
    states: Mapping[str, ChannelState],
    outcomes: Sequence[Outcome],
    listeners: Sequence[str],
    now: datetime,
) -> list[Message]:
    """What the owner is to hear of messages that arrived otherwise than they were to.

    Its id depends on nothing but channel and words: the same is told once.
    """
    listener = next(iter(_working(states, listeners)), None)
    found = {
        (outcome.channel, outcome.result.warning)
        for outcome in outcomes
        if isinstance(outcome.result, Receipt) and outcome.result.warning
    }
    for channel, warning in sorted(found):
        log.warning("%s: %s", channel, warning)
    return [
        Message(
            id=alerts.message_id("warning", channel, warning),
            rule="",
            query="",
            channel=listener,
            created_at=now,
            notice=f"The channel {channel!r}: {warning}",
            notice_zh=f"通道 {channel!r}：{warning}",
        )
        for channel, warning in sorted(found)
        if listener
    ]


def _working(states: Mapping[str, ChannelState], listeners: Sequence[str]) -> list[str]:
    """Those of ``listeners`` that are not switched off: first those that do not fail, either."""
    on = [name for name in dict.fromkeys(listeners) if works(states, name)]
    return sorted(on, key=lambda name: name in states and states[name].failing_since is not None)


def works(states: Mapping[str, ChannelState], name: str) -> bool:
    """Whether the channel is not switched off."""
    return states.get(name, ChannelState()).disabled_at is None


def tell(outcomes: Sequence[Outcome], now: datetime) -> None:
    """Log the attempts that failed."""
    for outcome in outcomes:
        if isinstance(outcome.result, TransportError):
            after = failure(outcome, outcome.result, now)
            at = after.next_attempt_at
            log.warning(
                "%s: %s was not delivered (attempt %d), %s: %s",
                outcome.channel,
                after.id,
                outcome.claimed.attempts + 1,
                f"again at {at:%Y-%m-%d %H:%M:%S} UTC" if at else "given up",
                after.detail,
            )
