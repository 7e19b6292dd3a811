"""What a rule would have sent, had it been there: its alerts decided again, in order. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.alerts import Case, Desk, Knowledge, Reason, Told
from monitor.caps import WINDOWS_S, Spent, Usage
from monitor.manners import House, Manners
from monitor.types import AlertEntry, Rule

CHANNEL = "trial"


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


@dataclass(frozen=True, slots=True)
class Heard:
    """A match to rehearse: the entry with its story, and when the rule would have met it."""

    entry: AlertEntry
    heat: float
    at: datetime


class _Sent:
    """What left within each of the windows that caps count."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._within: dict[int, deque[datetime]] = {window: deque() for window in WINDOWS_S}

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
    rule = Rule(0, "trial", query, (CHANNEL,))
    told: dict[tuple[str, int], Told] = {}
    sent = _Sent(rule.name)
    waiting: dict[tuple[str, str | None], datetime] = {}
    digests: set[datetime] = set()
    at_once = held = by_caps = by_quiet = joined = 0
    for each in heard:
        waiting = {key: until for key, until in waiting.items() if until > each.at}
        knowledge = Knowledge(told, (), sent.usage(each.at), waiting)
        desk = Desk(knowledge, house, each.at)
        case = Case(rule, manners, each.entry, each.heat)
        desk.hear(case)
        desk.grow(case)
        told.update(desk.told)
        sent.add(each.at, len(desk.messages))
        at_once += len(desk.messages)
        held += len(desk.held)
        joined += not desk.messages and not desk.held and manners.mode != "none"
        for one in desk.held:
            digests.add(one.release_at)
            by_caps += one.reason in {Reason.CAP, Reason.CHANNEL_CAP}
            by_quiet += one.reason is Reason.QUIET
            if one.reason is Reason.CAP:
                waiting[CHANNEL, rule.name] = one.release_at
    return Rehearsal(at_once, len(digests), held, by_caps, by_quiet, joined)
