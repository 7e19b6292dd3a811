"""What channels are given: messages, and the entries that they tell."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a rule's filters could ask of an entry besides, as it was when the rule was asked."""

    language: str | None = None
    author: str = ""
    source_url: str = ""
    labels: tuple[str, ...] = ()
    rank: int | None = None
    age_s: float | None = None
    hot: float = 0.0
    is_first: bool = True
    burst: float = 0.0


@dataclass(frozen=True, slots=True)
class AlertEntry:
    """An entry as an alert tells it.

    ``rule`` and ``rule_version`` say which rule it matched; ``story_id`` is the key of its story
    and ``portals`` counts those that tell it, as far as is known. ``then`` is for the ledger.
    """

    id: int
    title: str
    url: str
    source: str
    section: str
    probability: float
    unsure: bool
    published_at: datetime | None
    first_seen_at: datetime
    spans: tuple[tuple[int, int], ...] = ()
    rule: str = ""
    rule_version: int = 0
    story_id: int = 0
    portals: int = 1
    then: Circumstances | None = None


class MessageKind(enum.StrEnum):
    """What a message is about."""

    ALERT = "alert"  # a headline, as soon as it was there
    FOLLOW_UP = "follow-up"  # a story that was told has become hot
    DIGEST = "digest"  # what was held, by schedule, quiet hours or caps
    NOTICE = "notice"  # the program's own words


@dataclass(frozen=True, slots=True)
class RuleCount:
    """How many headlines a digest holds of one rule, and the rule's query then."""

    rule: str
    version: int
    query: str
    total: int


@dataclass(frozen=True, slots=True)
class Message:
    """What a channel is given: one delivery, frozen when it was decided.

    ``id`` is the idempotency key (``webhook-id``, the left part of Message-ID).
    ``notice`` is set, and ``entries`` empty, when the program speaks of its own trouble;
    ``notice_zh`` says the same in Chinese.
    A ``digest`` is about several rules: ``rule`` names the only one or is empty, ``counts``
    has each with its right number; ``entries`` are only the first of them, each with its
    rule, and ``total`` counts all. A ``follow_up`` tells a story again that has become hot.
    """

    id: str
    rule: str
    query: str
    channel: str
    created_at: datetime
    entries: tuple[AlertEntry, ...] = ()
    notice: str = ""
    notice_zh: str = ""
    digest: bool = False
    total: int = 0
    follow_up: bool = False
    counts: tuple[RuleCount, ...] = ()

    @property
    def omitted(self) -> int:
        """How many headlines it speaks of and does not list."""
        return max(0, self.total - len(self.entries))

    @property
    def kind(self) -> MessageKind:
        """What it is, in a word."""
        if self.notice:
            return MessageKind.NOTICE
        if self.digest:
            return MessageKind.DIGEST
        return MessageKind.FOLLOW_UP if self.follow_up else MessageKind.ALERT


@dataclass(frozen=True, slots=True)
class Receipt:
    """A channel took a message; ``detail`` is its answer, for the ledger.

    ``warning`` is a sentence for the owner, told once: it arrived, but not as it was to.
    """

    detail: str = ""
    warning: str = ""
