"""What is usual for a source, when it is in trouble, and what is to be said of it. Pure."""

from __future__ import annotations

import enum
import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

# A source is silent after so many times its usual gap, and not before a day: nights are quiet.
SILENT_TIMES = 8.0
SILENT_AFTER = timedelta(days=1)
FAILING_AFTER = 5
# A document with less than this share of the usual entries is a low one; so many in a row tell.
LOW_SHARE = 0.3
LOW_POLLS = 3
# Of few entries one more or less is no drop; that there is none left is.
FEW = 5.0
LEARN = 0.2
LEARN_LOW = 0.01
DISK_FREE_BYTES = 200 * 1024 * 1024
CLOCK_JUMP = timedelta(minutes=1)
DELIVERY_FAILING = timedelta(minutes=15)
NAMED = 10


class EventKind(enum.StrEnum):
    """Names of events, as rules ask for them (``event:source-silent``)."""

    SILENT = "source-silent"
    EMPTY = "source-empty"
    YIELD_DROP = "source-yield-drop"
    FAILING = "source-failing"
    GONE = "source-gone"
    MOVED = "source-moved"
    NETWORK = "network-down"
    DISK = "disk-full"
    DELIVERY = "delivery-failing"
    MODEL = "model-refused"
    CLOCK = "clock-jumped"


IN_CHINESE = {
    EventKind.SILENT: "长时间没有新内容",
    EventKind.EMPTY: "不再列出内容",
    EventKind.YIELD_DROP: "条目骤减",
    EventKind.FAILING: "连续抓取失败",
    EventKind.GONE: "源已失效",
    EventKind.MOVED: "源已迁移",
    EventKind.NETWORK: "网络中断",
    EventKind.DISK: "磁盘将满",
    EventKind.DELIVERY: "提醒无法送达",
    EventKind.MODEL: "模型被拒绝",
    EventKind.CLOCK: "时钟跳变",
}


OURS_IN_CHINESE = {EventKind.NETWORK: "网络", EventKind.DISK: "磁盘", EventKind.MODEL: "模型"}


@dataclass(frozen=True, slots=True)
class Patience:
    """After how many low polls in a row a kind of source is in trouble, and in which; until
    then it is looked at again after ``again_s`` at most, where nobody chose its interval."""

    polls: int = LOW_POLLS
    empty: EventKind = EventKind.EMPTY
    low: EventKind = EventKind.YIELD_DROP
    again_s: float = math.inf


# A page that lists little has another layout, or stands behind a wall; a hot list that does
# has nothing to say. Neither is news of anything, and both are to be known soon.
PATIENCE = {
    "page": Patience(2, empty=EventKind.YIELD_DROP, again_s=300.0),
    "hotlist": Patience(2, empty=EventKind.SILENT, low=EventKind.SILENT),
}
USUAL_PATIENCE = Patience()


# What happens and is over at once: nothing recovers from it.
MOMENTS = {EventKind.MOVED, EventKind.CLOCK}
# What a source that is watched has; its subject is the source's number.
AILMENTS = {
    EventKind.SILENT, EventKind.EMPTY, EventKind.YIELD_DROP, EventKind.FAILING, EventKind.GONE,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Finding:
    """Trouble that is there now. ``subject`` names what has it, for us; ``name`` for people.

    ``text`` is a sentence, ``zh`` the same in Chinese. ``source_url`` and ``labels`` are a
    source's; ``channel`` is one that does not work.
    """

    kind: EventKind
    subject: str
    name: str
    text: str
    zh: str
    source_url: str = ""
    labels: tuple[str, ...] = ()
    channel: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """Trouble that began, or is over, since ``since``; ``silent``: nothing is said of it, but,
    where it has become another one, to who does not hear of that."""

    finding: Finding
    since: datetime
    over: bool = False
    silent: bool = False
    became: Finding | None = None

    @property
    def text(self) -> str:
        """A sentence."""
        if not self.over:
            return self.finding.text
        began = f"{self.since:%Y-%m-%d %H:%M} UTC"
        if self.became:
            return f"{self.finding.kind} since {began} is over; now {self.became.text}"
        well = "it lists as usual again, or its short lists have become usual"
        if self.finding.kind is not EventKind.YIELD_DROP:
            well = "all is well again"
        return f"{self.finding.name}: {well} ({self.finding.kind} since {began} is over)"

    @property
    def zh(self) -> str:
        """The sentence in Chinese."""
        if not self.over:
            return self.finding.zh
        began = f"{self.since:%Y-%m-%d %H:%M} UTC"
        what = IN_CHINESE[self.finding.kind]
        name = OURS_IN_CHINESE.get(self.finding.kind, self.finding.name)
        if self.finding.kind is EventKind.DELIVERY:
            name = f"通道 {self.finding.subject!r}"
        if self.became:
            return f"{what}（自 {began} 起）已结束；现在 {self.became.zh}"
        well = "条目数已恢复，或较少的条目已成为常态"
        if self.finding.kind is not EventKind.YIELD_DROP:
            well = "已恢复正常"
        return f"{name}：{well}（{what}，自 {began} 起，现已结束）"


TroubleKey = tuple[str, str]


def changes(
    known: Mapping[TroubleKey, datetime],
    found: Iterable[Finding],
    ended: Mapping[TroubleKey, Finding],
    now: datetime,
    left: Collection[TroubleKey] = (),
) -> list[Event]:
    """What is new of ``found``, and what of ``known`` is over: those in ``ended``, as findings.

    A source whose trouble has become another one has not recovered, nor has what is not watched
    any more (``left``): nothing is said to be over.
    """
    fresh = {(each.kind.value, each.subject): each for each in found}
    ailing = {each.subject: each for each in fresh.values() if each.source_url}
    began = [Event(each, now) for key, each in fresh.items() if key not in known]

    def is_silent(each: Finding) -> bool:
        is_left = (each.kind.value, each.subject) in left
        return is_left or each.kind in MOMENTS or (each.kind in AILMENTS and each.subject in ailing)

    over = [
        Event(
            each,
            known[key],
            over=True,
            silent=is_silent(each),
            became=ailing.get(each.subject) if each.kind in AILMENTS else None,
        )
        for key, each in ended.items()
        if key in known and key not in fresh
    ]
    return began + over


def told_together(events: Collection[Event]) -> tuple[str, str]:
    """One text for events of one kind, in English and in Chinese: a sentence each, the last
    ones counted.
    """
    more = len(events) - NAMED
    english, chinese = [each.text for each in events][:NAMED], [each.zh for each in events][:NAMED]
    if more > 0:
        english.append(f"… and {more} more")
        chinese.append(f"……另有 {more} 条")
    return "\n".join(english), "\n".join(chinese)


def learn_gap(usual_s: float | None, gap_s: float) -> float:
    """The usual time between polls that brought news: longer gaps count at once, shorter ones
    little by little, so that a quiet night teaches what a night is.
    """
    if usual_s is None or gap_s >= usual_s:
        return gap_s
    return usual_s + LEARN * (gap_s - usual_s)


def learn_yield(usual: float | None, low_polls: int, count: int | None) -> tuple[float | None, int]:
    """The usual number of entries, and how many polls in a row brought far fewer.

    ``count`` None: the document is the same as last time. What stays low becomes usual in the end.
    """
    if count is None:
        return usual, low_polls + 1 if low_polls else 0
    if usual is None:
        return (float(count) if count else None), 0
    is_low = not count if usual < FEW else count < LOW_SHARE * usual
    share = LEARN_LOW if is_low else LEARN
    return usual + share * (count - usual), low_polls + 1 if is_low else 0


def silent_after(usual_gap_s: float) -> timedelta:
    """How long a source with this usual gap may be without news."""
    return max(timedelta(seconds=SILENT_TIMES * usual_gap_s), SILENT_AFTER)
