"""Subscriptions to hubs: wanted once, replaced with their hub, gone with their source."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from monitor.storage import Database, sources, subscriptions
from monitor.storage.schema import source, subscription
from monitor.storage.sources import NewSource
from monitor.types import HubLink

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
LINK = HubLink("https://hub.example/", "https://a.example/feed")


def watched(database: Database, *urls: str) -> list[int]:
    with database.write() as connection:
        sources.add_many(connection, [NewSource(url) for url in urls], NOW)
        return list(connection.scalars(sa.select(source.c.id).order_by(source.c.id)))


def tokens(database: Database) -> dict[int, str]:
    with database.read() as connection:
        rows = connection.execute(sa.select(subscription.c.source_id, subscription.c.token))
        return {int(number): token for number, token in rows}


def test_what_is_known_stays_and_another_hub_begins_anew(database: Database) -> None:
    first, second = watched(database, "https://a.example/1", "https://a.example/2")
    with database.write() as connection:
        subscriptions.note(connection, {}, NOW)
        subscriptions.note(connection, {first: LINK, second: LINK}, NOW)
    before = tokens(database)
    assert len(set(before.values())) == 2
    assert all(len(token) >= 22 for token in before.values())  # 128 bits
    with database.write() as connection:
        subscriptions.change(connection, first, state=subscriptions.ACTIVE, next_at=LATER)
        subscriptions.change(connection, second, state=subscriptions.ACTIVE, next_at=LATER)
        moved = HubLink("https://other.example/", LINK.topic)
        subscriptions.note(connection, {first: LINK, second: moved}, NOW)
        (due,) = subscriptions.due(connection, NOW, 10)
        assert (due["source_id"], due["hub"], due["state"]) == (second, moved.hub, "wanted")
    after = tokens(database)
    assert after[first] == before[first]
    assert after[second] != before[second]


def test_only_what_is_due_and_watched_is_asked_for(database: Database) -> None:
    first, second = watched(database, "https://a.example/1", "https://a.example/2")
    with database.write() as connection:
        subscriptions.note(connection, {first: LINK, second: LINK}, NOW)
        connection.execute(sa.update(source).where(source.c.id == second).values(state="paused"))
        assert [row["source_id"] for row in subscriptions.due(connection, NOW, 10)] == [first]
        subscriptions.change(connection, first, next_at=LATER)
        assert subscriptions.due(connection, NOW, 10) == []
        assert len(subscriptions.due(connection, LATER, 10)) == 1


def test_a_push_makes_its_source_due_and_never_later(database: Database) -> None:
    first, second = watched(database, "https://a.example/1", "https://a.example/2")
    with database.write() as connection:
        subscriptions.note(connection, {first: LINK, second: LINK}, NOW)
        connection.execute(sa.update(source).values(next_fetch_at=LATER))
        subscriptions.pushed(connection, first, NOW)
        connection.execute(sa.update(source).where(source.c.id == second).values(next_fetch_at=NOW))
        subscriptions.pushed(connection, second, LATER)
    with database.read() as connection:
        assert list(connection.scalars(sa.select(source.c.next_fetch_at))) == [NOW, NOW]
        pushed = connection.scalars(
            sa.select(subscription.c.pushed_at).order_by(subscription.c.source_id)
        )
        assert list(pushed) == [NOW, LATER]


def due_at(database: Database) -> list[datetime]:
    with database.read() as connection:
        return list(connection.scalars(sa.select(source.c.next_fetch_at).order_by(source.c.id)))


def test_a_push_during_a_poll_makes_its_source_due_again(database: Database) -> None:
    numbers = watched(database, *(f"https://a.example/{number}" for number in range(3)))
    with database.write() as connection:
        subscriptions.note(connection, dict.fromkeys(numbers, LINK), NOW)
        subscriptions.pushed(connection, numbers[0], NOW)
        subscriptions.answer(connection, numbers[:2])  # a poll begins
        subscriptions.pushed(connection, numbers[1], NOW)
        subscriptions.pushed(connection, numbers[2], NOW)
        done = {"next_fetch_at": LATER, "last_fetch_at": NOW}
        connection.execute(sa.update(source).values(done))
        subscriptions.repeat(connection, numbers[:2], NOW)
    assert due_at(database) == [LATER, NOW + subscriptions.GAP, LATER]


def test_pushes_neither_crowd_a_source_nor_cut_short_what_it_was_told_to_wait(
    database: Database,
) -> None:
    numbers = watched(database, *(f"https://a.example/{number}" for number in range(3)))
    with database.write() as connection:
        subscriptions.note(connection, dict.fromkeys(numbers, LINK), NOW)
        connection.execute(sa.update(source).values(next_fetch_at=LATER))
        for number, values in zip(
            numbers,
            ({"failures": 1}, {"last_fetch_at": NOW - timedelta(seconds=4)}, {"state": "paused"}),
            strict=True,
        ):
            connection.execute(sa.update(source).where(source.c.id == number).values(values))
            subscriptions.pushed(connection, number, NOW)
    soon = NOW + subscriptions.GAP
    assert due_at(database) == [LATER, soon, LATER]


def test_they_are_counted_and_end_with_their_source(database: Database) -> None:
    numbers = watched(database, *(f"https://a.example/{number}" for number in range(3)))
    with database.write() as connection:
        subscriptions.note(connection, dict.fromkeys(numbers, LINK), NOW)
        for number, lease in zip(numbers[:2], (LATER, NOW), strict=True):
            subscriptions.change(
                connection, number, state=subscriptions.ACTIVE, lease_ends_at=lease
            )
        found = subscriptions.counts(connection, NOW)
        assert found == {"active": 1, "asked": 1, "wanted": 1}
        token = subscriptions.due(connection, NOW, 1)[0]["token"]
        assert subscriptions.by_token(connection, token) is not None
        sources.remove(connection, numbers[0])
    assert set(tokens(database)) == set(numbers[1:])
    with database.read() as connection:
        assert subscriptions.by_token(connection, "nobody's") is None
