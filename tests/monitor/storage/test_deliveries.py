"""The outbox's rows on both databases: owed once, claimed by one, settled, revived."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from monitor.attempts import ChannelState
from monitor.messages import AlertEntry, Message
from monitor.storage import Database, deliveries
from monitor.storage.deliveries import Failure
from monitor.storage.messages import decode, encode
from tests.fakes import NOW, make_entry, make_message

LEASE = timedelta(minutes=2)
BOTH = ("one", "two")


def owe(database: Database, *messages: Message) -> int:
    with database.write() as connection:
        return deliveries.insert_many(connection, messages, NOW)


def claim(
    database: Database,
    worker: str = "w",
    now: datetime = NOW,
    channels: Sequence[str] = BOTH,
    limit: int = 100,
) -> list[str]:
    with database.write() as connection:
        found = deliveries.claim(connection, worker, channels, now, LEASE, limit)
        return [claimed.message.id for claimed in found]


def row(database: Database, number: str) -> sa.RowMapping:
    with database.read() as connection:
        rows = {each["id"]: each for each in deliveries.list_by_state(connection)}
        return rows[number]


def fail(
    database: Database, number: str, next_attempt_at: datetime | None, worker: str = "w"
) -> None:
    with database.write() as connection:
        failures = [Failure(number, "503", next_attempt_at)]
        deliveries.settle_failed(connection, worker, failures, NOW)


def test_an_id_is_owed_once(database: Database) -> None:
    assert owe(database, make_message("a"), make_message("b"), make_message("a")) == 2
    assert owe(database, make_message("a", "edited"), make_message("c")) == 1
    assert row(database, "a")["message"]["entries"][0]["title"] == "央行宣布降息"
    with database.read() as connection:
        assert deliveries.counts(connection) == {"pending": 3}


def test_a_claimed_message_is_what_was_owed(database: Database) -> None:
    message = make_message("a", "标题 title \U0001f600")
    owe(database, message)
    with database.write() as connection:
        (claimed,) = deliveries.claim(connection, "w", BOTH, NOW, LEASE, 9)
    assert (claimed.message, claimed.attempts) == (message, 0)


def test_a_claim_belongs_to_one_until_its_lease_ends(database: Database) -> None:
    owe(database, make_message("a"))
    assert claim(database, "one") == ["a"]
    assert claim(database, "two") == []
    assert claim(database, "two", NOW + LEASE) == ["a"]
    fail(database, "a", None, worker="one")  # too late: it is no longer theirs
    assert row(database, "a")["claimed_by"] == "two"


def test_a_claim_under_a_longer_lease_is_kept(database: Database) -> None:
    owe(database, make_message("a"))
    with database.write() as connection:
        deliveries.claim(connection, "other", BOTH, NOW, 10 * LEASE, 9)
    assert claim(database) == []


def test_every_channel_gets_its_share_oldest_first(database: Database) -> None:
    old = [make_message(f"a{number}", entries=(make_entry(id=number),)) for number in range(5)]
    owe(database, *old)
    with database.write() as connection:
        late = [make_message("b0", channel="two"), make_message("b1", channel="two")]
        deliveries.insert_many(connection, late, NOW - timedelta(seconds=1))
    assert sorted(claim(database, limit=2)) == ["a0", "a1", "b0", "b1"]
    assert claim(database, channels=["two"]) == []
    assert claim(database, limit=2) == ["a2", "a3"]


def test_messages_of_other_channels_wait(database: Database) -> None:
    owe(database, make_message("a", channel="removed"))
    assert claim(database) == []
    with database.read() as connection:
        assert not deliveries.any_due(connection, BOTH, NOW, LEASE)
        assert deliveries.any_due(connection, ["removed"], NOW, LEASE)
        assert deliveries.waiting(connection) == {"removed": 1}


def test_a_failure_is_due_at_its_time(database: Database) -> None:
    owe(database, make_message("a"))
    claim(database)
    later = NOW + timedelta(minutes=5)
    fail(database, "a", later)
    assert claim(database, now=later - timedelta(seconds=1)) == []
    assert claim(database, now=later) == ["a"]
    found = row(database, "a")
    assert (found["attempts"], found["detail"], found["settled_at"]) == (1, "503", None)


def test_a_clock_that_was_wrong_delays_nothing(database: Database) -> None:
    owe(database, make_message("a"), make_message("b"))
    year = timedelta(days=365)
    with database.write() as connection:
        deliveries.claim(connection, "w", BOTH, NOW + year, LEASE, 1)
    fail(database, "b", NOW + year)
    with database.write() as connection:
        deliveries.claim(connection, "w", BOTH, NOW + year, LEASE, 9)
        deliveries.settle_failed(connection, "w", [Failure("b", "503", NOW + year)], NOW)
    assert sorted(claim(database, "w2")) == ["a", "b"]


def test_a_dead_letter_is_revived_under_its_id(database: Database) -> None:
    owe(database, make_message("a"))
    claim(database)
    fail(database, "a", None)
    assert claim(database, now=NOW + timedelta(days=9)) == []
    with database.write() as connection:
        assert [each["id"] for each in deliveries.list_by_state(connection, "dead")] == ["a"]
        assert deliveries.retry(connection, "a", NOW)
        assert not deliveries.retry(connection, "a", NOW)
        assert not deliveries.retry(connection, "unknown", NOW)
    assert claim(database) == ["a"]
    assert row(database, "a")["attempts"] == 0


def test_sent_is_sent_whoever_held_it(database: Database) -> None:
    owe(database, make_message("a"))
    claim(database, "one")
    claim(database, "two", NOW + LEASE)
    with database.write() as connection:
        deliveries.settle_sent(connection, {"a": "250 \x00kept\n" + "x" * 999}, NOW)
    found = row(database, "a")
    assert (found["state"], found["settled_at"], found["claimed_by"]) == ("sent", NOW, None)
    assert found["detail"].startswith("250 kept x")
    assert len(found["detail"]) == 500
    assert claim(database, now=NOW + timedelta(days=1)) == []


def test_claims_are_given_back_as_if_never_made(database: Database) -> None:
    owe(database, *(make_message(number) for number in "abc"))
    claim(database, "one", limit=2)
    claim(database, "two")
    with database.write() as connection:
        assert deliveries.give_back(connection, "one", ["a"]) == 1
        assert deliveries.give_back(connection, "one") == 1
        assert deliveries.release_others(connection, "one") == 1
    assert sorted(claim(database, "three")) == ["a", "b", "c"]
    assert row(database, "a")["attempts"] == 0


def test_a_channel_that_is_off_keeps_what_it_owes(database: Database) -> None:
    owe(database, make_message("a"), make_message("b", channel="two"))
    with database.write() as connection:
        deliveries.set_channels(connection, {"one": ChannelState(NOW, NOW, "410 Gone")})
    assert claim(database) == ["b"]
    with database.write() as connection:
        assert not deliveries.any_due(connection, ["one"], NOW, LEASE)
        assert deliveries.channel_states(connection) == {"one": "disabled: 410 Gone"}
        assert deliveries.enable(connection, "one")
        assert not deliveries.enable(connection, "one")
    assert claim(database) == ["a"]


def test_a_channel_that_works_again_is_forgotten(database: Database) -> None:
    failing = ChannelState(NOW, None, "503")
    with database.write() as connection:
        deliveries.set_channels(connection, {"one": failing, "two": failing})
        deliveries.set_channels(connection, {"one": ChannelState()})
        assert deliveries.channels_known(connection) == {"two": failing}
        assert deliveries.channels_known(connection, ["one"]) == {}
        states = deliveries.channel_states(connection)
    assert states == {"two": "failing since 2026-03-01 12:00 UTC: 503"}


def test_workers_that_claim_at_once_share_the_work(database: Database) -> None:
    owe(database, *(make_message(f"m{number:03}") for number in range(60)))
    found: list[list[str]] = [[] for _ in range(4)]

    def work(place: int) -> None:
        for _ in range(20):
            found[place] += claim(database, f"w{place}", limit=3)

    threads = [threading.Thread(target=work, args=(place,)) for place in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    everything = [number for part in found for number in part]
    assert len(everything) == len(set(everything)) == 60


def test_the_number_of_statements_does_not_grow_with_the_messages(database: Database) -> None:
    statements: list[str] = []
    sa.event.listen(
        database.engine,
        "before_cursor_execute",
        lambda *arguments: statements.append(arguments[2]),
    )

    def cost(count: int, prefix: str) -> int:
        statements.clear()
        ids = [f"{prefix}{number}" for number in range(count)]
        owe(database, *(make_message(number) for number in ids))
        claim(database, limit=count)
        with database.write() as connection:
            deliveries.settle_sent(connection, dict.fromkeys(ids[1:], "ok"), NOW)
            deliveries.settle_failed(connection, "w", [Failure(ids[0], "no", None)], NOW)
        return len(statements)

    assert cost(500, "b") <= cost(5, "a") + 2


TEXT = st.text(st.characters(exclude_categories=[]), max_size=20)
INSTANT = st.datetimes().map(lambda moment: moment.replace(tzinfo=NOW.tzinfo))


@given(
    st.builds(
        Message,
        id=TEXT,
        rule=TEXT,
        query=TEXT,
        channel=TEXT,
        created_at=INSTANT,
        notice=TEXT,
        entries=st.lists(
            st.builds(
                AlertEntry,
                title=TEXT,
                url=TEXT,
                source=TEXT,
                section=TEXT,
                probability=st.floats(0, 1),
                published_at=st.none() | INSTANT,
                first_seen_at=INSTANT,
                spans=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9))).map(tuple),
            ),
            max_size=2,
        ).map(tuple),
    )
)
def test_any_message_survives_its_row(message: Message) -> None:
    assert decode(encode(message)) == message
