"""A desk that stores entries and places them, as a poll does."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from monitor.storage import Database, entries, sources
from monitor.storage.entries import NewEntry
from monitor.storage.schema import entry, microseconds
from monitor.storage.sources import NewSource
from monitor.stories.heat import Newcomer
from monitor.storybook import StoryBook
from monitor.types import Placed

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
Told = tuple[str, ...]  # portal, title and perhaps a link


class Desk:
    """A worker with a story book of its own; ``now`` moves with ``later``."""

    def __init__(self, database: Database, section: str = "world") -> None:
        self.database = database
        self.book = StoryBook()
        self.section = section
        self.now = NOW

    def tell(
        self, *told: Told, later: timedelta = timedelta(0), rank: int | None = None
    ) -> list[Placed]:
        """Store and place entries in one transaction."""
        self.now += later

        def work(connection: Connection) -> list[Placed]:
            new = self._newcomers(connection, told, rank)
            placed = self.book.place(connection, new, self.now)
            self._insert(connection, new, {n: each.story_id for n, each in placed.items()})
            return [placed[each.id] for each in new]

        return self.database.run(work)

    def store_ungrouped(self, *told: Told) -> None:
        """Store entries as a first poll does."""

        def work(connection: Connection) -> None:
            self._insert(connection, self._newcomers(connection, told, None), {})

        self.database.run(work)

    def story_of(self, *ids: int) -> list[int | None]:
        """The stories of stored entries."""
        with self.database.read() as connection:
            rows = dict(connection.execute(sa.select(entry.c.id, entry.c.story_id)).all())
        return [rows[number] for number in ids]

    def count_statements(self, told: Sequence[Told]) -> int:
        """How many statements placing these takes."""
        seen: list[str] = []

        def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
            seen.append(statement)

        def work(connection: Connection) -> None:
            new = self._newcomers(connection, told, None)
            sa.event.listen(self.database.engine, "before_cursor_execute", note)
            placed = self.book.place(connection, new, self.now)
            sa.event.remove(self.database.engine, "before_cursor_execute", note)
            self._insert(connection, new, {n: each.story_id for n, each in placed.items()})

        self.database.run(work)
        return len(seen)

    def _newcomers(
        self, connection: Connection, told: Sequence[Told], rank: int | None
    ) -> list[Newcomer]:
        first = entries.allocate(connection, len(told))
        return [
            Newcomer(first + at, title, *(link or [""]), portal, self.section, rank, self.now)
            for at, (portal, title, *link) in enumerate(told)
        ]

    def _insert(
        self, connection: Connection, new: Sequence[Newcomer], story_of: dict[int, int]
    ) -> None:
        wanted = {each.portal for each in new}
        sources.add_many(connection, [NewSource(f"http://{name}/") for name in wanted], self.now)
        numbers = {row["url"]: row["id"] for row in sources.list_all(connection)}
        rows = [
            NewEntry(
                id=each.id, source_id=numbers[f"http://{each.portal}/"], title=each.title,
                title_cut=False, url=each.url, guid=None, author=None, summary="",
                categories="[]", rank=each.rank, language="zh", section_hint=None,
                published_at=None, first_seen_at=microseconds(each.at), section=each.section,
                probability=0.9, runner_up="tech", unsure=False, release="r",
                story_id=story_of.get(each.id),
            )
            for each in new
        ]  # fmt: skip
        entries.insert_many(connection, rows, [])
