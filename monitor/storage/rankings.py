"""Where entries have stood on ranked lists."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from monitor.ranking import Ranking
from monitor.storage import bulk
from monitor.storage.schema import entry, microseconds, ranking

COLUMNS = (
    "entry_id", "source_id", "first_rank", "best_rank", "last_rank", "first_at", "last_at",
    "listed_s", "heat", "history",
)  # fmt: skip


def load(connection: Connection, ids: Collection[int]) -> dict[int, Ranking]:
    """The rankings of those of ``ids`` that have one."""
    if not ids:
        return {}
    query = sa.select(ranking).where(bulk.among(connection, ranking.c.entry_id, list(ids)))
    return {
        row.entry_id: Ranking(
            row.first_rank, row.best_rank, row.last_rank, row.first_at, row.last_at,
            row.listed_s, row.heat, tuple((at, rank) for at, rank in row.history),
        )
        for row in connection.execute(query)
    }  # fmt: skip


def placed(connection: Connection, ids: Collection[int]) -> dict[int, int | None]:
    """The best places of those of ``ids`` that still exist; None of one that never had any."""
    if not ids:
        return {}
    query = sa.select(entry.c.id, entry.c.rank)
    rows = connection.execute(query.where(bulk.among(connection, entry.c.id, list(ids))))
    return {row.id: row.rank for row in rows}


def last_listed(
    connection: Connection, sources: Collection[int], now: datetime
) -> dict[int, datetime]:
    """When each of ``sources`` last listed anything, by a clock that is not ahead of ours."""
    query = (
        sa.select(ranking.c.source_id, sa.func.max(ranking.c.last_at).label("last"))
        .where(bulk.among(connection, ranking.c.source_id, list(sources)), ranking.c.last_at <= now)
        .group_by(ranking.c.source_id)
    )
    return {row.source_id: row.last for row in connection.execute(query)}


def save(connection: Connection, rows: Iterable[tuple[int, int, Ranking]]) -> None:
    """Store rankings, each with its entry and its source."""
    bulk.insert(
        connection,
        ranking,
        COLUMNS,
        [
            (
                entry_id, source_id, each.first, each.best, each.last,
                microseconds(each.first_at), microseconds(each.last_at), each.listed_s,
                each.heat, json.dumps(each.history),
            )
            for entry_id, source_id, each in rows
        ],
        update=COLUMNS[1:],
    )  # fmt: skip


def hold(connection: Connection, source_id: int, now: datetime, longest: timedelta) -> None:
    """A source's list is as it was: what it had last stays where it is."""
    last = connection.execute(
        sa.select(sa.func.max(ranking.c.last_at)).where(
            ranking.c.source_id == source_id, ranking.c.last_at <= now
        )
    ).scalar()
    if last is None or last == now:
        return
    spent_s = min(now - last, longest).total_seconds()
    connection.execute(
        sa.update(ranking)
        .where(ranking.c.source_id == source_id, ranking.c.last_at == last)
        .values(last_at=now, listed_s=ranking.c.listed_s + spent_s)
    )


def rise(connection: Connection, best: Mapping[int, int]) -> None:
    """Note an entry's new best place where rules and searches look for it."""
    if best:
        connection.execute(
            sa.update(entry)
            .where(entry.c.id == sa.bindparam("b_id"))
            .values(rank=sa.bindparam("b_rank")),
            [{"b_id": number, "b_rank": rank} for number, rank in best.items()],
        )
