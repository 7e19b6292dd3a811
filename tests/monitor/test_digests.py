"""What is held is told together, once, with the right number, on both databases."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from monitor import digests
from monitor.actions.rehearsal import Heard, rehearse
from monitor.manners import House, manners_of, read_caps, read_quiet
from monitor.messages import Message
from monitor.rulebook import RuleBook, Rules
from monitor.storage import Database, corrections, deliveries, retention, rules, telling
from monitor.storage.messages import decode
from monitor.storage.schema import delivery, held, told
from monitor.telling import Standing, tell
from monitor.types import Hit, RuleOptions
from tests.fakes import make_entry, make_message
from tests.soak import count

NIGHT = datetime(2026, 3, 1, 23, tzinfo=UTC)
MORNING = datetime(2026, 3, 2, 7, tzinfo=UTC)
HOUR = timedelta(hours=1)
QUIET = House(quiet=read_quiet("22:00-07:00"))


class Desk:
    """A database, rules and a clock that tests move."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.now = NIGHT
        self.house = House()
        self._last = 0

    def rule(self, name: str = "rates", channels: Sequence[str] = ("mail",), **wanted: Any) -> None:
        with self.database.write() as connection:
            rules.add(connection, name, name, channels, self.now, RuleOptions(**wanted))

    def book(self) -> RuleBook:
        return self.database.look(Rules(self.house).book)

    def match(self, *names: str, story: int | None = None, **facts: Any) -> int:
        """One headline that matches the rules of ``names``."""
        return self.match_many([names], story, **facts)

    def match_many(
        self, matched: Sequence[Sequence[str]], story: int | None = None, **facts: Any
    ) -> int:
        book = self.book()
        standings = []
        for names in matched:
            self._last += 1
            entry = make_entry(
                f"headline {self._last}", id=self._last, story_id=story or self._last,
                first_seen_at=self.now, portals=facts.get("portals", 1),
            )  # fmt: skip
            hits = [Hit(book.ids[name], ((0, 8),)) for name in names]
            standings.append(Standing(entry, hits, facts.get("heat", 0.0)))
        return self.database.run(lambda connection: tell(connection, standings, book, self.now))

    def release(self, at: datetime | None = None) -> int:
        self.now = at or self.now
        return digests.release_due(self.database, Rules(self.house).book, lambda: self.now)

    @property
    def messages(self) -> list[Message]:
        """What is owed, in the order of its ids' making."""
        query = sa.select(delivery.c.message).order_by(delivery.c.created_at, delivery.c.id)
        with self.database.read() as connection:
            return [decode(document) for document in connection.scalars(query)]

    @property
    def digests(self) -> list[Message]:
        return [message for message in self.messages if message.digest]

    @property
    def waiting(self) -> int:
        with self.database.read() as connection:
            query = sa.select(sa.func.count()).where(held.c.digest.is_(None))
            return connection.execute(query).scalar_one()


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)


def test_hostile_09_a_night_is_held_and_comes_as_one_digest(desk: Desk) -> None:
    desk.house = QUIET
    desk.rule("rates")
    desk.rule("banks")
    desk.rule("quakes", urgent=True)
    assert desk.match("quakes") == 1
    for _ in range(3):
        assert desk.match("rates") == 0
    desk.match("banks", "rates")
    assert desk.release(MORNING - timedelta(seconds=1)) == 0
    assert desk.release(MORNING) == 1
    assert desk.release(MORNING + HOUR) == 0
    (digest,) = desk.digests
    assert digest.total == 5
    assert [(each.rule, each.version, each.query, each.total) for each in digest.counts] == [
        ("rates", 1, "rates", 4),
        ("banks", 1, "banks", 1),
    ]
    assert sorted(entry.rule for entry in digest.entries) == ["banks", *["rates"] * 4]
    assert digest.entries[0].spans == ((0, 8),)
    assert (digest.rule, digest.query) == ("", "")
    assert desk.waiting == 0


@pytest.mark.parametrize("caps", [("1/hour",), ("5/hour",), ("2/hour", "20/day")])
@pytest.mark.parametrize("quiet", ["", "22:00-07:00"])
def test_a_rehearsal_says_what_is_sent(sqlite_url: str, caps: tuple[str, ...], quiet: str) -> None:
    """A match every four minutes for ten hours, told by the desk and rehearsed."""
    desk = Desk(Database(sqlite_url))
    desk.rule(caps=caps, quiet=quiet)
    heard = []
    for minute in range(0, 600, 4):
        desk.release(NIGHT + timedelta(minutes=minute))
        desk.match("rates")
        heard.append(Heard(int(desk.now.timestamp()) * 10**6, minute, minute))
    desk.release(MORNING + timedelta(days=3))
    told = rehearse(heard, "rates", manners_of(RuleOptions(caps=caps, quiet=quiet)), House())
    digests_sent = len(desk.digests)
    assert (told.at_once, told.digests) == (len(desk.messages) - digests_sent, digests_sent)


def test_a_correction_counts_in_a_digest_that_comes_later(desk: Desk) -> None:
    desk.rule("rates", mode="digest", digest="hourly")
    desk.match("rates")
    desk.match("rates")
    said = corrections.Said(1, "headline 1", "travel", "finance", 0)
    with desk.database.write() as connection:
        corrections.store(connection, [said])
    assert desk.release(NIGHT + HOUR) == 1
    found = {entry.id: (entry.section, entry.unsure) for entry in desk.digests[0].entries}
    assert found[1] == ("travel", False)
    assert found[2][0] != "travel"


def test_each_channel_has_its_own_digest(desk: Desk) -> None:
    desk.rule("rates", ["mail", "hook"], mode="digest", digest="hourly")
    desk.match("rates")
    desk.match("rates")
    assert desk.release(NIGHT + HOUR) == 2
    assert {(digest.channel, digest.total, digest.rule) for digest in desk.digests} == {
        ("mail", 2, "rates"),
        ("hook", 2, "rates"),
    }
    assert len({digest.id for digest in desk.digests}) == 2


def test_a_digest_lists_the_hottest_and_counts_the_rest(desk: Desk) -> None:
    desk.rule("rates", mode="digest", digest="hourly", top=3)
    for heat in (0.0, 5.0, 0.0, 9.0, 0.0):
        desk.match("rates", heat=heat)
    desk.release(NIGHT + HOUR)
    (digest,) = desk.digests
    assert [entry.title for entry in digest.entries] == ["headline 4", "headline 2", "headline 5"]
    assert (digest.total, digest.omitted) == (5, 2)


def test_what_comes_after_a_digest_is_in_the_next(desk: Desk) -> None:
    desk.rule("rates", mode="digest", digest="hourly")
    desk.match("rates")
    desk.release(NIGHT + HOUR)
    desk.match("rates")
    desk.release(NIGHT + 2 * HOUR)
    assert [digest.total for digest in desk.digests] == [1, 1]
    assert len({digest.id for digest in desk.digests}) == 2


def test_a_clock_that_was_set_back_neither_repeats_nor_loses_nor_waits_for_years(
    desk: Desk,
) -> None:
    desk.rule("rates", mode="digest", digest="hourly")
    desk.match("rates")
    desk.release(NIGHT + HOUR)
    desk.now = NIGHT
    desk.match("rates")  # for the same instant as the digest that was made
    desk.release(NIGHT + HOUR)
    desk.now = NIGHT + timedelta(days=20_000)
    desk.match("rates")
    desk.release(NIGHT + HOUR)
    assert [digest.total for digest in desk.digests] == [1, 1, 1]


@pytest.mark.soak
def test_hostile_16_a_storm_leaves_as_the_set_number_and_a_digest_of_the_rest(
    desk: Desk,
) -> None:
    """A storm within a minute; statements stay few, memory flat, and other rules go on."""
    at_once = count(50, 500)
    desk.rule("storm", caps=("5/hour",), top=10)
    desk.rule("calm")
    statements = 0

    @sa.event.listens_for(desk.database.engine, "after_cursor_execute")
    def note(*_: object) -> None:
        nonlocal statements
        statements += 1

    for second in range(20):
        if second == 17:  # watching memory is slow, and what grows has grown by then
            tracemalloc.start()
        desk.now = NIGHT + timedelta(seconds=3 * second)
        before = statements
        desk.match_many([["storm"]] * at_once)
        assert statements - before < 25
        assert desk.match("calm") == 1
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 30 * 2**20
    sent = [message for message in desk.messages if message.rule == "storm"]
    assert len(sent) == 5
    assert desk.release(NIGHT + timedelta(minutes=59)) == 0
    before = statements
    assert desk.release(NIGHT + HOUR) == 1
    assert statements - before < 20
    (digest,) = desk.digests
    assert (digest.rule, digest.total, len(digest.entries)) == ("storm", 20 * at_once - 5, 10)
    assert digest.counts[0].total == 20 * at_once - 5
    assert desk.waiting == 0


def test_hostile_16_no_hour_ever_has_more_than_its_number(desk: Desk) -> None:
    """Hours of it: alerts and digests together keep the cap, and the count is right."""
    desk.rule("storm", caps=("4/hour",))
    desk.house = House(caps={"mail": read_caps(["3/hour"])})
    matched = 0
    for step in range(40):
        desk.now = NIGHT + step * timedelta(minutes=7)
        desk.release()
        desk.match_many([["storm"]] * 3)
        matched += 3
    desk.release(NIGHT + timedelta(hours=7))
    desk.release(NIGHT + timedelta(hours=9))
    made = sorted(message.created_at for message in desk.messages)
    assert all(sum(at <= other < at + HOUR for other in made) <= 3 for at in made)
    assert sum(message.total or 1 for message in desk.messages) == matched
    assert desk.waiting == 0


def test_a_digest_counts_what_was_made_since_it_was_looked_for(desk: Desk) -> None:
    desk.rule("storm", caps=("1/hour",))
    desk.match_many([["storm"]] * 3)
    begun = NIGHT + HOUR
    made_at, released_at = begun + timedelta(seconds=1), begun + timedelta(seconds=2)
    made = make_message("msg_other", rule="storm", channel="mail", created_at=made_at)
    with desk.database.write() as connection:
        deliveries.insert_many(connection, [made], made_at)
    clock = iter([begun])
    digests.release_due(desk.database, Rules(desk.house).book, lambda: next(clock, released_at))
    assert desk.digests == []


def test_a_channel_s_overflow_of_several_rules_is_one_digest(desk: Desk) -> None:
    desk.house = House(caps={"mail": read_caps(["2/hour"])})
    for name in ("a", "b", "c", "d"):
        desk.rule(name, ["mail", "hook"])
        desk.match(name)
    assert desk.release(NIGHT + HOUR) == 1
    (digest,) = desk.digests
    assert [(each.rule, each.total) for each in digest.counts] == [("c", 1), ("d", 1)]
    assert sum(message.channel == "hook" for message in desk.messages) == 4


def test_a_rule_s_later_versions_and_its_end_leave_what_is_held(desk: Desk) -> None:
    desk.rule("rates", mode="digest", digest="hourly", caps=("1/hour",))
    desk.match("rates")
    with desk.database.write() as connection:
        changed = replace(rules.get(connection, "rates"), query="降息")
        rules.change(connection, changed, desk.now)
    desk.match("rates")
    with desk.database.write() as connection:
        rules.remove(connection, "rates")
    desk.release(NIGHT + HOUR)
    (digest,) = desk.digests
    assert (digest.counts[0].version, digest.counts[0].query) == (2, "降息")
    assert [entry.rule_version for entry in digest.entries] == [2, 1]


def test_a_crash_before_the_commit_leaves_everything_held(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.rule("rates", mode="digest", digest="hourly")
    desk.match_many([["rates"]] * 3)
    for name in ("shares", "listed"):
        with monkeypatch.context() as patch:
            patch.setattr(telling, name, lambda *_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                desk.release(NIGHT + HOUR)
        assert (desk.digests, desk.waiting) == ([], 3)
    with monkeypatch.context() as patch:
        patch.setattr(deliveries, "insert_many", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            desk.release(NIGHT + HOUR)
    assert desk.release(NIGHT + HOUR) == 1
    assert [digest.total for digest in desk.digests] == [3]


def test_a_muted_story_leaves_what_waits(desk: Desk) -> None:
    desk.rule("rates", mode="digest", digest="hourly")
    desk.match("rates", story=5)
    desk.match("rates", story=6)
    with desk.database.write() as connection:
        assert telling.mute(connection, 5, "headline 1", desk.now)
        assert not telling.mute(connection, 5, "headline 1", desk.now)
    desk.match("rates", story=5)
    desk.release(NIGHT + HOUR)
    assert [entry.story_id for entry in desk.digests[0].entries] == [6]
    with desk.database.write() as connection:
        assert telling.unmute(connection, 5)


def test_stories_that_become_one_are_not_told_again(desk: Desk) -> None:
    desk.rule("rates")
    desk.rule("banks", escalate="portals>=3")
    desk.match("rates", "banks", story=5)
    desk.match("banks", story=6)
    with desk.database.write() as connection:
        telling.merge(connection, {5: 6})
    assert desk.match("rates", "banks", story=6) == 0
    with desk.database.read() as connection:
        found = telling.known(connection, [6])
    assert found["rates", 6].joined == 1
    assert found["banks", 6].joined == 2
    assert desk.match(story=6, portals=3) == 1, "the follow-up of what any portal joined"
    assert desk.messages[-1].follow_up or any(each.follow_up for each in desk.messages)


def test_a_snoozed_rule_s_digest_comes_when_it_is_woken(desk: Desk) -> None:
    desk.rule("rates")
    with desk.database.write() as connection:
        rules.snooze(connection, "rates", NIGHT + 5 * HOUR)
    desk.match("rates")
    assert desk.release() == 0
    with desk.database.write() as connection:
        rules.snooze(connection, "rates", None)
        telling.move_snoozed(connection, "rates", desk.now)
    assert desk.release() == 1
    assert desk.match("rates") == 1


def test_what_was_told_and_held_is_forgotten_in_time_and_what_waits_is_not(desk: Desk) -> None:
    desk.rule("rates", mode="digest", digest="hourly")
    desk.match("rates")
    desk.release(NIGHT + HOUR)
    with desk.database.write() as connection:
        deliveries.settle_sent(connection, {desk.digests[0].id: "ok"}, desk.now)
    desk.match("rates")

    def forget(days: int) -> None:
        retention.forget(desk.database, lambda: NIGHT + timedelta(days=days), 90, 730, lambda: True)

    def rows(table: sa.Table) -> int:
        with desk.database.read() as connection:
            return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()

    forget(89)
    assert (rows(held), rows(told)) == (2, 2)
    forget(91)
    assert (rows(held), rows(told)) == (1, 2)
    forget(731)
    assert (rows(held), rows(told)) == (1, 0)
