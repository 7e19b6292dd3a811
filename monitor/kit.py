"""What a poll works with, and what it comes to."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from sqlalchemy.engine import Connection

from monitor.pacebook import PaceBook
from monitor.reach import Ways
from monitor.room import Room
from monitor.rulebook import RuleBook
from monitor.sources.wire import Document
from monitor.storage import Database
from monitor.store import Headline
from monitor.storybook import StoryBook
from monitor.trustbook import TrustBook
from monitor.types import FetchRequest, Outcome, Prediction

# Entries that are parsed and not stored yet, of all polls together.
ROOM = 4_000


class Parsers(Protocol):
    """Reads documents, and what their entries are known by, within a budget of time and memory."""

    async def parse(
        self,
        kind: str,
        body: bytes,
        *,
        url: str,
        content_type: str,
        charset: str | None,
        options: Mapping[str, object],
        source_id: int,
    ) -> Document: ...


class Fetcher(Protocol):
    """Asks servers, politely; outcomes come in the order in which they are there. One that is
    ``drained`` asks no more."""

    drained: bool

    def fetch_all(self, requests: Sequence[FetchRequest]) -> AsyncIterator[Outcome]: ...


@dataclass(frozen=True, slots=True)
class Kit:
    """What a poll works with. ``now`` is asked once a step; ``rng`` spreads due times.

    ``sections`` is what the classifier calls those that hints name. ``unreturned`` are
    sources whose claims could not be given back: the next poll does it. ``hubs``: note those
    that feeds name, for ``websub`` to ask. ``crowd`` is held by who writes much, and ``room``
    is what entries take until they are stored. ``on_owed`` hears when alerts are.
    """

    database: Database
    fetcher: Fetcher
    parsers: Parsers
    classify: Callable[[Sequence[str]], Sequence[Prediction]]
    rule_book: Callable[[Connection], RuleBook]
    worker: str
    now: Callable[[], datetime]
    rng: random.Random
    on_headlines: Callable[[Sequence[Headline]], None] | None = None
    unreturned: set[int] = field(default_factory=set)
    stories: StoryBook = field(default_factory=StoryBook)
    trust: TrustBook = field(default_factory=TrustBook)
    pace: PaceBook = field(default_factory=PaceBook)
    ways: Ways = field(default_factory=Ways)
    sections: Callable[[], Mapping[str, str]] | None = None
    hubs: bool = False
    crowd: asyncio.Lock = field(default_factory=asyncio.Lock)
    room: Room = field(default_factory=lambda: Room(ROOM))
    on_owed: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True)
class PollReport:
    """Counts of one poll; ``network_down`` says that its failures were put down to us."""

    sources: int = 0
    failed: int = 0
    not_modified: int = 0
    new_entries: int = 0
    deliveries: int = 0
    network_down: bool = False

    def __add__(self, other: PollReport) -> PollReport:
        return PollReport(
            self.sources + other.sources,
            self.failed + other.failed,
            self.not_modified + other.not_modified,
            self.new_entries + other.new_entries,
            self.deliveries + other.deliveries,
            self.network_down or other.network_down,
        )
