"""What rules have told, what is muted, and what is held until it is told together."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from monitor.alerts import Held, Reason, TellingKey, Told
from monitor.caps import WINDOWS_S, Spent, Usage
from monitor.messages import AlertEntry
from monitor.storage import bulk
from monitor.storage.messages import decode_entry, encode_entry
from monitor.storage.schema import delivery, held, microseconds, muted, told
from monitor.storage.stories import root_of

_TOLD = tuple(Told.__dataclass_fields__)
_HELD = (
    *("channel", "rule", "version", "story", "entry_id", "reason", "top", "weight", "entry"),
    *("held_at", "release_at"),
)
# What was held further ahead than this was held under another clock, and is due.
CLOCK_SLACK = timedelta(hours=1)
_SCHEDULED = (Reason.DIGEST, Reason.LATER)
# A digest lists no more than this, however many rules it is about.
LISTED = 200


# told


def known(connection: Connection, stories: Collection[int]) -> dict[TellingKey, Told]:
    """What any rule has told of ``stories``."""
    if not stories:
        return {}
    query = sa.select(told).where(bulk.among(connection, told.c.story, list(stories)))
    rows = connection.execute(query).mappings()
    return {(row["rule"], row["story"]): Told(**row) for row in rows}


def save(connection: Connection, changed: Iterable[Told]) -> None:
    """Write what was told; what is there is replaced."""
    rows = [
        (
            each.rule, each.story, microseconds(each.first_at), microseconds(each.last_at),
            each.times, each.joined,
            None if each.escalated_at is None else microseconds(each.escalated_at),
        )
        for each in changed
    ]  # fmt: skip
    bulk.insert(connection, told, _TOLD, rows, update=_TOLD[2:])


def merge(connection: Connection, merged: Mapping[int, int]) -> None:
    """What was told of the stories of ``merged`` (old to new) was told of the new ones."""
    if not merged:
        return
    found = known(connection, {*merged, *merged.values()})
    changed: dict[TellingKey, Told] = {}
    for (rule, story), old in found.items():
        if story in merged:
            key = (rule, merged[story])
            changed[key] = _united(changed.get(key) or found.get(key), old, merged[story])
    save(connection, changed.values())
    _move_held(connection, merged)
    quiet = muted_among(connection, [*merged, *merged.values()])
    for root in {root for gone, root in merged.items() if gone in quiet or root in quiet}:
        _mute(connection, root, "", None)
        _drop(connection, root)


def _united(one: Told | None, other: Told, story: int) -> Told:
    one = one or other
    return Told(
        rule=one.rule,
        story=story,
        first_at=min(one.first_at, other.first_at),
        last_at=max(one.last_at, other.last_at),
        times=max(one.times, other.times),
        joined=one.joined + (0 if one is other else other.joined + 1),
        escalated_at=one.escalated_at or other.escalated_at,
    )


# muted


def muted_among(connection: Connection, stories: Collection[int]) -> set[int]:
    """Those of ``stories`` that a person has muted."""
    if not stories:
        return set()
    listed = bulk.among(connection, muted.c.story, list(stories))
    return set(connection.scalars(sa.select(muted.c.story).where(listed)))


def mute(connection: Connection, story: int, title: str, now: datetime) -> bool:
    """Mute a story, or the one that it turned out to be, and drop what of it is still held;
    False when it was muted before.
    """
    root = _root(connection, story)
    fresh = _mute(connection, root, title, now)
    _drop(connection, root)
    return fresh


def unmute(connection: Connection, story: int) -> bool:
    """Let a story be told again; False when it was not muted."""
    named = {story, _root(connection, story)}
    return connection.execute(sa.delete(muted).where(muted.c.story.in_(named))).rowcount > 0


def _root(connection: Connection, story: int) -> int:
    found = root_of(connection, story)
    return found.id if found else story


def _mute(connection: Connection, story: int, title: str, now: datetime | None) -> bool:
    """``now`` None: when another was muted last."""
    if muted_among(connection, [story]):
        return False
    at = now or sa.select(sa.func.max(muted.c.muted_at)).scalar_subquery()
    connection.execute(sa.insert(muted).values(story=story, title=title, muted_at=at))
    return True


def _drop(connection: Connection, story: int) -> None:
    """What waits of a story is not told."""
    waits = (held.c.digest.is_(None), held.c.story == story)
    connection.execute(sa.delete(held).where(*waits))


def _move_held(connection: Connection, merged: Mapping[int, int]) -> None:
    """What waits of stories that became another waits as one of that."""
    waits = (held.c.digest.is_(None), held.c.story.in_(merged))
    moved = sa.case(dict(merged), value=held.c.story)
    connection.execute(sa.update(held).where(*waits).values(story=moved))


# caps


def usage(
    connection: Connection, channels: Collection[str], now: datetime, longest_s: int
) -> Usage:
    """What was sent to ``channels`` in each window up to ``longest_s``.

    Notices do not count, nor what a person had sent again.
    """
    at = delivery.c.created_at
    counts = []
    for window_s in WINDOWS_S:
        inside = at > now - timedelta(seconds=window_s)
        counts += [
            sa.func.count(sa.case((inside, 1))),
            sa.func.min(sa.case((inside, at)), type_=at.type),
        ]
    query = (
        sa.select(delivery.c.channel, delivery.c.rule, *counts)
        .where(
            delivery.c.channel.in_(channels),
            at > now - timedelta(seconds=longest_s),
            at <= now,
            delivery.c.kind.not_in(("notice", "replay")),
        )
        .group_by(delivery.c.channel, delivery.c.rule)
    )
    return Usage(
        Spent(row[0], row[1], window_s, row[2 + 2 * place], row[3 + 2 * place])
        for row in connection.execute(query)
        for place, window_s in enumerate(WINDOWS_S)
        if row[2 + 2 * place]
    )


def waiting(
    connection: Connection, channels: Collection[str]
) -> dict[tuple[str, str | None], datetime]:
    """When what caps hold back is released, by channel and rule (None: the channel's own cap)."""
    lane = sa.case((held.c.reason == Reason.CAP, held.c.rule))
    query = (
        sa.select(
            held.c.channel, lane, sa.func.max(held.c.release_at, type_=held.c.release_at.type)
        )
        .where(
            held.c.digest.is_(None),
            held.c.channel.in_(channels),
            held.c.reason.in_((Reason.CAP, Reason.CHANNEL_CAP)),
        )
        .group_by(held.c.channel, lane)
    )
    return {(row[0], row[1]): row[2] for row in connection.execute(query)}


# held


def held_count(connection: Connection) -> int:
    """How many headlines wait for a digest."""
    query = sa.select(sa.func.count()).select_from(held).where(held.c.digest.is_(None))
    return int(connection.execute(query).scalar_one())


def hold(connection: Connection, found: Sequence[Held], now: datetime) -> None:
    """Keep what is to be told later; a headline that a rule waits to tell already is there.

    What waits for the digest of a schedule gives way to what is told before that.
    """
    if not found:
        return
    fresh: dict[tuple[str, str, int], Held] = {}
    for each in found:
        key = (each.channel, each.rule.name, each.entry.id)
        if key not in fresh or each.release_at < fresh[key].release_at:
            fresh[key] = each
    waits = connection.execute(
        sa.select(
            held.c.channel, held.c.rule, held.c.entry_id, held.c.id, held.c.reason,
            held.c.release_at,
        ).where(
            held.c.digest.is_(None),
            bulk.among(connection, held.c.entry_id, sorted({each.entry.id for each in found})),
        )
    )  # fmt: skip
    there = {tuple(row[:3]): row for row in waits}
    late = [
        key
        for key, row in there.items()
        if key in fresh and row.reason in _SCHEDULED and fresh[key].release_at < row.release_at
    ]
    gone = [there.pop(key).id for key in late]
    if gone:
        connection.execute(sa.delete(held).where(bulk.among(connection, held.c.id, gone)))
    rows = [
        (
            each.channel, each.rule.name, each.rule.version, each.entry.story_id, each.entry.id,
            each.reason, each.top, each.weight,
            json.dumps(encode_entry(each.entry), ensure_ascii=False),
            microseconds(now), microseconds(each.release_at),
        )
        for key, each in fresh.items()
        if key not in there
    ]  # fmt: skip
    bulk.insert(connection, held, _HELD, rows)


@dataclass(frozen=True, slots=True)
class Group:
    """What is told in one digest. ``lane`` is a rule that a cap holds back, else empty;
    ``late`` is how much of it was held when it was due already."""

    channel: str
    release_at: datetime
    lane: str
    first_id: int
    late: int


@dataclass(frozen=True, slots=True)
class Share:
    """How many headlines of a rule a digest holds; ``version`` is the rule's newest in it."""

    rule: str
    version: int
    total: int


_LANE = sa.case((held.c.reason == Reason.CAP, held.c.rule), else_="")


def _is_due(now: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(
        held.c.digest.is_(None),
        sa.or_(held.c.release_at <= now, held.c.held_at > now + CLOCK_SLACK),
    )


def any_due(connection: Connection, now: datetime) -> bool:
    """Whether something held is due: a read, which waits for no writer."""
    return connection.execute(sa.select(held.c.id).where(_is_due(now)).limit(1)).first() is not None


def first_due(connection: Connection, now: datetime) -> Group | None:
    """The group that has been due for longest."""
    late = sa.func.count(sa.case((held.c.held_at >= held.c.release_at, 1)))
    query = (
        sa.select(held.c.channel, held.c.release_at, _LANE, sa.func.min(held.c.id), late)
        .where(_is_due(now))
        .group_by(held.c.channel, held.c.release_at, _LANE)
        .order_by(held.c.release_at, sa.func.min(held.c.id))
        .limit(1)
    )
    row = connection.execute(query).first()
    return None if row is None else Group(*row)


def _of(group: Group) -> sa.ColumnElement[bool]:
    return sa.and_(
        held.c.digest.is_(None),
        held.c.channel == group.channel,
        held.c.release_at == group.release_at,
        _LANE == group.lane,  # noqa: SIM300
    )


def latecomers(connection: Connection, group: Group) -> list[str]:
    """The addresses (else titles) of what joined a group when that was due already."""
    if not group.late:
        return []
    query = sa.select(held.c.entry).where(_of(group), held.c.held_at >= held.c.release_at)
    found = connection.scalars(query.order_by(held.c.id))
    return [document["url"] or document["title"] for document in found]


def take(connection: Connection, group: Group, digest: str) -> int:
    """Put all of a group into a digest; how many. 0: another program was faster."""
    statement = sa.update(held).where(_of(group)).values(digest=digest)
    return connection.execute(statement).rowcount


def postpone(
    connection: Connection,
    group: Group,
    release_at: datetime,
    now: datetime,
    rules: Collection[str] | None = None,
    *,
    asleep: bool = False,
) -> None:
    """Let a group wait on, or what is of ``rules`` in it; ``asleep``: until they wake."""
    which = _of(group) if rules is None else sa.and_(_of(group), held.c.rule.in_(rules))
    values: dict[str, object] = {"release_at": release_at, "held_at": now}
    if asleep:
        values["reason"] = Reason.SNOOZE
    connection.execute(sa.update(held).where(which).values(values))


def rules_in(connection: Connection, group: Group) -> list[str]:
    """The rules that a group is about."""
    return list(connection.scalars(sa.select(held.c.rule).where(_of(group)).distinct()))


def move_snoozed(connection: Connection, rule: str, release_at: datetime) -> None:
    """What was held while a rule was snoozed comes when it wakes, which is another time now."""
    asleep = (held.c.digest.is_(None), held.c.rule == rule, held.c.reason == Reason.SNOOZE)
    connection.execute(sa.update(held).where(*asleep).values(release_at=release_at))


def shares(connection: Connection, digest: str) -> list[Share]:
    """What a digest holds of each rule, the largest share first."""
    total = sa.func.count()
    query = (
        sa.select(held.c.rule, sa.func.max(held.c.version), total)
        .where(held.c.digest == digest)
        .group_by(held.c.rule)
        .order_by(total.desc(), held.c.rule)
    )
    return [Share(*row) for row in connection.execute(query)]


def listed(connection: Connection, digest: str) -> list[AlertEntry]:
    """The headlines that a digest lists: of each rule the hottest and newest, as its ``top``
    says, by rule.
    """
    place = sa.func.row_number().over(
        partition_by=held.c.rule, order_by=(held.c.weight.desc(), held.c.id.desc())
    )
    ranked = (
        sa.select(held.c.rule, held.c.entry, held.c.top, place.label("place"))
        .where(held.c.digest == digest)
        .subquery()
    )
    query = (
        sa.select(ranked.c.entry)
        .where(ranked.c.place <= ranked.c.top)
        .order_by(ranked.c.place, ranked.c.rule)
        .limit(LISTED)
    )
    return [decode_entry(document) for document in connection.scalars(query)]
