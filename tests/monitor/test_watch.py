"""Sources and the program in trouble: told once, to who asked, by a channel that works."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from monitor.attempts import ChannelState
from monitor.errors import StorageError
from monitor.health import DISK_FREE_BYTES, EventKind, learn_yield
from monitor.manners import House, read_quiet
from monitor.rulebook import RuleBook, Rules
from monitor.service import awake_or_asleep_s
from monitor.storage import Database, deliveries, rules, sources, troubles
from monitor.storage.schema import source
from monitor.storage.sources import NewSource
from monitor.types import RuleOptions, SourceState
from monitor.watch import Vitals, Watch, free_bytes
from tests.fakes import NOW

HOUR = timedelta(hours=1)


class Rig:
    """A database with sources, and a watch whose clock and disk tests move."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.now = NOW
        self.seconds = 0.0
        self.free = DISK_FREE_BYTES
        self.house = House()
        self.start(["mail", "hook"])
        self.look()

    def start(self, channels: Sequence[str], folder: Path | None = None) -> None:
        self.watch = Watch(
            folder or Path(), channels, now=lambda: self.now, passed_s=lambda: self.seconds,
            free=free_bytes if folder else lambda _: self.free,
        )  # fmt: skip

    def add(self, name: str, **columns: Any) -> None:
        with self.database.write() as connection:
            new = NewSource(f"http://{name}.example/", name=name, labels=("press",))
            sources.add_many(connection, [new], NOW)
        asked = {"last_fetch_at": NOW, "next_fetch_at": NOW + 24 * HOUR}
        self.set(name, baseline_at=NOW, **asked, **columns)

    def set(self, name: str, **columns: Any) -> None:
        with self.database.write() as connection:
            connection.execute(sa.update(source).where(source.c.name == name).values(columns))

    def look(
        self, later: timedelta = timedelta(minutes=1), **vitals: Any
    ) -> list[tuple[str, bool]]:
        self.now += later
        self.seconds += later.total_seconds()
        events = self.watch.look(self.database, Rules(self.house).book, Vitals(**vitals))
        return [(event.finding.kind.value, event.over) for event in events]

    @property
    def notices(self) -> list[tuple[str, str]]:
        with self.database.read() as connection:
            rows = deliveries.list_by_state(connection)
        return [(row["channel"], row["message"]["notice"]) for row in reversed(rows)]

    def rule(self, query: str, channels: Sequence[str], **wanted: Any) -> None:
        with self.database.write() as connection:
            rules.add(connection, query, query, channels, NOW, RuleOptions(**wanted))


@pytest.fixture
def rig(database: Database) -> Rig:
    return Rig(database)


LOW = {"usual_yield": 40.0, "low_polls": 3}


@pytest.mark.parametrize(
    ("kind", "trouble", "words"),
    [
        ("source-failing", {"failures": 5, "last_error": "timeout: slow"}, "timeout: slow"),
        ("source-gone", {"state": "gone"}, "410"),
        ("source-empty", {**LOW, "last_yield": 0}, "nothing any more"),
        ("source-yield-drop", {**LOW, "last_yield": 5}, "lists 5 entries, usually 40"),
        ("source-silent", {"usual_gap_s": 3600.0, "last_new_at": NOW - 25 * HOUR}, "nothing new"),
    ],
)
def test_hostile_28_29_a_source_in_trouble_is_told_once_and_when_it_is_well_again(
    rig: Rig, kind: str, trouble: dict[str, Any], words: str
) -> None:
    rig.add("well")
    rig.add("ill", **trouble)
    assert rig.look() == [(kind, False)]
    assert rig.look() == rig.look() == []
    rig.set("ill", state="active", failures=0, low_polls=0, last_new_at=NOW)
    assert rig.look() == [(kind, True)]
    assert rig.look() == []
    (first, said), (second, last) = rig.notices
    assert (first, second) == ("mail", "mail")
    assert said.startswith("ill: ")
    assert words in said
    assert "is over" in last


@pytest.mark.parametrize(("count", "polls"), [(14, 12), (10, 60), (5, 140)])
def test_a_page_that_stays_broken_is_not_said_to_be_well(rig: Rig, count: int, polls: int) -> None:
    rig.add("page", kind="page")
    usual, low = 50.0, 0
    for _ in range(polls):
        usual, low = learn_yield(usual, low, count)
        rig.set("page", usual_yield=usual, low_polls=low, last_yield=count)
        rig.look()
    (_, began), (_, ended) = rig.notices
    assert "short" in ended or "usual" in ended
    assert "all is well" not in began + ended


@pytest.mark.parametrize("way", ["paused", "removed"])
def test_a_source_that_is_not_watched_any_more_is_not_said_to_be_well(rig: Rig, way: str) -> None:
    rig.add("ill", failures=9, last_error="x")
    rig.add("other", failures=9, last_error="x")
    rig.look()
    with rig.database.write() as connection:
        number = sources.find(connection, "ill")["id"]
        if way == "removed":
            sources.remove(connection, number)
        else:
            sources.set_state(connection, number, SourceState.PAUSED, NOW)
    assert rig.look() == []
    rig.set("other", failures=0)
    assert rig.look() == [("source-failing", True)]
    if way == "paused":
        rig.set("ill", state="active")
        assert rig.look() == [("source-failing", False)]


@pytest.mark.parametrize("trouble", ["silent", "failing"])
def test_a_source_that_fails_is_not_said_to_be_well(rig: Rig, trouble: str) -> None:
    """A silent one that does not answer once, and a failing one that was resumed."""
    if trouble == "silent":
        rig.add("ill", usual_gap_s=60.0, last_new_at=NOW - 50 * HOUR)
    else:
        rig.add("ill", failures=9, last_error="x")
    assert rig.look() == [(f"source-{trouble}", False)]
    rig.set("ill", failures=1, last_error="x")
    assert rig.look() == rig.look() == []
    rig.set("ill", failures=0, last_error=None, last_new_at=NOW)
    assert rig.look() == [(f"source-{trouble}", True)]


def test_a_source_that_was_resumed_is_not_well_before_it_has_answered(rig: Rig) -> None:
    rig.add("ill", state="gone")
    assert rig.look() == [("source-gone", False)]
    with rig.database.write() as connection:
        sources.set_state(connection, 1, SourceState.ACTIVE, rig.now)
    assert rig.look() == []
    with rig.database.write() as connection:
        sources.claim(connection, "w", rig.now, 1, timedelta(minutes=15))
    assert rig.look() == []
    rig.set("ill", claimed_by=None, claimed_until=None, next_fetch_at=rig.now + HOUR)
    assert rig.look() == [("source-gone", True)]


def test_who_falls_from_one_trouble_into_another_recovers_once(rig: Rig) -> None:
    rig.add("ill", usual_gap_s=60.0, last_new_at=NOW - 50 * HOUR)
    assert rig.look() == [("source-silent", False)]
    rig.set("ill", failures=2, last_error="x")
    assert rig.look() == []
    rig.set("ill", failures=5)
    assert rig.look() == [("source-failing", False)]
    rig.set("ill", failures=0, last_error=None, last_new_at=NOW)
    assert rig.look() == [("source-failing", True)]


def test_nobody_is_silent_sooner_than_usual_or_before_a_poll_has_shown_it(rig: Rig) -> None:
    rig.add("nightly", usual_gap_s=24 * 3600.0, last_new_at=NOW - 7 * 24 * HOUR)
    rig.add("quick", usual_gap_s=60.0, last_new_at=NOW - 23 * HOUR)
    rig.add("new", last_new_at=NOW - 900 * HOUR)
    rig.add("off", usual_gap_s=60.0, last_new_at=NOW - 50 * HOUR)
    rig.set("off", last_fetch_at=NOW - 49 * HOUR)
    assert rig.look() == []


def test_rules_route_events_and_the_owner_gets_the_rest(rig: Rig) -> None:
    rig.rule("event:source-failing label:press", ["hook"])
    rig.add("a", failures=9, last_error="x")
    rig.add("b", state="gone")
    rig.look()
    assert {(channel, text[:2]) for channel, text in rig.notices} == {
        ("hook", "a:"),
        ("mail", "b:"),
    }


def test_who_heard_of_a_trouble_hears_that_it_is_over(rig: Rig) -> None:
    """By its label, its name, a word of the sentence: the recovery is of the same source."""
    rig.rule("event:source-* label:press", ["hook"])
    rig.rule("event:source-* source:b", ["mail"])
    rig.add("a", failures=9, last_error="x")
    rig.look()
    rig.set("a", failures=0)
    rig.look()
    (first, _), (last, text) = rig.notices
    assert (first, last) == ("hook", "hook")
    assert "a: all is well again" in text


def test_own_trouble_is_told_by_a_channel_that_works_whatever_rules_ask(rig: Rig) -> None:
    rig.rule("event:*", ["hook"])
    failing = ChannelState(failing_since=NOW - HOUR, reason="refused")
    with rig.database.write() as connection:
        deliveries.set_channels(connection, {"hook": failing})
    assert rig.look() == [("delivery-failing", False)]
    assert sorted(channel for channel, _ in rig.notices) == ["hook", "mail"]
    rig.free -= 1
    assert rig.look() == [("disk-full", False)]
    assert sorted(channel for channel, _ in rig.notices) == ["hook", "hook", "mail", "mail"]


def test_quiet_hours_hold_events_too_and_urgent_rules_hear_at_once(rig: Rig) -> None:
    rig.house = House(quiet=read_quiet("11:00-13:00"))
    rig.rule("event:source-gone", ["hook"], urgent=True)
    rig.add("a", failures=9, last_error="x")
    rig.add("b", state="gone")
    rig.look()
    with rig.database.read() as connection:
        rows = deliveries.list_by_state(connection)
    due = {row["channel"]: row["next_attempt_at"] for row in rows}
    assert due == {"mail": NOW + HOUR, "hook": rig.now}


def test_a_snoozed_rule_hears_of_events_when_it_wakes(rig: Rig) -> None:
    rig.rule("event:source-gone", ["hook"], urgent=True)
    rig.rule("event:source-failing", ["hook"])
    for query, sleep in (("event:source-gone", 2 * HOUR), ("event:source-failing", 90 * HOUR)):
        with rig.database.write() as connection:
            rules.snooze(connection, query, rig.now + sleep)
    slept_until = rig.now + 2 * HOUR
    rig.add("a", state="gone")
    rig.add("b", failures=9, last_error="x")
    rig.look()
    with rig.database.read() as connection:
        rows = deliveries.list_by_state(connection)
    due = {row["message"]["notice"][:2]: row["next_attempt_at"] for row in rows}
    assert due == {"a:": slept_until, "b:": rig.now + 12 * HOUR}


def test_a_rule_that_tells_nothing_keeps_events_from_the_owner(rig: Rig) -> None:
    rig.rule("event:source-failing source:a", ["hook"], mode="none")
    rig.add("a", failures=9, last_error="x")
    rig.add("b", failures=9, last_error="x")
    assert rig.look() == [("source-failing", False)] * 2
    assert [(channel, text[:2]) for channel, text in rig.notices] == [("mail", "b:")]


def test_what_is_urgent_and_what_waits_of_one_kind_are_both_told(rig: Rig) -> None:
    rig.house = House(quiet=read_quiet("11:00-13:00"))
    rig.rule("event:source-gone source:a", ["hook"], urgent=True)
    rig.rule("event:source-gone source:b", ["hook"])
    rig.add("a", state="gone")
    rig.add("b", state="gone")
    rig.look()
    with rig.database.read() as connection:
        rows = deliveries.list_by_state(connection)
    due = {row["message"]["notice"][:2]: row["next_attempt_at"] for row in rows}
    assert due == {"a:": rig.now, "b:": NOW + HOUR}


def test_many_sources_are_one_notice(rig: Rig) -> None:
    for number in range(15):
        rig.add(f"s{number}", failures=9, last_error="x")
    rig.look()
    ((_, text),) = rig.notices
    assert text.endswith("… and 5 more")


def test_a_move_is_told_once(rig: Rig) -> None:
    rig.add("a")
    with rig.database.write() as connection:
        sources.record_moves(connection, [(1, "http://user:pw@old.example/")], rig.now)
    assert rig.look() == [("source-moved", False)]
    assert rig.look() == []
    ((_, text),) = rig.notices
    assert "old.example" in text
    assert "pw" not in text


def test_many_moves_at_once_are_told_once_each(rig: Rig) -> None:
    for number in range(1, 203):
        rig.add(f"s{number}")
    with rig.database.write() as connection:
        moves = [(number, f"http://old.example/{number}") for number in range(1, 203)]
        sources.record_moves(connection, moves, rig.now)
    assert rig.look() == [("source-moved", False)] * 202
    assert rig.look() == []
    assert "and 192 more" in rig.notices[0][1]


def test_the_program_s_own_trouble_is_told_like_a_source_s(rig: Rig) -> None:
    rig.free -= 1
    found = rig.look(network_down=True, model_refused="r2 is damaged")
    assert found == [("network-down", False), ("model-refused", False), ("disk-full", False)]
    rig.free += 1
    assert {kind for kind, over in rig.look() if over} == {
        "network-down", "model-refused", "disk-full"
    }  # fmt: skip


def test_a_folder_that_is_gone_is_told_and_hides_nothing_else(rig: Rig) -> None:
    rig.add("ill", failures=9, last_error="x")
    rig.start(["mail"], Path("/nowhere/to/be/found"))
    assert rig.look() == [("source-failing", False), ("disk-full", False)]
    assert any("No such file" in text for _, text in rig.notices)


def test_the_end_of_own_trouble_is_told_in_chinese_too(rig: Rig) -> None:
    failing = ChannelState(failing_since=NOW - HOUR, reason="refused")
    with rig.database.write() as connection:
        deliveries.set_channels(connection, {"hook": failing})
    rig.free -= 1
    rig.look(network_down=True, model_refused="r2 is damaged")
    with rig.database.write() as connection:
        deliveries.enable(connection, "hook")
    rig.free += 1
    rig.look()
    with rig.database.read() as connection:
        told = [row["message"]["notice_zh"] for row in deliveries.list_by_state(connection)]
    over = {text.partition("：已恢复正常")[0] for text in told if "已恢复正常" in text}
    assert over == {"网络", "磁盘", "模型", "通道 'hook'"}


def test_an_outage_that_was_told_is_over_when_somebody_knows_it(rig: Rig) -> None:
    assert rig.look(network_down=None) == []
    assert rig.look(network_down=True) == [("network-down", False)]
    assert rig.look(network_down=None) == []
    assert rig.look(network_down=False) == [("network-down", True)]


def test_a_channel_that_fails_is_told_by_another(rig: Rig) -> None:
    failing = ChannelState(failing_since=NOW - HOUR, reason="refused")
    with rig.database.write() as connection:
        deliveries.set_channels(connection, {"mail": failing})
    assert rig.look() == [("delivery-failing", False)]
    ((channel, text),) = rig.notices
    assert channel == "hook"
    assert "refused" in text


def test_a_channel_that_is_switched_off_is_not_said_to_be_well(rig: Rig) -> None:
    failing = ChannelState(failing_since=NOW - HOUR, reason="refused")
    with rig.database.write() as connection:
        deliveries.set_channels(connection, {"hook": failing})
    assert rig.look() == [("delivery-failing", False)]
    off = ChannelState(failing.failing_since, NOW, "nothing has arrived for 5 days")
    with rig.database.write() as connection:
        deliveries.set_channels(connection, {"hook": off})
    assert rig.look() == rig.look() == []
    with rig.database.write() as connection:
        deliveries.enable(connection, "hook")
    assert rig.look() == [("delivery-failing", True)]


def test_nothing_is_said_of_a_channel_that_is_gone(rig: Rig) -> None:
    """Nobody can mend it, and nothing will ever arrive by it."""
    failing = ChannelState(failing_since=NOW - HOUR, reason="refused")
    with rig.database.write() as connection:
        deliveries.set_channels(connection, {"former": failing})
    assert rig.look() == []


def test_a_channel_that_is_taken_away_in_trouble_is_not_said_to_be_well(rig: Rig) -> None:
    failing = ChannelState(failing_since=NOW - HOUR, reason="refused")
    with rig.database.write() as connection:
        deliveries.set_channels(connection, {"hook": failing})
    assert rig.look() == [("delivery-failing", False)]
    rig.start(["mail"])
    assert rig.look() == []
    with rig.database.read() as connection:
        assert troubles.listed(connection, 10) == []


def test_what_no_channel_can_tell_now_is_owed_all_the_same(rig: Rig) -> None:
    failing = ChannelState(failing_since=NOW, reason="refused")
    with rig.database.write() as connection:
        deliveries.set_channels(connection, {"mail": failing, "hook": failing})
    rig.look(network_down=True)
    assert [channel for channel, _ in rig.notices] == ["mail"]


@pytest.mark.parametrize("jump", [HOUR, -HOUR, timedelta(days=1), timedelta(days=-1)])
def test_hostile_09_a_clock_that_jumps_is_told_once(rig: Rig, jump: timedelta) -> None:
    rig.now += jump
    assert rig.look() == [(EventKind.CLOCK.value, False)]
    assert rig.look() == []
    assert f"{jump.total_seconds():+.0f} s" in rig.notices[0][1]


def test_a_jump_is_told_though_the_database_was_away(rig: Rig) -> None:
    class Away(Rules):
        def book(self, connection: Connection) -> RuleBook:
            raise StorageError("away")

    rig.now += HOUR
    with pytest.raises(StorageError):
        rig.watch.look(rig.database, Away(rig.house).book, Vitals())
    assert rig.look() == [(EventKind.CLOCK.value, False)]
    assert rig.look() == []


def test_a_machine_that_slept_has_a_clock_that_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its clock went on, and so did the seconds that are counted beside it."""
    read = time.clock_gettime

    def after_a_night(which: int) -> float:
        asleep_s = 30_000.0 if which == getattr(time, "CLOCK_BOOTTIME", -1) else 0.0
        return read(which) + asleep_s

    before = awake_or_asleep_s()
    monkeypatch.setattr(time, "clock_gettime", after_a_night)
    assert awake_or_asleep_s() - before == pytest.approx(30_000.0, abs=60.0)


def test_what_was_told_is_remembered_across_restarts(rig: Rig) -> None:
    rig.add("ill", failures=9, last_error="x")
    rig.look()
    assert Rig(rig.database).look() == []
