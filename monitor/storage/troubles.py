"""Trouble: which sources have it, and what has been told and is not over."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from monitor.health import (
    FAILING_AFTER,
    PATIENCE,
    SILENT_AFTER,
    SILENT_TIMES,
    USUAL_PATIENCE,
    Event,
    EventKind,
    Finding,
    TroubleKey,
)
from monitor.storage import bulk
from monitor.storage.schema import source, source_url, trouble
from monitor.text import without_secrets
from monitor.types import SourceState

RECENT = timedelta(days=1)


def known(connection: Connection) -> dict[TroubleKey, datetime]:
    """What has been told, and since when it is so."""
    rows = connection.execute(sa.select(trouble.c.kind, trouble.c.subject, trouble.c.since))
    return {(row.kind, row.subject): row.since for row in rows}


def details(connection: Connection) -> dict[TroubleKey, str]:
    """The names of what has been told, for saying that it is over."""
    rows = connection.execute(sa.select(trouble.c.kind, trouble.c.subject, trouble.c.detail))
    return {(row.kind, row.subject): row.detail for row in rows}


def listed(connection: Connection, limit: int) -> list[tuple[str, str, datetime]]:
    """Kind, name and beginning of what has been told and is not over, the longest first."""
    query = sa.select(trouble.c.kind, trouble.c.detail, trouble.c.since)
    rows = connection.execute(query.order_by(trouble.c.since, trouble.c.subject).limit(limit))
    return [(row.kind, row.detail, row.since) for row in rows]


def save(connection: Connection, events: Iterable[Event]) -> None:
    """Note what began, and forget what is over."""
    for event in events:
        key = {"kind": event.finding.kind.value, "subject": event.finding.subject}
        same = sa.and_(trouble.c.kind == key["kind"], trouble.c.subject == key["subject"])
        connection.execute(sa.delete(trouble).where(same))
        if not event.over:
            values = {**key, "since": event.since, "detail": event.finding.name}
            connection.execute(sa.insert(trouble).values(values))


def of_sources(connection: Connection) -> Iterator[Finding]:
    """Every source that is in trouble, with the first trouble that applies."""
    is_silent = _is_silent()
    query = sa.select(source, is_silent.label("is_silent")).where(
        sa.or_(
            source.c.state == SourceState.GONE,
            sa.and_(
                source.c.state == SourceState.ACTIVE,
                sa.or_(
                    source.c.failures >= FAILING_AFTER,
                    source.c.low_polls >= _low_after(),
                    is_silent,
                ),
            ),
        )
    )
    for row in connection.execute(query.order_by(source.c.id)).mappings():
        kind, text, zh = _diagnose(row)
        yield _finding(kind, str(row["id"]), row, f"{row['name']}: {text}", f"{row['name']}：{zh}")


def watched(connection: Connection, subjects: Iterable[str], now: datetime) -> dict[str, bool]:
    """Those of ``subjects``, sources' numbers, that are watched, and whether nobody knows how they
    do: they fail, or are due (as one that was just resumed) or being asked."""
    wanted = [int(each) for each in set(subjects)]
    if not wanted:
        return {}
    unknown = sa.or_(
        source.c.failures > 0, source.c.next_fetch_at <= now, source.c.claimed_until > now
    )
    query = sa.select(source.c.id, sa.func.coalesce(unknown, False)).where(
        source.c.state == SourceState.ACTIVE, bulk.among(connection, source.c.id, wanted)
    )
    return {str(number): bool(is_open) for number, is_open in connection.execute(query)}


def whose(
    connection: Connection, subjects: Iterable[str]
) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Address and labels of those of ``subjects``, sources' numbers, that are there."""
    wanted = [int(each) for each in set(subjects)]
    if not wanted:
        return {}
    query = sa.select(source.c.id, source.c.url, source.c.labels).where(
        bulk.among(connection, source.c.id, wanted)
    )
    rows = connection.execute(query)
    return {str(number): (url, tuple(labels)) for number, url, labels in rows}


def _low_after() -> sa.ColumnElement[int]:
    """How many low polls in a row are trouble, for a source of its kind."""
    polls = {kind: patience.polls for kind, patience in PATIENCE.items()}
    return sa.case(polls, value=source.c.kind, else_=USUAL_PATIENCE.polls)


def _is_silent() -> sa.ColumnElement[bool]:
    """Measured at the last poll: who was off for a week has no silent sources yet."""
    last = sa.type_coerce(source.c.last_new_at, sa.BigInteger)
    age_s = (sa.type_coerce(source.c.last_fetch_at, sa.BigInteger) - last) / 1e6
    return sa.and_(
        source.c.last_new_at.is_not(None),
        source.c.usual_gap_s.is_not(None),
        source.c.failures == 0,
        age_s > SILENT_AFTER.total_seconds(),
        age_s > SILENT_TIMES * source.c.usual_gap_s,
    )


def _diagnose(row: RowMapping) -> tuple[EventKind, str, str]:
    """The trouble, in English and in Chinese."""
    if row["state"] == SourceState.GONE:
        words = "the server says that it is gone (410): it is paused"
        return EventKind.GONE, words, "服务器称其已失效（410）：已暂停"
    failures, error = row["failures"], row["last_error"]
    if failures >= FAILING_AFTER:
        words = f"failed {failures} times in a row: {error}"
        return EventKind.FAILING, words, f"连续失败 {failures} 次：{error}"
    patience = PATIENCE.get(row["kind"], USUAL_PATIENCE)
    if row["low_polls"] >= patience.polls:
        found, usual = row["last_yield"], f"{row['usual_yield']:.0f}"
        if not found:
            words = f"lists nothing any more, usually {usual} entries"
            return patience.empty, words, f"不再列出任何条目，通常有 {usual} 条"
        words = f"lists {found} entries, usually {usual}"
        return patience.low, words, f"只列出 {found} 条，通常有 {usual} 条"
    hours = f"{row['usual_gap_s'] / 3600:.1f}"
    since = f"{row['last_new_at']:%Y-%m-%d %H:%M} UTC"
    words = f"nothing new since {since}; usually within {hours} h"
    return EventKind.SILENT, words, f"自 {since} 起没有新内容；通常 {hours} 小时内就有"


def _finding(kind: EventKind, subject: str, row: RowMapping, text: str, zh: str) -> Finding:
    return Finding(
        kind, subject, row["name"], text, zh, source_url=row["url"], labels=tuple(row["labels"])
    )


def moved(connection: Connection, now: datetime) -> list[Finding]:
    """The sources that have moved within a day."""
    query = (
        sa.select(source, source_url.c.url.label("former"))
        .join(source_url, source_url.c.source_id == source.c.id)
        .where(source_url.c.replaced_at > now - RECENT)
        .order_by(source_url.c.replaced_at.desc(), source.c.id)
    )
    return [
        _finding(
            EventKind.MOVED,
            f"{row['id']}:{row['former']}",
            row,
            f"{row['name']}: moved from {without_secrets(row['former'])} "
            f"to {without_secrets(row['url'])}",
            f"{row['name']}：已从 {without_secrets(row['former'])} "
            f"迁移到 {without_secrets(row['url'])}",
        )
        for row in connection.execute(query).mappings()
    ]
