"""What an update owes: a message now, a place in a digest, or nothing. Pure.

The same facts always give the same messages. One alert a story and rule: what joins the
story later owes nothing, unless the rule's options ask for it.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from hashlib import blake2b

from monitor.caps import Usage
from monitor.manners import House, Manners, Quiet
from monitor.messages import AlertEntry, Message
from monitor.types import Rule


class Reason(enum.StrEnum):
    """Why something is held."""

    DIGEST = "digest"  # the rule's mode
    QUIET = "quiet"  # quiet hours
    SNOOZE = "snooze"  # the rule is snoozed
    LATER = "later"  # joined a story that was told
    CAP = "cap"  # the rule had its share of the channel
    CHANNEL_CAP = "channel-cap"  # the channel had its share


@dataclass(frozen=True, slots=True)
class Case:
    """An entry that matched a rule: ``entry`` as the alert tells it, with the rule's spans.

    ``heat`` is its story's. ``revised``: its title was edited, it is no news.
    """

    rule: Rule
    manners: Manners
    entry: AlertEntry
    heat: float = 0.0
    revised: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """What a rule has said of a story: when, how often, what joined, whether it followed up."""

    rule: str
    story: int
    first_at: datetime
    last_at: datetime
    times: int = 1
    joined: int = 0
    escalated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """What waits for a digest; those of one channel, lane and ``release_at`` come together."""

    channel: str
    rule: Rule
    entry: AlertEntry
    reason: Reason
    release_at: datetime
    top: int
    weight: float


TellingKey = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What the database knows of the rules, stories and channels at hand.

    ``waiting`` says when what a cap held back is released, by channel and rule (None: held
    by the channel's own cap): who comes after must not overtake it.
    """

    told: Mapping[TellingKey, Told] = field(default_factory=dict)
    muted: Collection[int] = ()
    usage: Usage = field(default_factory=Usage)
    waiting: Mapping[tuple[str, str | None], datetime] = field(default_factory=dict)


class Desk:
    """Decides case after case; what it decided counts for the next."""

    def __init__(self, knowledge: Knowledge, house: House, now: datetime) -> None:
        self._before = knowledge.told
        self._muted = knowledge.muted
        self._usage = knowledge.usage
        self._waiting = dict(knowledge.waiting)
        self._house = house
        self._now = now
        self.messages: list[Message] = []
        self.held: list[Held] = []
        self.told: dict[TellingKey, Told] = {}  # what has changed

    def hear(self, case: Case) -> None:
        """Decide one case."""
        if case.entry.story_id in self._muted or case.manners.mode == "none":
            return
        key = (case.rule.name, case.entry.story_id)
        before = self.told.get(key) or self._before.get(key)
        if before is None:
            self._tell_first(case, key)
        elif not case.revised:
            self._tell_joined(case, key, before)

    def grow(self, case: Case) -> None:
        """Follow up, once, on a told story that has become what the rule waits for."""
        key = (case.rule.name, case.entry.story_id)
        before = self.told.get(key) or self._before.get(key)
        if (
            before is None
            or before.escalated_at is not None
            or case.entry.story_id in self._muted
            or case.manners.mode == "none"
            or not _has_grown(case)
        ):
            return
        self.told[key] = replace(before, escalated_at=self._now, last_at=self._now)
        self._post(case, ("follow-up",), follow_up=True)

    def _tell_first(self, case: Case, key: TellingKey) -> None:
        grown = self._now if _has_grown(case) else None
        self.told[key] = Told(*key, self._now, self._now, escalated_at=grown)
        self._post(case, ("alert",))

    def _tell_joined(self, case: Case, key: TellingKey, before: Told) -> None:
        joined = replace(before, joined=before.joined + 1)
        cooldown = case.manners.cooldown
        if cooldown and self._now - before.last_at >= cooldown:
            again = replace(joined, last_at=self._now, times=before.times + 1)
            # Told at once, it says already what a follow-up would.
            if again.escalated_at is None and case.manners.mode == "now" and _has_grown(case):
                again = replace(again, escalated_at=self._now)
            self.told[key] = again
            self._post(case, ("alert", str(before.times + 1)))
            return
        self.told[key] = joined
        if case.manners.later == "digest":
            self._hold_all(case, Reason.LATER, self._next_digest(case))

    def _post(self, case: Case, kind: Sequence[str], *, follow_up: bool = False) -> None:
        """Say it now, or see that it is said."""
        asleep = case.rule.snoozed_until
        if asleep is not None and asleep > self._now:
            self._hold_all(case, Reason.SNOOZE, self._loud(asleep, case.manners))
        elif case.manners.mode == "digest" and not follow_up:
            self._hold_all(case, Reason.DIGEST, self._next_digest(case))
        elif (loud := self._loud(self._now, case.manners)) > self._now:
            self._hold_all(case, Reason.QUIET, loud)
        else:
            for channel in dict.fromkeys(case.rule.channels):
                self._send(case, channel, kind, follow_up=follow_up)

    def _send(self, case: Case, channel: str, kind: Sequence[str], *, follow_up: bool) -> None:
        name = case.rule.name
        for reason, rule, caps in (
            (Reason.CAP, name, case.manners.caps),
            (Reason.CHANNEL_CAP, None, self._house.caps.get(channel, ())),
        ):
            release_at = self._waiting.get((channel, rule))
            # Others may wait for quiet hours to end, which an urgent rule does not.
            may_pass = case.manners.urgent or rule is None
            ahead = may_pass and release_at is not None and release_at > self._now
            if release_at is None or ahead:
                room_at = self._usage.room_at(channel, rule, caps, self._now)
                if room_at is None:
                    continue
                loud_at = self._loud(room_at, case.manners)
                if release_at is None:
                    self._waiting[channel, rule] = loud_at
                release_at = min(release_at or loud_at, loud_at)
            self._hold(case, channel, reason, release_at)
            return
        self._usage.add(channel, name, self._now)
        told = case.entry
        self.messages.append(
            Message(
                id=message_id(
                    *(kind[0], name, channel, str(told.story_id), *kind[1:], told.url or told.title)
                ),
                rule=name,
                query=case.rule.query,
                channel=channel,
                created_at=self._now,
                entries=(case.entry,),
                follow_up=follow_up,
            )
        )

    def _hold_all(self, case: Case, reason: Reason, release_at: datetime) -> None:
        for channel in dict.fromkeys(case.rule.channels):
            self._hold(case, channel, reason, release_at)

    def _hold(self, case: Case, channel: str, reason: Reason, release_at: datetime) -> None:
        top = case.manners.top
        held = Held(channel, case.rule, case.entry, reason, release_at, top, case.heat)
        self.held.append(held)

    def _next_digest(self, case: Case) -> datetime:
        at = case.manners.schedule.next_after(self._now, self._house.zone)
        return self._loud(at, case.manners)

    def _loud(self, at: datetime, manners: Manners) -> datetime:
        """``at``, or the end of the quiet hours that it lies in."""
        quiet = None if manners.urgent else manners.quiet
        return after_quiet(at, quiet, self._house.zone)


def after_quiet(at: datetime, quiet: Quiet | None, zone: tzinfo) -> datetime:
    """``at``, or the end of the quiet hours that it lies in."""
    return (quiet.until(at, zone) if quiet else None) or at


def decide(
    cases: Iterable[Case],
    grown: Iterable[Case],
    knowledge: Knowledge,
    house: House,
    now: datetime,
) -> Desk:
    """What ``cases`` owe, and what is to be followed up of the told stories of ``grown``.

    Rule, channel, story and the headline's address make a message's id: deciding again, after a
    crash or for a revised title, gives the same, and a story whose number was another one's,
    before a backup was restored, has its own.
    """
    desk = Desk(knowledge, house, now)
    for case in cases:
        desk.hear(case)
    for case in grown:
        desk.grow(case)
    return desk


def _has_grown(case: Case) -> bool:
    wanted = case.manners.escalation
    if wanted is None:
        return False
    fact = case.entry.portals if wanted.fact == "portals" else case.heat
    return fact >= wanted.at_least


def notice(text: str, zh: str, channel: str, about: str, now: datetime) -> Message:
    """A message in which the program tells of its own trouble with ``about``."""
    return Message(
        message_id("notice", channel, about, now.isoformat()),
        rule="",
        query="",
        channel=channel,
        created_at=now,
        notice=text,
        notice_zh=zh,
    )


def message_id(*parts: str) -> str:
    """``msg_`` and 40 hexadecimal digits that depend on nothing but ``parts``."""
    digest = blake2b(digest_size=20)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        # The length keeps ("ab", "c") and ("a", "bc") apart whatever a name contains.
        digest.update(len(data).to_bytes(8, "big") + data)
    return f"msg_{digest.hexdigest()}"
