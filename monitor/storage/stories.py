"""Stories: read and written in batches, whatever the number of entries that tell them."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from monitor.storage import bulk, entries
from monitor.storage.schema import EPOCH, correction, entry, microseconds, source, story
from monitor.stories.address import portal_of
from monitor.stories.grouping import Told
from monitor.stories.heat import Join, Newcomer, Story

MERGES_FOLLOWED = 100
_COLUMNS = tuple(column.name for column in story.columns)


class Titled(NamedTuple):
    """An entry as the window is told of it; ``at`` in microseconds, ``story_id`` None while it
    is not grouped."""

    id: int
    title: str
    url: str
    at: int
    story_id: int | None


_first_seen = sa.type_coerce(entry.c.first_seen_at, sa.BigInteger)
_TITLED = sa.select(entry.c.id, entry.c.title, entry.c.url, _first_seen, entry.c.story_id).order_by(
    entry.c.id
)


# Stories whose first entry was removed or forgotten: their rows say how that one told them.
_began = sa.type_coerce(story.c.first_seen_at, sa.BigInteger)
_BEREFT = sa.and_(
    story.c.merged_into.is_(None), ~sa.exists().where(entry.c.id == story.c.id).correlate(story)
)


def titles(connection: Connection, after: int, since: datetime, limit: int) -> list[Titled]:
    """The entries numbered above ``after`` and first seen from ``since`` on, in order; where a
    story lost its first one, what its row says of it."""
    recent = _TITLED.order_by(None).where(entry.c.id > after, _first_seen >= microseconds(since))
    lost = sa.select(story.c.id, story.c.title, story.c.url, _began, story.c.id).where(
        story.c.id > after, _began >= microseconds(since), _BEREFT
    )
    both = sa.union_all(recent, lost).order_by("id").limit(limit)
    return [Titled(*row) for row in connection.execute(both)]


def titles_of(connection: Connection, ids: Sequence[int]) -> list[Titled]:
    """Those of ``ids`` that still exist, in order."""
    rows = connection.execute(_TITLED.where(bulk.among(connection, entry.c.id, ids)))
    return [Titled(*row) for row in rows]


def floor(connection: Connection, since: datetime, most: int) -> int:
    """The number after which the newest ``most`` entries first seen from ``since`` on stand."""
    first = connection.execute(
        sa.select(entry.c.id)
        .where(entry.c.first_seen_at >= since)
        .order_by(entry.c.first_seen_at, entry.c.id)  # a poll's entries came at one moment
        .limit(1)
    ).scalar()
    lost = connection.scalar(
        sa.select(sa.func.min(story.c.id)).where(
            story.c.last_seen_at >= since, story.c.first_seen_at >= since, _BEREFT
        )
    )
    newest = max(connection.scalar(sa.select(sa.func.max(entry.c.id))) or 0, lost or 0)
    begins = min(first or newest + 1, lost or newest + 1)
    return max(begins - 1, newest - most)


def told(connection: Connection, ids: Collection[int]) -> dict[int, Told]:
    """Those of ``ids`` that still exist, or whose stories do, with these."""
    if not ids:
        return {}
    rows = connection.execute(
        sa.select(
            entry.c.id,
            entry.c.title,
            entry.c.url,
            source.c.url,
            entry.c.first_seen_at,
            entry.c.story_id,
        )
        .join(source, source.c.id == entry.c.source_id)
        .where(bulk.among(connection, entry.c.id, sorted(ids)))
    )
    found = {
        number: Told(number, title, url, portal_of(at_url), at, story_id)
        for number, title, url, at_url, at, story_id in rows
    }
    lost = sorted(set(ids) - found.keys())
    return found | _told_of_lost(connection, lost) if lost else found


def _told_of_lost(connection: Connection, ids: Sequence[int]) -> dict[int, Told]:
    """Of the entries ``ids``, which are gone, those that began a story."""
    query = sa.select(story).where(bulk.among(connection, story.c.id, ids))
    rows = connection.execute(query.where(story.c.merged_into.is_(None))).mappings()
    return {
        each.id: Told(
            each.id, each.title, each.url, each.joined[0].portal, each.first_seen_at, each.id
        )
        for each in map(_story, rows)
    }


def ungrouped(connection: Connection, limit: int) -> list[Newcomer]:
    """The oldest entries that have no story yet; nobody else groups them meanwhile."""
    rows = connection.execute(
        sa.select(
            entry.c.id,
            entry.c.title,
            entry.c.url,
            source.c.url,
            entries.shown_section(),
            entry.c.rank,
            entry.c.first_seen_at,
        )
        .join(source, source.c.id == entry.c.source_id)
        .outerjoin(correction, correction.c.entry_id == entry.c.id)
        .where(entry.c.story_id.is_(None))
        .order_by(entry.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=entry)
    )
    return [
        Newcomer(number, title, url, portal_of(at_url), section, rank, at)
        for number, title, url, at_url, section, rank, at in rows
    ]


def any_ungrouped(connection: Connection) -> bool:
    """Whether ``ungrouped`` would find something: a read, which waits for no writer."""
    query = sa.select(entry.c.id).where(entry.c.story_id.is_(None)).limit(1)
    return connection.execute(query).first() is not None


def assign(connection: Connection, stories: Mapping[int, int]) -> None:
    """Write down the story of each entry."""
    if stories:
        statement = sa.update(entry).where(entry.c.id == sa.bindparam("b_id"))
        connection.execute(
            statement.values(story_id=sa.bindparam("b_story")),
            [{"b_id": number, "b_story": root} for number, root in stories.items()],
        )


def load(connection: Connection, ids: Collection[int]) -> dict[int, Story]:
    """The stories ``ids``, locked until the transaction ends."""
    if not ids:
        return {}
    statement = (
        sa.select(story)
        .where(bulk.among(connection, story.c.id, sorted(ids)))
        .order_by(story.c.id)
        .with_for_update()
    )
    return {row["id"]: _story(row) for row in connection.execute(statement).mappings()}


def save(connection: Connection, stories: Sequence[Story]) -> None:
    """Write stories, new or known."""
    bulk.insert(connection, story, _COLUMNS, [_row(each) for each in stories], update=_COLUMNS[1:])


def merge(connection: Connection, merged: Mapping[int, int]) -> None:
    """Move the entries of each story to its root."""
    if merged:
        statement = sa.update(entry).where(entry.c.story_id == sa.bindparam("b_story"))
        connection.execute(
            statement.values(story_id=sa.bindparam("b_root")),
            [{"b_story": number, "b_root": root} for number, root in merged.items()],
        )


def usual_peaks(connection: Connection, since: datetime, least: int) -> dict[str, float]:
    """For each section the mean peak of the stories of several portals told since then.

    Sections with fewer than ``least`` of them are left out.
    """
    rows = connection.execute(
        sa.select(story.c.section, sa.func.avg(story.c.peak))
        .where(story.c.portals >= 2, story.c.last_seen_at >= since, story.c.merged_into.is_(None))
        .group_by(story.c.section)
        .having(sa.func.count() >= least)
    )
    return {section: float(mean) for section, mean in rows}


def settle_sections(connection: Connection, entries: Collection[int]) -> None:
    """Put the stories of ``entries``, and those that they began, where they belong: where a
    person last said of one of their entries, else where a hint or the model puts their
    earliest one."""
    if not entries:
        return
    said = (
        sa.select(correction.c.section)
        .join(entry, entry.c.id == correction.c.entry_id)
        .where(entry.c.story_id == story.c.id)
        .order_by(correction.c.corrected_at.desc(), correction.c.entry_id.desc())
        .limit(1)
        .correlate(story)
        .scalar_subquery()
    )
    shown = sa.func.coalesce(entry.c.hinted, entry.c.section)
    first = sa.select(shown).where(entry.c.id == story.c.id).correlate(story)
    told = sa.select(entry.c.story_id).where(bulk.among(connection, entry.c.id, sorted(entries)))
    other = story.alias()  # whose first entry may be gone
    begun = sa.select(other.c.id).where(bulk.among(connection, other.c.id, sorted(entries)))
    connection.execute(
        sa.update(story)
        .where(story.c.id.in_(sa.union_all(told, begun)))
        .values(section=sa.func.coalesce(said, first.scalar_subquery(), story.c.section))
    )


def hottest(
    connection: Connection, since: datetime, section: str | None, limit: int
) -> list[Story]:
    """The hottest stories told since then that have entries left, the hottest first."""
    left = sa.exists().where(entry.c.story_id == story.c.id)
    statement = sa.select(story).where(
        story.c.last_seen_at >= since, story.c.merged_into.is_(None), left
    )
    if section is not None:
        statement = statement.where(story.c.section == section)
    statement = statement.order_by(story.c.hot.desc(), story.c.id).limit(limit)
    return [_story(row) for row in connection.execute(statement).mappings()]


def root_of(connection: Connection, number: int) -> Story | None:
    """The story ``number``, or the one that it turned out to be; None where there is none."""
    for _ in range(MERGES_FOLLOWED):
        query = sa.select(story).where(story.c.id == number)
        row = connection.execute(query).mappings().first()
        if row is None:
            return None
        if row["merged_into"] is None:
            return _story(row)
        number = row["merged_into"]
    return None


def members(connection: Connection, number: int, limit: int) -> list[RowMapping]:
    """The entries that tell the story ``number``, in the order in which they came."""
    statement = entries.select_shown().where(entry.c.story_id == number)
    statement = statement.order_by(entry.c.first_seen_at, entry.c.id).limit(limit)
    return list(connection.execute(statement).mappings())


def _story(row: RowMapping) -> Story:
    joined = tuple(
        Join(portal, EPOCH + timedelta(microseconds=at), rank) for portal, at, rank in row["joined"]
    )
    return Story(**{**row, "joined": joined})


def _row(each: Story) -> tuple[Any, ...]:
    joined = [(item.portal, microseconds(item.at), item.rank) for item in each.joined]
    values = {
        "joined": json.dumps(joined, ensure_ascii=False),
        "first_seen_at": microseconds(each.first_seen_at),
        "last_seen_at": microseconds(each.last_seen_at),
    }
    return tuple(values.get(name, getattr(each, name)) for name in _COLUMNS)
