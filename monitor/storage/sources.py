"""Sources: the list a user edits, and the claims by which polls share it."""

from __future__ import annotations

import operator
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from monitor.errors import NotFound, UsageError
from monitor.storage import bulk
from monitor.storage.schema import entry, microseconds, seen, source, source_url
from monitor.text import without_secrets
from monitor.types import Polled, Source, SourceState

# How far beyond its interval a source can be planned: hints of HTTP and feed, or back-off and
# Retry-After (monitor.schedule). What lies further ahead was planned under another clock.
HINTS_AHEAD = timedelta(hours=2)
BACKOFF_AHEAD = timedelta(hours=27)
BATCH = 5_000
_GOLDEN = 0.6180339887  # its multiples spread evenly over 0 to 1


@dataclass(frozen=True, slots=True)
class NewSource:
    """What a user says of a source when adding it."""

    url: str
    kind: str = "feed"
    name: str = ""
    section: str | None = None
    language: str | None = None
    interval_s: float = 900.0
    labels: tuple[str, ...] = ()
    options: Mapping[str, object] | None = None
    history: bool = False
    paused: bool = False
    retention_days: int | None = None


_POLLED_COLUMNS = tuple(name for name in Polled.__dataclass_fields__ if name != "id")
_polled_values = operator.attrgetter(*_POLLED_COLUMNS)


def from_row(row: RowMapping) -> Source:
    """A row of the table as the record that flows."""
    fields: dict[str, Any] = {name: row[name] for name in Source.__dataclass_fields__}
    fields["labels"] = tuple(row["labels"])
    fields["state"] = SourceState(row["state"])
    return Source(**fields)


def add_many(connection: Connection, new: Sequence[NewSource], now: datetime) -> int:
    """Store the sources whose address is not known yet, due at once; returns how many."""
    known = known_urls(connection, [item.url for item in new])
    rows = {
        item.url: {
            "url": item.url,
            "kind": item.kind,
            "name": item.name or without_secrets(item.url),
            "state": SourceState.PAUSED if item.paused else SourceState.ACTIVE,
            "section": item.section,
            "language": item.language,
            "interval_s": item.interval_s,
            "labels": list(item.labels),
            "options": dict(item.options or {}),
            "history": item.history,
            "retention_days": item.retention_days,
            "created_at": now,
            "next_fetch_at": now,
        }
        for item in new
        if item.url not in known
    }
    if rows:
        connection.execute(sa.insert(source), list(rows.values()))
    return len(rows)


def known_urls(connection: Connection, urls: Sequence[str]) -> set[str]:
    """Those of ``urls`` that are a source's address, or were before it moved."""
    found: set[str] = set()
    for start in range(0, len(urls), BATCH):
        part = urls[start : start + BATCH]
        for table in (source, source_url):
            found.update(connection.scalars(sa.select(table.c.url).where(table.c.url.in_(part))))
    return found


def may_move(connection: Connection, wanted: Mapping[int, str]) -> set[int]:
    """Those of ``wanted``, sources with the addresses that they lead to, that may have theirs:
    no other source has it or had it before, and of several the first takes it. A source may go
    back to where it was."""
    if not wanted:
        return set()
    urls = list(wanted.values())
    now = sa.select(source.c.url, source.c.id).where(source.c.url.in_(urls))
    before = sa.select(source_url.c.url, source_url.c.source_id).where(source_url.c.url.in_(urls))
    owners = {url: number for query in (before, now) for url, number in connection.execute(query)}
    for number, url in wanted.items():
        owners.setdefault(url, number)
    return {number for number, url in wanted.items() if owners[url] == number}


def former_addresses(connection: Connection) -> dict[str, int]:
    """The numbers of sources by the addresses that they had before they moved."""
    rows = connection.execute(sa.select(source_url.c.url, source_url.c.source_id))
    return {row.url: row.source_id for row in rows}


def list_all(connection: Connection) -> list[RowMapping]:
    """Every source with all its columns, by name."""
    return list(connection.execute(sa.select(source).order_by(source.c.id)).mappings())


def how_many_are_drawn(connection: Connection) -> int:
    """Sources whose pages a browser draws."""
    drawn = sa.select(sa.func.count()).where(source.c.options["render"].as_boolean())
    return connection.scalar(drawn) or 0


def find(connection: Connection, key: str) -> RowMapping:
    """The source with that number, name or (former) address. Raises NotFound, UsageError."""
    former = sa.select(source_url.c.source_id).where(source_url.c.url == key)
    matches = sa.or_(source.c.url == key, source.c.name == key, source.c.id.in_(former))
    if key.isdecimal():
        matches = source.c.id == int(key)
    rows = list(connection.execute(sa.select(source).where(matches).limit(2)).mappings())
    if not rows:
        raise NotFound(f"no source is called {key!r}: 'headlines feeds list' shows them")
    if len(rows) > 1:
        raise UsageError(f"several sources are called {key!r}: use the number or the address")
    return rows[0]


def remove(connection: Connection, source_id: int) -> int:
    """Delete a source and its entries; returns how many entries went."""
    count: int = connection.execute(
        sa.select(sa.func.count()).select_from(entry).where(entry.c.source_id == source_id)
    ).scalar_one()
    connection.execute(sa.delete(source).where(source.c.id == source_id))
    connection.execute(sa.delete(seen).where(seen.c.source_id == source_id))
    return count


def set_state(connection: Connection, source_id: int, state: SourceState, now: datetime) -> None:
    """Pause or resume; a resumed source is due at once and starts without failures.

    A poll that is under way loses its claim, so that its end does not undo this.
    """
    values: dict[str, Any] = {"state": state, "claimed_by": None, "claimed_until": None}
    if state is SourceState.ACTIVE:
        values |= {"next_fetch_at": now, "failures": 0, "last_error": None}
    connection.execute(sa.update(source).where(source.c.id == source_id).values(values))


def make_all_due(connection: Connection, now: datetime) -> int:
    """Let every active source be polled now; returns how many."""
    update = sa.update(source).where(source.c.state == SourceState.ACTIVE)
    return connection.execute(update.values(next_fetch_at=now)).rowcount


def claim(
    connection: Connection, worker: str, now: datetime, limit: int, lease: timedelta
) -> list[Source]:
    """Take up to ``limit`` due sources; nobody else gets them until the lease ends."""
    due = (
        sa.select(source.c.id)
        .where(
            source.c.state == SourceState.ACTIVE,
            sa.or_(source.c.next_fetch_at <= now, _is_absurd(now)),
            sa.or_(
                source.c.claimed_until.is_(None),
                source.c.claimed_until <= now,
                source.c.claimed_until > now + 2 * lease,
            ),
        )
        .order_by(source.c.next_fetch_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    statement = (
        sa.update(source)
        .where(source.c.id.in_(due.scalar_subquery()))
        .values(claimed_by=worker, claimed_until=now + lease)
        .returning(source)
    )
    return [from_row(row) for row in connection.execute(statement).mappings()]


def _is_absurd(now: datetime) -> sa.ColumnElement[bool]:
    ahead = sa.type_coerce(source.c.next_fetch_at, sa.BigInteger) - microseconds(now)
    planned_s = sa.func.coalesce(source.c.wait_s, 0.0)
    allowed_s = source.c.interval_s + sa.case(
        (source.c.failures > 0, BACKOFF_AHEAD.total_seconds()),
        else_=planned_s + HINTS_AHEAD.total_seconds(),
    )
    return ahead > allowed_s * 1e6


def still_claimed(connection: Connection, worker: str, ids: Collection[int]) -> set[int]:
    """Those of ``ids`` that are still this worker's, locked until the transaction ends."""
    statement = (
        sa.select(source.c.id)
        .where(source.c.id.in_(ids), source.c.claimed_by == worker)
        .with_for_update()
    )
    return set(connection.scalars(statement))


def postpone(connection: Connection, worker: str, due: Mapping[int, datetime]) -> None:
    """End this worker's claims on sources that were not asked; each comes due at its instant."""
    statement = (
        sa.update(source)
        .where(source.c.id == sa.bindparam("b_id"), source.c.claimed_by == worker)
        .values(next_fetch_at=sa.bindparam("b_due"), claimed_by=None, claimed_until=None)
    )
    if due:
        rows = [{"b_id": number, "b_due": at} for number, at in due.items()]
        connection.execute(statement, rows)


def give_back(connection: Connection, worker: str) -> int:
    """End all of this worker's claims; returns how many there were."""
    statement = sa.update(source).where(source.c.claimed_by == worker)
    return connection.execute(statement.values(claimed_by=None, claimed_until=None)).rowcount


def release_others(connection: Connection, worker: str) -> int:
    """End the claims of every other worker: for a daemon that has just become the only one."""
    statement = sa.update(source).where(
        source.c.claimed_by.is_not(None), source.c.claimed_by != worker
    )
    return connection.execute(statement.values(claimed_by=None, claimed_until=None)).rowcount


def settle(connection: Connection, polled: Sequence[Polled]) -> None:
    """Write what polls taught about their sources, and end the claims."""
    if not polled:
        return
    columns = (*_POLLED_COLUMNS, "claimed_by", "claimed_until")
    rows = [(*map(_driven, _polled_values(item)), None, None, item.id) for item in polled]
    bulk.update(connection, source, columns, rows)


def _driven(value: object) -> object:
    """As the driver takes it."""
    if isinstance(value, datetime):
        return microseconds(value)
    return value.value if isinstance(value, SourceState) else value


def record_moves(connection: Connection, moves: Sequence[tuple[int, str]], now: datetime) -> None:
    """Keep the former addresses of ``(source id, former address)``; where one is back, it is
    no former one any more."""
    urls = [url for _, url in moves]
    back = sa.select(source.c.url).where(source.c.id.in_([number for number, _ in moves]))
    gone = sa.or_(source_url.c.url.in_(urls), source_url.c.url.in_(back))
    connection.execute(sa.delete(source_url).where(gone))
    rows = [{"source_id": number, "url": url, "replaced_at": now} for number, url in moves]
    connection.execute(sa.insert(source_url), rows)


def change_interval(connection: Connection, before_s: float, after_s: float, now: datetime) -> None:
    """Give the sources that have one interval another. Those that do well and would wait for
    longer than the new one come due within it, spread out.
    """
    statement = sa.update(source).where(source.c.interval_s == before_s)
    connection.execute(statement.values(interval_s=after_s))
    late = sa.select(source.c.id).where(
        source.c.interval_s == after_s,
        source.c.failures == 0,
        source.c.next_fetch_at > now + timedelta(seconds=after_s),
    )
    due = [
        (microseconds(now + timedelta(seconds=after_s * (number * _GOLDEN % 1))), number)
        for number in connection.scalars(late)
    ]
    bulk.update(connection, source, ("next_fetch_at",), due)


def asked_and_wanted(connection: Connection, interval_s: float) -> tuple[float, float]:
    """Requests a second that the sources which are timed ask for, and what ``interval_s``
    would ask for.
    """
    timed = source.c.wait_s.is_not(None), source.c.state == SourceState.ACTIVE
    rate = sa.func.sum(1.0 / sa.case((source.c.wait_s > 1.0, source.c.wait_s), else_=1.0))
    statement = sa.select(rate, sa.func.count()).where(*timed, source.c.failures == 0)
    asked, count = connection.execute(statement).one()
    return float(asked or 0.0), count / interval_s


def next_due_at(connection: Connection) -> datetime | None:
    """When the next active source is due; None where there is none."""
    found: datetime | None = connection.execute(
        sa.select(sa.func.min(source.c.next_fetch_at, type_=source.c.next_fetch_at.type)).where(
            source.c.state == SourceState.ACTIVE
        )
    ).scalar()
    return found


def counts(connection: Connection) -> dict[str, int]:
    """How many sources are in each state, and how many of the active ones fail."""
    states = connection.execute(sa.select(source.c.state, sa.func.count()).group_by(source.c.state))
    found = {str(state): int(number) for state, number in states}
    failing = sa.select(sa.func.count()).where(
        source.c.state == SourceState.ACTIVE, source.c.failures > 0
    )
    found["failing"] = int(connection.execute(failing).scalar_one())
    return found
