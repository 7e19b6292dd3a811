"""The outbox over real databases and recording channels; time stands still or is moved by hand."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from monitor.attempts import ChannelState
from monitor.errors import StorageError, TransportError
from monitor.messages import Message, Receipt
from monitor.outbox import DeliveryReport, Outbox, OutboxSettings
from monitor.storage import Database, deliveries
from tests.fakes import NOW, RecordingChannel, make_entry, make_message

TROUBLE = TransportError("503 later")
REFUSED = TransportError("550 no such user", permanent=True)
GONE = TransportError("hook.example answered 410 Gone", permanent=True, gone=True)


class World:
    """A database, two channels, and a clock that stands still."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.now = NOW
        self.one = RecordingChannel("one")
        self.two = RecordingChannel("two")
        self.channels = {"one": self.one, "two": self.two}

    def outbox(self, worker: str = "w", **settings: Any) -> Outbox:
        return Outbox(
            self.database,
            self.channels,
            OutboxSettings(**settings),
            worker=worker,
            now=lambda: self.now,
            rng=random.Random(1),
        )

    def owe(self, *messages: Message) -> None:
        with self.database.write() as connection:
            deliveries.insert_many(connection, messages, self.now)

    def deliver(self, **settings: Any) -> DeliveryReport:
        return asyncio.run(self.outbox(**settings).deliver_due())

    def rows(self) -> dict[str, sa.RowMapping]:
        with self.database.read() as connection:
            return {row["id"]: row for row in deliveries.list_by_state(connection, None, 10**6)}

    def states(self) -> dict[str, str]:
        return {number: row["state"] for number, row in self.rows().items()}

    def known(self) -> dict[str, ChannelState]:
        with self.database.read() as connection:
            return deliveries.channels_known(connection)


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


@pytest.fixture
def lite(sqlite_url: str) -> World:
    """Where the database cannot make a difference."""
    return World(Database(sqlite_url))


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine, but not for ever."""
    return asyncio.run(asyncio.wait_for(work, 20))


async def until(condition: Any, timeout_s: float = 60.0) -> None:
    """Return when ``condition()`` holds."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        await asyncio.sleep(0.005)


def test_what_is_owed_arrives_once_through_its_channel(world: World) -> None:
    world.owe(make_message("a"), make_message("b", channel="two"))
    assert world.deliver() == DeliveryReport(sent=2)
    assert (world.one.ids, world.two.ids) == (["a"], ["b"])
    row = world.rows()["a"]
    assert (row["state"], row["detail"], row["attempts"]) == ("sent", "taken", 1)
    assert world.deliver() == DeliveryReport()
    assert world.one.ids == ["a"]


def test_more_than_a_claim_takes_is_delivered_in_order(world: World) -> None:
    ids = [f"m{number:03}" for number in range(70)]
    world.owe(
        *(make_message(name, entries=(make_entry(id=place),)) for place, name in enumerate(ids))
    )
    assert world.deliver() == DeliveryReport(sent=70)
    assert world.one.ids == ids
    assert world.one.most_active == 1


def test_hostile_16_rules_take_turns_so_that_none_waits_for_another_s_storm(
    world: World,
) -> None:
    world.owe(*(make_message(f"s{number:03}", rule="storm") for number in range(200)))
    world.owe(make_message("calm", rule="calm"), make_message("other", rule="other"))
    assert world.deliver() == DeliveryReport(sent=202)
    assert {"calm", "other"} < set(world.one.ids[:4])
    storm = [number for number in world.one.ids if number[0] == "s"]
    assert storm == sorted(storm), "each rule's own messages stay in order"


def test_a_channel_may_be_given_more_lanes(lite: World) -> None:
    lite.owe(*(make_message(f"m{number}") for number in range(9)))

    async def main() -> None:
        lite.one.gate = asyncio.Event()
        work = asyncio.create_task(lite.outbox(per_channel=3).deliver_due())
        await until(lambda: lite.one.active == 3)
        lite.one.gate.set()
        await work

    run(main())
    assert lite.one.most_active == 3
    assert set(lite.states().values()) == {"sent"}


def test_hostile_12_nine_failures_then_the_tenth_attempt_arrives(lite: World) -> None:
    lite.owe(make_message("a"))
    lite.one.script = [TROUBLE] * 9
    waits_s = []
    for _ in range(9):
        assert lite.deliver() == DeliveryReport(retried=1)
        assert lite.deliver() == DeliveryReport()
        due_at = lite.rows()["a"]["next_attempt_at"]
        waits_s.append((due_at - lite.now).total_seconds())
        lite.now = due_at
    planned = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]
    for wait_s, plan_s in zip(waits_s, planned, strict=True):
        assert 0.8 * plan_s <= wait_s <= 1.2 * plan_s
    assert lite.deliver() == DeliveryReport(sent=1)
    assert lite.one.ids == ["a"] * 10
    assert lite.known() == {}


def test_the_last_attempt_makes_a_dead_letter_that_can_be_revived(lite: World) -> None:
    lite.owe(make_message("a"))
    lite.one.broken = TROUBLE
    for _ in range(10):
        lite.deliver()
        lite.now = max(lite.rows()["a"]["next_attempt_at"], lite.now)
    row = lite.rows()["a"]
    assert (row["state"], row["attempts"], row["detail"]) == ("dead", 10, "503 later")
    lite.now += timedelta(days=30)
    assert lite.deliver() == DeliveryReport()
    lite.one.broken = None
    with lite.database.write() as connection:
        assert deliveries.retry(connection, "a", lite.now)
    assert lite.deliver() == DeliveryReport(sent=1)
    assert set(lite.one.ids) == {"a"}


def test_hostile_11_a_permanent_refusal_is_not_tried_again(lite: World) -> None:
    lite.owe(make_message("a"), make_message("b"))
    lite.one.script = [REFUSED]
    assert lite.deliver() == DeliveryReport(sent=1, dead=1)
    assert lite.states() == {"a": "dead", "b": "sent"}
    assert "550" in lite.rows()["a"]["detail"]


def test_hostile_12_retry_after_is_kept(lite: World) -> None:
    lite.owe(make_message("a"))
    lite.one.script = [TransportError("429", retry_after_s=30.0)]
    lite.deliver()
    assert lite.rows()["a"]["next_attempt_at"] == NOW + timedelta(seconds=30)


def test_hostile_11_a_slow_channel_keeps_nobody_waiting(lite: World) -> None:
    """One channel hangs; what comes due meanwhile goes out through the other."""

    async def main() -> float:
        lite.one.gate = asyncio.Event()
        lite.owe(make_message("slow"), make_message("slow2"), make_message("b1", channel="two"))
        work = asyncio.create_task(lite.outbox().deliver_due())
        await until(lambda: lite.one.active == 1 and lite.states()["b1"] == "sent")
        started = time.monotonic()
        lite.owe(make_message("b2", channel="two"))
        await until(lambda: lite.states()["b2"] == "sent")
        took_s = time.monotonic() - started
        assert lite.one.ids == ["slow"]
        lite.one.gate.set()
        await work
        return took_s

    assert run(main()) < 5.0
    assert set(lite.states().values()) == {"sent"}


def test_a_channel_that_never_ends_is_a_failed_attempt(lite: World) -> None:
    async def main() -> DeliveryReport:
        lite.one = lite.channels["one"] = RecordingChannel("one", deadline_s=-0.9)
        lite.one.gate = asyncio.Event()
        lite.owe(make_message("a"))
        return await lite.outbox(lease_s=60.0).deliver_due()

    assert run(main()) == DeliveryReport(retried=1)
    assert "did not end" in lite.rows()["a"]["detail"]


def test_a_fault_in_a_channel_loses_nothing(lite: World) -> None:
    lite.owe(make_message("a"), make_message("b"))

    def explode(message: Message) -> None:
        if message.id == "a":
            raise RuntimeError("a fault")

    lite.one.on_send = explode
    assert lite.deliver() == DeliveryReport(sent=1, retried=1)
    assert "RuntimeError" in lite.rows()["a"]["detail"]


def test_hostile_14_gone_switches_off_keeps_the_rest_and_tells_the_owner(world: World) -> None:
    world.owe(make_message("a"), make_message("b"))
    world.one.script = [GONE]
    report = world.deliver(owner="two")
    assert report == DeliveryReport(sent=1, dead=1)
    states = world.states()
    assert (states.pop("a"), states.pop("b")) == ("dead", "pending")
    assert list(states.values()) == ["sent"]  # the notice, through the outbox like all else
    (notice,) = world.two.given
    assert "'one' is switched off" in notice.notice
    assert "410" in notice.notice
    world.now += timedelta(days=30)
    assert world.deliver(owner="two") == DeliveryReport()
    with world.database.write() as connection:
        deliveries.enable(connection, "one")
    assert world.deliver(owner="two") == DeliveryReport(sent=1)
    assert world.one.ids == ["a", "b"]


def test_hostile_14_five_days_of_failures_switch_off_and_tell_the_owner(lite: World) -> None:
    lite.one.broken = TROUBLE
    for day in range(6):
        lite.now = NOW + timedelta(days=day)
        lite.owe(make_message(f"m{day}"))
        lite.deliver(owner="two")
    assert lite.known()["one"].disabled_at == lite.now
    assert [bool(message.notice) for message in lite.two.given] == [True]
    assert "5 days" in lite.two.given[0].notice


def test_a_machine_that_slept_for_a_week_gives_a_channel_another_hour(world: World) -> None:
    world.one.broken = TROUBLE
    world.owe(make_message("a"))
    world.deliver(owner="two")
    woke_at = NOW + timedelta(days=7)
    for minutes in (0, 1, 10, 50):
        world.now = woke_at + timedelta(minutes=minutes)
        world.deliver(owner="two")
        assert world.known()["one"].disabled_at is None
    world.now = woke_at + timedelta(hours=3)
    world.deliver(owner="two")
    assert world.known()["one"].disabled_at == world.now
    assert [bool(message.notice) for message in world.two.given] == [True]


@pytest.mark.parametrize("owner", ["", "one", "unknown"])
def test_hostile_14_an_owner_who_cannot_be_reached_hears_by_another_channel(
    lite: World, owner: str
) -> None:
    lite.owe(make_message("a"))
    lite.one.script = [GONE]
    lite.deliver(owner=owner)
    assert len(lite.two.given) == 1


def test_an_owner_whose_channel_fails_hears_by_one_that_does_not(lite: World) -> None:
    lite.channels["three"] = three = RecordingChannel("three")
    lite.two.broken = TROUBLE
    lite.owe(make_message("b", channel="two"))
    lite.deliver(owner="two")
    lite.owe(make_message("a"))
    lite.one.script = [GONE]
    lite.deliver(owner="two")
    assert ["'one' is switched off" in message.notice for message in three.given] == [True]


def test_hostile_14_when_all_channels_are_gone_the_log_says_so(
    lite: World, caplog: pytest.LogCaptureFixture
) -> None:
    lite.owe(make_message("a"), make_message("b", channel="two"))
    lite.one.broken = lite.two.broken = GONE
    for _ in range(2):
        lite.deliver(owner="two")
    assert {name for name, state in lite.known().items() if state.disabled_at} == {"one", "two"}
    assert "switched off" in caplog.text


def test_the_owner_hears_once_of_what_arrived_otherwise_than_it_should(lite: World) -> None:
    odd = Receipt("taken", warning="the template failed")
    lite.one.script = [odd, odd]
    lite.owe(make_message("a"), make_message("b"))
    lite.deliver(owner="two")
    lite.one.script = [odd]
    lite.owe(make_message("c"))
    lite.deliver(owner="two")
    assert lite.one.ids == ["a", "b", "c"]
    assert [message.notice for message in lite.two.given] == [
        "The channel 'one': the template failed"
    ]


def test_two_workers_deliver_everything_once(world: World) -> None:
    world.owe(*(make_message(f"m{number:03}") for number in range(60)))
    other = World(world.database)
    threads = [
        threading.Thread(target=lambda place=place, name=name: place.deliver(worker=name))  # type: ignore[misc]
        for place, name in ((world, "w1"), (other, "w2"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    found = world.one.ids + other.one.ids
    assert sorted(found) == [f"m{number:03}" for number in range(60)]


def test_a_drain_lets_a_send_end_and_gives_the_rest_back(lite: World) -> None:
    lite.owe(*(make_message(f"m{number}") for number in range(3)))

    async def main() -> DeliveryReport:
        lite.one.gate = asyncio.Event()
        outbox = lite.outbox()
        work = asyncio.create_task(outbox.deliver_due())
        await until(lambda: lite.one.active == 1)
        drain = asyncio.create_task(outbox.drain(5.0))
        await asyncio.sleep(0)
        lite.one.gate.set()
        await drain
        return await work

    assert run(main()) == DeliveryReport(sent=1)
    assert lite.states() == {"m0": "sent", "m1": "pending", "m2": "pending"}
    assert lite.rows()["m1"]["attempts"] == 0


def test_a_drain_cuts_a_send_that_does_not_end_and_keeps_it_owed(lite: World) -> None:
    lite.owe(make_message("a"))

    async def main() -> None:
        lite.one.gate = asyncio.Event()
        outbox = lite.outbox()
        work = asyncio.create_task(outbox.deliver_due())
        await until(lambda: lite.one.active == 1)
        started = time.monotonic()
        await outbox.drain(0.1)
        assert time.monotonic() - started < 2.0
        await work
        assert await outbox.deliver_due() == DeliveryReport()

    run(main())
    assert lite.states() == {"a": "pending"}


def test_a_drain_leaves_the_claims_of_a_younger_outbox_alone(lite: World) -> None:
    """A reload opens the new outbox, under the same worker's name, before it drains the old."""
    lite.owe(make_message("a"))

    async def main() -> None:
        lite.one.gate = asyncio.Event()
        old, young = lite.outbox(), lite.outbox()
        work = asyncio.create_task(young.deliver_due())
        await until(lambda: lite.one.active == 1)
        await old.drain(0.0)
        assert lite.states() == {"a": "claimed"}
        lite.one.gate.set()
        await work

    run(main())
    assert lite.one.ids == ["a"]


def test_a_cancelled_delivery_gives_back_what_it_held(lite: World) -> None:
    lite.owe(make_message("a"), make_message("b"))

    async def main() -> None:
        lite.one.gate = asyncio.Event()
        work = asyncio.create_task(lite.outbox().deliver_due())
        await until(lambda: lite.one.active == 1)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)

    run(main())
    assert lite.states() == {"a": "pending", "b": "pending"}


def test_a_batch_that_outlives_its_lease_is_given_back(lite: World) -> None:
    """Sends that take long are claimed anew rather than sent beyond the lease."""
    lite.owe(*(make_message(f"m{number}") for number in range(6)))
    lite.one = lite.channels["one"] = RecordingChannel("one", deadline_s=-0.95)
    lite.one.on_send = lambda _: time.sleep(0.03)
    assert lite.deliver(lease_s=0.1) == DeliveryReport(sent=6)
    assert lite.one.ids == [f"m{number}" for number in range(6)]


def test_what_was_sent_is_written_down_when_the_database_is_back(
    lite: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    lite.owe(make_message("a"))
    write = deliveries.settle_sent

    def fail(*_: Any) -> None:
        raise StorageError("database: the disk is full")

    async def main() -> None:
        outbox = lite.outbox()
        monkeypatch.setattr(deliveries, "settle_sent", fail)
        with pytest.raises(StorageError):
            await outbox.deliver_due()
        monkeypatch.setattr(deliveries, "settle_sent", write)
        assert await outbox.deliver_due() == DeliveryReport(sent=1)

    run(main())
    assert lite.one.ids == ["a"]
    assert lite.states() == {"a": "sent"}


def test_messages_of_a_channel_that_is_not_set_up_wait_for_it(lite: World) -> None:
    lite.owe(make_message("a", channel="three"))
    assert lite.deliver() == DeliveryReport()
    lite.channels["three"] = RecordingChannel("three")
    assert lite.deliver() == DeliveryReport(sent=1)


def test_statements_do_not_grow_with_the_messages_of_a_claim(world: World) -> None:
    statements: list[str] = []
    sa.event.listen(
        world.database.engine,
        "before_cursor_execute",
        lambda *arguments: statements.append(arguments[2]),
    )
    world.owe(*(make_message(f"m{number:02}") for number in range(20)))
    statements.clear()
    world.deliver(per_channel=20)
    claims = [text for text in statements if "RETURNING" in text]
    assert len(claims) == 1
    assert len(statements) < 20 * 2
