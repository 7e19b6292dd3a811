"""Which story a new entry tells: looked up, decided and written in the entry's transaction.

The database is the truth. A window in memory says which entries of the last three days are
worth comparing with; it learns of entries from the database alone, so that any number of
workers agree, and one that starts anew knows what the others know.
"""

from __future__ import annotations

import threading
from array import array
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy.engine import Connection

from monitor.storage import Database, entries, stories, telling
from monitor.storage.schema import microseconds
from monitor.stories import heat, reading
from monitor.stories.compare import compare
from monitor.stories.compiled import CompiledWindow, new_window
from monitor.stories.grouping import MERGE_SCORE, Grouping, Told, group
from monitor.stories.heat import Newcomer, Story
from monitor.stories.window import CAPACITY, Batch, Window
from monitor.stories.wording import grams, link_gram
from monitor.types import Placed

WINDOW = timedelta(days=3)
READ_AT_ONCE = 5_000
GROUP_AT_ONCE = 500
# What is usual in a section: of the last week, looked up every ten minutes.
USUAL_OF = timedelta(days=7)
USUAL_FOR = timedelta(minutes=10)
USUAL_LEAST = 10


class StoryBook:
    """Finds the stories of entries. May be shared by threads."""

    def __init__(self, window: timedelta = WINDOW, capacity: int = CAPACITY) -> None:
        self._span, self._capacity = window, capacity
        self._window: Window | CompiledWindow | None = None
        self._last = 0
        # Stored without a story so far, in order: in the window they would stand before those
        # that have one.
        self._waiting = array("q")
        self._usual: dict[str, float] = {}
        self._usual_until: datetime | None = None
        self._lock = threading.Lock()

    def catch_up(self, connection: Connection, now: datetime) -> None:
        """Learn of the entries that were stored since the last time.

        The first time these are all of the window: call it before a transaction begins.
        """
        since = now - self._span
        if self._window is None:
            last = stories.floor(connection, since, self._capacity)
            with self._lock:
                if self._window is None:
                    self._window, self._last = new_window(self._capacity), last
        while True:
            rows = stories.titles(connection, self._last, since, READ_AT_ONCE)
            with self._lock:
                for row in rows:
                    if row.id > self._last:
                        self._last = row.id
                        self._learn(row)
            if len(rows) < READ_AT_ONCE:
                break
        self._learn_grouped(connection)

    def _learn(self, row: stories.Titled) -> None:
        assert self._window is not None
        if row.story_id is None:
            self._waiting.append(row.id)
        else:
            self._window.add(row.id, row.at, grams(row.title), link_gram(row.url))

    def _learn_grouped(self, connection: Connection) -> None:
        """Learn of the entries that have got a story since; they get it in their order."""
        while asked := self._waiting[:GROUP_AT_ONCE]:
            rows = stories.titles_of(connection, asked.tolist())
            with self._lock:
                if self._waiting[: len(asked)] != asked:
                    continue  # another thread was faster
                rest, self._waiting = self._waiting[len(asked) :], array("q")
                for row in rows:
                    self._learn(row)
                ungrouped = len(self._waiting)
                self._waiting.extend(rest)
            if ungrouped:
                return

    def near(
        self, connection: Connection, told: Sequence[tuple[str, str]], now: datetime
    ) -> list[list[str]]:
        """For each of these titles and links the titles that placing it will compare it with."""
        assert self._window is not None
        since, here = microseconds(now - self._span), Batch()
        stored: list[list[int]] = []
        found: list[list[str]] = []
        with self._lock:
            for number, (title, url) in enumerate(told):
                own, link = grams(title), link_gram(url)
                stored.append(self._window.near(own, since, link))
                found.append([told[other][0] for other in here.near(own, link)])
                here.add(number, own, link)
        known = stories.told(connection, {other for near in stored for other in near})
        return [
            [*(known[other].title for other in near if other in known), *others]
            for near, others in zip(stored, found, strict=True)
        ]

    def place(
        self, connection: Connection, newcomers: Sequence[Newcomer], now: datetime
    ) -> dict[int, Placed]:
        """Group ``newcomers`` and write their stories down; the caller stores the entries."""
        if not newcomers:
            return {}
        self.catch_up(connection, now)
        self._look_at_pace(connection, now)
        near = self._near(newcomers, microseconds(now - self._span))
        told = [Told(each.id, each.title, each.url, each.portal, each.at) for each in newcomers]
        inside = {each.id for each in newcomers}
        wanted = {number for found in near.values() for number in found} - inside
        earlier = stories.told(connection, wanted)
        with reading.only_known():  # while others wait to write; see read_ahead
            grouping = group(told, earlier, near)
        return self._write(connection, newcomers, grouping, now)

    def facts(
        self, connection: Connection, story_of: Mapping[int, int], now: datetime
    ) -> dict[int, Placed]:
        """How the stories of entries that are grouped already stand; changes nothing."""
        if not story_of:
            return {}
        self._look_at_pace(connection, now)
        told = stories.load(connection, set(story_of.values()))
        return {
            entry: self._placed(told[number], now, first=number == entry)
            for entry, number in story_of.items()
            if number in told
        }

    def _placed(self, story: Story, now: datetime, *, first: bool) -> Placed:
        return Placed(
            story.id,
            first=first,
            portals=story.portals,
            heat=heat.heat(story.hot, now),
            burst=heat.burst(story, self._usual.get(story.section, heat.USUAL_PEAK), now),
        )

    def _look_at_pace(self, connection: Connection, now: datetime) -> None:
        if self._usual_until is None or not now < self._usual_until <= now + USUAL_FOR:
            self._usual = stories.usual_peaks(connection, now - USUAL_OF, USUAL_LEAST)
            self._usual_until = now + USUAL_FOR

    def _near(self, newcomers: Sequence[Newcomer], since: int) -> dict[int, list[int]]:
        """For each newcomer the entries to compare it with, stored ones and earlier newcomers."""
        assert self._window is not None
        here = Batch()
        near: dict[int, list[int]] = {}
        with self._lock:
            for each in newcomers:
                found, link = grams(each.title), link_gram(each.url)
                stored = self._window.near(found, since, link)
                near[each.id] = list(dict.fromkeys((*stored, *here.near(found, link))))
                here.add(each.id, found, link)
        return near

    def _write(
        self,
        connection: Connection,
        newcomers: Sequence[Newcomer],
        grouping: Grouping,
        now: datetime,
    ) -> dict[int, Placed]:
        known = {*grouping.stories.values(), *grouping.merged, *grouping.merged.values()}
        told = stories.load(connection, known - {each.id for each in newcomers})
        absorbed = _merge(told, grouping.merged)
        placed: dict[int, Placed] = {}
        for entry in newcomers:
            number = grouping.stories[entry.id]
            before = told.get(number)
            after = heat.join(before, entry) if before else _begin(number, entry)
            told[number] = after
            stands = self._placed(after, now, first=number == entry.id)
            placed[entry.id] = replace(stands, merged=tuple(absorbed.get(number, ())))
        merged = {old: new for old, new in grouping.merged.items() if old in told}
        stories.merge(connection, merged)
        telling.merge(connection, merged)
        stories.save(connection, list(told.values()))
        # A person may have spoken of what is merged.
        stories.settle_sections(connection, merged.values())
        return placed


def _begin(number: int, entry: Newcomer) -> Story:
    """A story whose row is gone begins anew under its number."""
    begun = heat.begin(entry)
    return begun if number == entry.id else replace(begun, id=number)


def _merge(told: dict[int, Story], merged: Mapping[int, int]) -> dict[int, list[int]]:
    """Unite the stored stories that became one; returns for each root those that it took in."""
    absorbed: dict[int, list[int]] = defaultdict(list)
    for old, root in sorted(merged.items()):
        absorbed[root].append(old)
        if old in told:
            one = told.get(root)
            told[root] = heat.unite(one, told[old]) if one else replace(told[old], id=root)
            told[old] = replace(told[old], merged_into=root)
    return absorbed


def read_ahead(
    database: Database, book: StoryBook, told: Sequence[tuple[str, str]], now: datetime
) -> None:
    """Let the pairs that are in doubt be read now, not while the database is written to, as far as
    there is time. The rest are compared without being read.

    ``told`` are titles and links that are about to be placed.
    """
    near = database.look(lambda connection: book.near(connection, told, now))
    with reading.sparingly():
        for (title, _), others in zip(told, near, strict=True):
            for other in others:
                # What is surely the same says of the rest what it is.
                if not reading.has_time() or compare(title, other).score >= MERGE_SCORE:
                    break


def group_some(database: Database, book: StoryBook, now: datetime) -> int:
    """Group some of the entries that were stored without a story; returns how many.

    A source's first poll owes no alerts: its entries are grouped afterwards.
    """
    if not database.look(stories.any_ungrouped):
        return 0
    database.look(lambda connection: book.catch_up(connection, now))

    def work(connection: Connection) -> int:
        entries.one_at_a_time(connection)
        newcomers = stories.ungrouped(connection, GROUP_AT_ONCE)
        placed = book.place(connection, newcomers, now)
        story_of = {number: each.story_id for number, each in placed.items()}
        stories.assign(connection, story_of)
        # What climbed before it was grouped was told under its own number.
        telling.merge(connection, {n: story for n, story in story_of.items() if story != n})
        return len(newcomers)

    return database.run(work)
