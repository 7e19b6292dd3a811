"""Subscriptions to hubs: wanted once, replaced with their hub, gone with their source."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

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


def put(connection: Connection, source_id: int, **values: object) -> str:
    """Set columns of the subscription of a source; returns its token."""
    mine = sa.select(subscription.c.token).where(subscription.c.source_id == source_id)
    token: str = connection.execute(mine).scalar_one()
    assert not values or subscriptions.change(connection, token, **values)
    return token


def push(connection: Connection, source_id: int, now: datetime) -> bool:
    return subscriptions.pushed(connection, put(connection, source_id, state="active"), now)


def test_what_is_known_stays_and_another_hub_begins_anew(database: Database) -> None:
    first, second = watched(database, "https://a.example/1", "https://a.example/2")
    with database.write() as connection:
        subscriptions.note(connection, {}, NOW)
        subscriptions.note(connection, {first: LINK, second: LINK}, NOW)
    before = tokens(database)
    assert len(set(before.values())) == 2
    assert all(len(token) >= 22 for token in before.values())  # 128 bits
    with database.write() as connection:
        put(connection, first, state=subscriptions.ACTIVE, next_at=LATER)
        put(connection, second, state=subscriptions.ACTIVE, next_at=LATER)
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
        put(connection, first, next_at=LATER)
        assert subscriptions.due(connection, NOW, 10) == []
        assert len(subscriptions.due(connection, LATER, 10)) == 1


def test_a_push_makes_its_source_due_and_never_later(database: Database) -> None:
    first, second = watched(database, "https://a.example/1", "https://a.example/2")
    with database.write() as connection:
        subscriptions.note(connection, {first: LINK, second: LINK}, NOW)
        connection.execute(sa.update(source).values(next_fetch_at=LATER))
        push(connection, first, NOW)
        connection.execute(sa.update(source).where(source.c.id == second).values(next_fetch_at=NOW))
        push(connection, second, LATER)
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
        push(connection, numbers[0], NOW)
        subscriptions.answer(connection, numbers[:2])  # a poll begins
        push(connection, numbers[1], NOW)
        push(connection, numbers[2], NOW)
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
            push(connection, number, NOW)
    soon = NOW + subscriptions.GAP
    assert due_at(database) == [LATER, soon, LATER]


def test_they_are_counted_and_end_with_their_source(database: Database) -> None:
    numbers = watched(database, *(f"https://a.example/{number}" for number in range(3)))
    with database.write() as connection:
        subscriptions.note(connection, dict.fromkeys(numbers, LINK), NOW)
        for number, lease in zip(numbers[:2], (LATER, NOW), strict=True):
            put(connection, number, state=subscriptions.ACTIVE, lease_ends_at=lease)
        found = subscriptions.counts(connection, NOW)
        assert found == {"active": 1, "asked": 1, "wanted": 1}
        token = subscriptions.due(connection, NOW, 1)[0]["token"]
        assert subscriptions.by_token(connection, token) is not None
        sources.remove(connection, numbers[0])
    assert set(tokens(database)) == set(numbers[1:])
    with database.read() as connection:
        assert subscriptions.by_token(connection, "nobody's") is None


def test_an_answer_for_a_replaced_subscription_changes_nothing(database: Database) -> None:
    (number,) = watched(database, "https://a.example/1")
    moved = HubLink("https://other.example/", LINK.topic)
    with database.write() as connection:
        subscriptions.note(connection, {number: LINK}, NOW)
        old = put(connection, number, state="active")
        subscriptions.note(connection, {number: moved}, NOW)
        assert not subscriptions.change(connection, old, next_at=LATER)
        assert not subscriptions.pushed(connection, old, NOW)
        (due,) = subscriptions.due(connection, NOW, 10)
        assert (due["hub"], due["next_at"], due["pushed_at"]) == (moved.hub, NOW, None)
        assert not subscriptions.change(connection, due["token"], unless_moved=LATER, failures=1)
        assert subscriptions.change(connection, due["token"], unless_moved=NOW, failures=1)


def test_only_verified_subscriptions_take_pushes(database: Database) -> None:
    (number,) = watched(database, "https://a.example/1")
    with database.write() as connection:
        subscriptions.note(connection, {number: LINK}, NOW)
        connection.execute(sa.update(source).values(next_fetch_at=LATER))
        for state in ("wanted", "asked", "denied"):
            assert not subscriptions.pushed(connection, put(connection, number, state=state), NOW)
        assert connection.scalar(sa.select(source.c.next_fetch_at)) == LATER
        assert push(connection, number, NOW)
        assert connection.scalar(sa.select(source.c.next_fetch_at)) == NOW


def test_a_push_is_noted_until_its_source_is_begun_to_be_read(database: Database) -> None:
    (number,) = watched(database, "https://a.example/1")
    with database.write() as connection:
        subscriptions.note(connection, {number: LINK}, NOW)
        token = put(connection, number, state="active")
        assert not subscriptions.is_noted(connection, token, NOW)
        subscriptions.pushed(connection, token, NOW)
        assert subscriptions.is_noted(connection, token, NOW + subscriptions.GAP / 2)
        assert not subscriptions.is_noted(connection, token, NOW + subscriptions.GAP)
        subscriptions.answer(connection, [number])
        assert not subscriptions.is_noted(connection, token, NOW)


def test_what_a_wrong_clock_put_off_is_due(database: Database) -> None:
    (number,) = watched(database, "https://a.example/1")
    with database.write() as connection:
        subscriptions.note(connection, {number: LINK}, NOW)
        for state, days, absurd in (
            ("asked", 1, False), ("asked", 2, True), ("denied", 7, False), ("denied", 8, True),
            ("active", 24, False), ("active", 31, True),
        ):  # fmt: skip
            put(connection, number, state=state, next_at=NOW + timedelta(days=days))
            assert bool(subscriptions.due(connection, NOW, 10)) == absurd, (state, days)


def test_another_callback_is_told_to_all_hubs_at_once(database: Database) -> None:
    (number,) = watched(database, "https://a.example/1")
    with database.write() as connection:
        subscriptions.answer_at(connection, 1, NOW)
        subscriptions.note(connection, {number: LINK}, NOW)
        put(connection, number, state="active", next_at=LATER)
        subscriptions.answer_at(connection, 1, NOW)
        assert subscriptions.due(connection, NOW, 10) == []
        subscriptions.answer_at(connection, 2, NOW)
        (due,) = subscriptions.due(connection, NOW, 10)
        assert due["state"] == "active"
