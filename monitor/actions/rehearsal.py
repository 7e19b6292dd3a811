"""What a rule would have sent, had it been there: its alerts decided again, in order. Pure."""

from __future__ import annotations

import heapq
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from monitor.alerts import Case, Desk, Held, Knowledge, Reason, Told
from monitor.caps import Spent, Usage
from monitor.manners import House, Manners
from monitor.messages import AlertEntry
from monitor.types import Rule

CHANNEL = "trial"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """How many messages would have left, each to every channel of the rule.

    ``at_once`` are alerts and follow-ups, ``digests`` the messages that tell ``held``
    headlines together; ``joined`` headlines told a story that was told already.
    """

    at_once: int = 0
    digests: int = 0
    held: int = 0
    by_caps: int = 0
    by_quiet: int = 0
    joined: int = 0

    @property
    def messages(self) -> int:
        """All that would have left."""
        return self.at_once + self.digests


class Heard(NamedTuple):
    """A match to rehearse, by numbers. ``at``: when the rule would have met it, in microseconds
    since 1970. ``portals`` and ``heat`` are those of its story by then. Not ``matched``: another
    entry that joined the story, of which a follow-up may be told."""

    at: int
    id: int
    story: int
    portals: int = 1
    heat: float = 0.0
    matched: bool = True


class _Sent:
    """What left within each of ``windows``, in seconds."""

    def __init__(self, name: str, windows: Iterable[int]) -> None:
        self._name = name
        self._within: dict[int, deque[datetime]] = {window: deque() for window in windows}

    def add(self, at: datetime, count: int) -> None:
        for sent in self._within.values():
            sent.extend([at] * count)

    def usage(self, now: datetime) -> Usage:
        spent = []
        for window_s, sent in self._within.items():
            while sent and now - sent[0] >= timedelta(seconds=window_s):
                sent.popleft()
            if sent:
                spent.append(Spent(CHANNEL, self._name, window_s, len(sent), sent[0]))
        return Usage(spent)


def rehearse(heard: Iterable[Heard], query: str, manners: Manners, house: House) -> Rehearsal:
    """Decide ``heard``, oldest first, as a rule with these manners and one channel would."""
    rehearsing = _Rehearsing(query, manners, house)
    rehearsing.hear(heard)
    return rehearsing.result()


class _Rehearsing:
    """The desk's decisions, one after another. Where the next can only be as the last was (a
    story that was told and has nothing more to say, a digest that is open, a full cap), the
    desk is not asked again."""

    def __init__(self, query: str, manners: Manners, house: House) -> None:
        self._rule = Rule(0, "trial", query, (CHANNEL,))
        self._manners, self._house = manners, house
        self._told: dict[tuple[str, int], Told] = {}
        self._once = not (manners.cooldown or manners.escalation or manners.later != "none")
        self._sent = _Sent(self._rule.name, (cap.window_s for cap in manners.caps))
        self._waiting: dict[tuple[str, str | None], datetime] = {}
        # Until when the next is held for the same reason, and how many were.
        self._same_until, self._same_reason, self._as_before = 0, Reason.DIGEST, 0
        self._free = manners.mode == "now" and not manners.caps and self._loud_always()
        self._digests: set[tuple[bool, datetime]] = set()
        self._unsent: list[datetime] = []  # when those of the digests leave that have not yet
        self._at_once = self._joined = 0
        self._held: Counter[Reason] = Counter()

    def result(self) -> Rehearsal:
        """What was sent."""
        self._count_same()
        held = self._held
        return Rehearsal(
            self._at_once,
            len(self._digests),
            held.total(),
            held[Reason.CAP] + held[Reason.CHANNEL_CAP],
            held[Reason.QUIET],
            self._joined,
        )

    def hear(self, heard: Iterable[Heard]) -> None:
        """Decide them, oldest first."""
        if self._manners.mode == "none":
            return
        if not self._once:
            for each in heard:
                self._ask(each)
            return
        over: set[int] = set()  # stories that nothing more is said of
        for each in heard:
            if each.story in over:
                self._joined += 1
                continue
            over.add(each.story)
            if self._free:
                self._at_once += 1
            elif each.at < self._same_until:
                self._as_before += 1
            else:
                self._ask(each)

    def _ask(self, each: Heard) -> None:
        now = EPOCH + timedelta(microseconds=each.at)
        self._waiting = {key: until for key, until in self._waiting.items() if until > now}
        while self._unsent and self._unsent[0] <= now:
            self._sent.add(heapq.heappop(self._unsent), 1)  # a digest counts, too
        usage = self._sent.usage(now)
        desk = Desk(Knowledge(self._told, (), usage, self._waiting), self._house, now)
        case = Case(self._rule, self._manners, _entry(each, now), each.heat)
        if each.matched:
            desk.hear(case)
        desk.grow(case)
        if not self._once:
            self._told.update(desk.told)
        self._sent.add(now, len(desk.messages))
        self._at_once += len(desk.messages)
        self._joined += each.matched and not desk.messages and not desk.held
        if desk.held:  # a headline waits once: what joins, and follows up, for what is sooner
            self._hold(min(desk.held, key=lambda one: one.release_at), now)

    def _hold(self, one: Held, now: datetime) -> None:
        self._count_same()
        digest = (one.reason is Reason.CAP, one.release_at)
        if digest not in self._digests:
            self._digests.add(digest)
            heapq.heappush(self._unsent, one.release_at)
        self._held[one.reason] += 1
        if one.reason is Reason.CAP:
            self._waiting[CHANNEL, self._rule.name] = one.release_at
        self._same_reason = one.reason
        self._same_until = (self._steady_until(one, now) - EPOCH) // timedelta(microseconds=1)

    def _count_same(self) -> None:
        self._held[self._same_reason] += self._as_before
        self._as_before = 0

    def _steady_until(self, one: Held, now: datetime) -> datetime:
        """Until when a story that was not told before is held for the same and as long."""
        if one.reason is Reason.DIGEST:
            return self._manners.schedule.next_after(now, self._house.zone)
        if one.reason is Reason.QUIET or (one.reason is Reason.CAP and self._loud_always()):
            return one.release_at
        return now

    def _loud_always(self) -> bool:
        return self._manners.urgent or self._manners.quiet is None


def _entry(each: Heard, now: datetime) -> AlertEntry:
    return AlertEntry(
        each.id, "", "", "", "", 0.0, False, None, now, story_id=each.story, portals=each.portals
    )
