"""Looks after sources and after the program itself, and tells who should know.

Each trouble is told once, and once more when it is over. Events go to the channels of the
rules that ask for them (``event:source-silent``); what no rule asks for goes to the owner's
channel, or to another that works.
"""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy.engine import Connection

from monitor.alerts import after_quiet, notice
from monitor.attempts import ChannelState
from monitor.health import (
    AILMENTS,
    CLOCK_JUMP,
    DELIVERY_FAILING,
    DISK_FREE_BYTES,
    Event,
    EventKind,
    Finding,
    TroubleKey,
    changes,
    told_together,
)
from monitor.messages import Message
from monitor.rulebook import RuleBook
from monitor.rules.matcher import Subject
from monitor.storage import Database, deliveries, entries, troubles
from monitor.telemetry import logger

log = logger("watch")
# The outbox takes what is due much later than in a day for due now.
LONGEST_SLEEP = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Vitals:
    """How the program does: each is empty, or False, while all is well.

    ``network_down`` is None where nobody can say yet, as after a start.
    """

    network_down: bool | None = False
    model_refused: str = ""


def free_bytes(folder: Path) -> int:
    """What is left on the disk of ``folder``."""
    return shutil.disk_usage(folder).free


class Watch:
    """Compares what is with what was told. ``passed_s`` gives seconds that never jump."""

    def __init__(
        self,
        folder: Path,
        listeners: Sequence[str],
        *,
        now: Callable[[], datetime],
        passed_s: Callable[[], float],
        free: Callable[[Path], int] = free_bytes,
    ) -> None:
        self._folder = folder
        self._listeners = listeners
        self._now = now
        self._passed_s = passed_s
        self._free = free
        self._last = (now(), passed_s())
        self._jumps: list[Finding] = []  # of which nothing is stored yet

    def look(
        self,
        database: Database,
        rule_book: Callable[[Connection], RuleBook],
        vitals: Vitals,
    ) -> list[Event]:
        """Look once; what began or ended, which is owed when this returns. StorageError."""
        now = self._now()
        self._jumps += self._clock_jump(now)

        def work(connection: Connection) -> list[Event]:
            entries.one_at_a_time(connection)  # of two that look one tells
            known = troubles.known(connection)
            states = deliveries.channels_known(connection)
            found = [
                *troubles.of_sources(connection),
                *troubles.moved(connection, now),
                *self._own(vitals, states, now),
                *self._jumps,
            ]
            ended = _ended(connection, known)
            ailing = {subject for kind, subject in known if kind in AILMENTS}
            open_ = troubles.watched(connection, ailing, now)
            for each in self._not_recovered(ended, found, open_, states, vitals):
                del ended[each]
            events = changes(known, found, ended, now, self._left(ended, open_))
            troubles.save(connection, events)
            for due_at, messages in self._messages(events, rule_book(connection), states, now):
                deliveries.insert_many(connection, messages, due_at)
            return events

        events = database.run(work)
        self._jumps.clear()
        told = [event for event in events if not event.silent]
        for event in told:
            log.warning("%s: %s", event.finding.kind, event.text)
        return told

    def _clock_jump(self, now: datetime) -> list[Finding]:
        before, before_s = self._last
        self._last = (now, self._passed_s())
        jump = now - before - timedelta(seconds=self._last[1] - before_s)
        if abs(jump) < CLOCK_JUMP:
            return []
        seconds = f"{jump.total_seconds():+.0f}"
        words = f"This machine's clock jumped by {seconds} s"
        zh = f"本机时钟跳变了 {seconds} 秒"
        return [Finding(EventKind.CLOCK, now.isoformat(), "clock", words, zh)]

    def _own(
        self, vitals: Vitals, states: Mapping[str, ChannelState], now: datetime
    ) -> Iterator[Finding]:
        if vitals.network_down:
            words = "Most sources do not answer: our network seems down"
            zh = "大多数源没有应答：我们的网络似乎中断了"
            yield Finding(EventKind.NETWORK, "", "The network", words, zh)
        if vitals.model_refused:
            zh = f"模型被拒绝，沿用上一个：{vitals.model_refused}"
            yield Finding(EventKind.MODEL, "", "The model", vitals.model_refused, zh)
        yield from self._disk()
        for name, state in states.items():
            since = state.failing_since
            counts = name in self._listeners and state.disabled_at is None
            if counts and since and now - since >= DELIVERY_FAILING:
                words = f"Nothing arrives by channel {name!r}: {state.reason}"
                zh = f"通道 {name!r} 送不出提醒：{state.reason}"
                title = f"Channel {name!r}"
                yield Finding(EventKind.DELIVERY, name, title, words, zh, channel=name)

    def _disk(self) -> Iterator[Finding]:
        try:
            free = self._free(self._folder)
        except OSError as error:
            words = f"The disk of {self._folder} cannot be looked at: {error.strerror}"
            zh = f"无法查看 {self._folder} 所在磁盘：{error.strerror}"
            yield Finding(EventKind.DISK, "", "The disk", words, zh)
            return
        if free < DISK_FREE_BYTES:
            words = f"The disk of {self._folder} has {free // 2**20} MiB left"
            zh = f"{self._folder} 所在磁盘只剩 {free // 2**20} MiB"
            yield Finding(EventKind.DISK, "", "The disk", words, zh)

    def _not_recovered(
        self,
        ended: Iterable[TroubleKey],
        found: Iterable[Finding],
        open_: Mapping[str, bool],
        states: Mapping[str, ChannelState],
        vitals: Vitals,
    ) -> list[TroubleKey]:
        """Troubles that are not found, and yet not over: of sources of which nobody knows now,
        and that have no other to tell of; of channels that were switched off."""
        others = {each.subject for each in found if each.source_url}

        def lasts(kind: str, subject: str) -> bool:
            if kind == EventKind.NETWORK:
                return vitals.network_down is None
            if kind == EventKind.DELIVERY:
                is_off = states.get(subject, ChannelState()).disabled_at is not None
                return is_off and subject in self._listeners
            return kind in AILMENTS and open_.get(subject, False) and subject not in others

        return [key for key in ended if lasts(*key)]

    def _left(self, ended: Iterable[TroubleKey], open_: Mapping[str, bool]) -> set[TroubleKey]:
        """Of what ended that of which nothing is known any more: sources that were paused or
        removed, channels that the settings have no more."""
        return {
            (kind, subject)
            for kind, subject in ended
            if (kind in AILMENTS and subject not in open_)
            or (kind == EventKind.DELIVERY and subject not in self._listeners)
        }

    def _messages(
        self,
        events: Sequence[Event],
        book: RuleBook,
        states: Mapping[str, ChannelState],
        now: datetime,
    ) -> Iterator[tuple[datetime, list[Message]]]:
        """One notice a channel and kind of event, however many sources it is about, with the
        instant at which it is due: quiet hours hold it like any other.
        """
        groups: dict[tuple[str, str, bool, datetime], list[Event]] = defaultdict(list)
        for event in (each for each in events if not each.silent or each.became):
            heard = self._listeners_of(event, book, states, now)
            if event.became:
                other = self._listeners_of(Event(event.became, now), book, states, now)
                heard = {name: at for name, at in heard.items() if name not in other}
            for channel, due_at in heard.items():
                groups[channel, event.finding.kind, event.over, due_at].append(event)
        for (channel, kind, over, due_at), group in groups.items():
            text, zh = told_together(group)
            # The instant too: of one kind, what is urgent and what waits are two messages.
            about = f"{kind} {over} {due_at.isoformat()}"
            yield due_at, [notice(text, zh, channel, about, now)]

    def _listeners_of(
        self,
        event: Event,
        book: RuleBook,
        states: Mapping[str, ChannelState],
        now: datetime,
    ) -> dict[str, datetime]:
        """The channels that hear of ``event``, and when: for urgent rules at once."""
        finding = event.finding
        subject = Subject(
            title=event.text,
            source=finding.name if finding.source_url else "",
            source_url=finding.source_url,
            labels=finding.labels,
            event=finding.kind.value,
        )
        wanted: dict[str, datetime] = {}
        hits = book.matcher.match(subject)
        for hit in hits:
            rule, manners = book.rules[hit.rule_id], book.manners[hit.rule_id]
            asleep = min(rule.snoozed_until or now, now + LONGEST_SLEEP)
            quiet = None if manners.urgent else manners.quiet
            due_at = after_quiet(max(asleep, now), quiet, book.house.zone)
            for channel in rule.channels if manners.mode != "none" else ():
                wanted[channel] = min(due_at, wanted.get(channel, due_at))
        if hits and not wanted:
            return {}  # who asked for it does not want to hear of it
        known = [name for name in wanted if name in self._listeners]
        if any(_works(states, name, finding.channel) for name in known):
            return wanted
        due_at = after_quiet(now, book.house.quiet, book.house.zone)
        working = [name for name in self._listeners if _works(states, name, finding.channel)]
        # Where none works, it waits for the first to work again.
        others = working or ([] if known else self._listeners)
        return wanted | dict.fromkeys(others[:1], due_at)


def _ended(
    connection: Connection, known: Mapping[TroubleKey, datetime]
) -> dict[TroubleKey, Finding]:
    """Everything that was told, as it is to be said when it is not found any more."""
    if not known:
        return {}
    names = troubles.details(connection)
    # A kind that only another version of this program knows is left to it.
    ours = [key for key in known if key[0] in set(EventKind)]
    whose = troubles.whose(connection, {subject for kind, subject in ours if kind in AILMENTS})
    nobody = ("", ())
    return {
        (kind, subject): Finding(
            EventKind(kind), subject, names[kind, subject], "", "",
            *(whose.get(subject, nobody) if kind in AILMENTS else nobody),
            channel=subject if kind == EventKind.DELIVERY else "",
        )
        for kind, subject in ours
    }  # fmt: skip


def _works(states: Mapping[str, ChannelState], name: str, broken: str) -> bool:
    state = states.get(name, ChannelState())
    return name != broken and state.disabled_at is None and state.failing_since is None
