"""What is held is not told in quiet hours, nor while its rule sleeps, when plans have changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from monitor import wishes
from monitor.links import Action, Ticket
from monitor.manners import House, read_caps
from monitor.storage import Database, rules, telling
from monitor.wishes import Wish
from tests.monitor.test_digests import HOUR, MORNING, NIGHT, QUIET, Desk

EVENING = NIGHT - 5 * HOUR
MINUTE = timedelta(minutes=1)


@pytest.fixture
def desk(database: Database) -> Desk:
    desk = Desk(database)
    desk.now = EVENING
    return desk


def snooze(desk: Desk, name: str, until: datetime | None) -> None:
    with desk.database.write() as connection:
        rules.snooze(connection, name, until)
        telling.move_snoozed(connection, name, until or desk.now)


def test_a_digest_that_a_sleeping_machine_missed_does_not_come_in_the_night(desk: Desk) -> None:
    desk.house = QUIET
    desk.rule("rates", mode="digest", digest="daily@20:00")
    desk.rule("banks", mode="digest", digest="daily@20:00", urgent=True)
    desk.match("rates", "banks")
    assert desk.release(NIGHT) == 1, "the urgent one"
    assert [share.rule for share in desk.digests[0].counts] == ["banks"]
    assert desk.release(MORNING - timedelta(seconds=1)) == 0
    assert desk.release(MORNING) == 1
    assert [share.rule for share in desk.digests[1].counts] == ["rates"]


def test_quiet_hours_that_were_set_since_hold_what_waits(desk: Desk) -> None:
    desk.rule("rates", mode="digest", digest="daily@23:00")
    desk.match("rates")
    with desk.database.write() as connection:
        rule = rules.get(connection, "rates")
        options = replace(rule.options, quiet="22:00-06:30")
        rules.change(connection, replace(rule, options=options), desk.now)
    assert desk.release(NIGHT) == 0
    assert desk.release(MORNING - HOUR / 2) == 1


def test_what_is_held_of_a_rule_that_is_gone_keeps_to_the_hours_of_the_house(desk: Desk) -> None:
    desk.rule("rates", mode="digest", digest="daily@20:00")
    desk.match("rates")
    with desk.database.write() as connection:
        rules.remove(connection, "rates")
    desk.house = QUIET
    assert desk.release(NIGHT) == 0
    desk.house = House()
    assert desk.release(MORNING) == 1


def test_a_rule_that_is_woken_in_the_night_is_heard_in_the_morning(desk: Desk) -> None:
    desk.house = QUIET
    desk.rule("rates")
    snooze(desk, "rates", EVENING + HOUR)
    desk.match("rates")
    desk.now = NIGHT
    snooze(desk, "rates", None)
    assert desk.release() == 0
    assert desk.release(MORNING) == 1


@pytest.mark.parametrize("hours", [1, 8])
def test_a_snooze_that_is_changed_holds_until_its_new_end(desk: Desk, hours: int) -> None:
    desk.rule("rates")
    snooze(desk, "rates", EVENING + 4 * HOUR)
    desk.match("rates")
    snooze(desk, "rates", EVENING + hours * HOUR)
    assert desk.release(EVENING + hours * HOUR - timedelta(seconds=1)) == 0
    assert desk.release(EVENING + hours * HOUR) == 1


def test_an_alert_s_link_lengthens_the_snooze_of_what_is_held(desk: Desk) -> None:
    desk.rule("rates")
    snooze(desk, "rates", EVENING + HOUR)
    desk.match("rates")
    ticket = Ticket(Action.SNOOZE, "msg_1", 0, MORNING)
    with desk.database.write() as connection:
        assert wishes.grant(connection, Wish(ticket, "mail", ("rates",), ""), "", desk.now)
    assert desk.release(EVENING + HOUR) == 0
    assert desk.release(EVENING + 24 * HOUR) == 1


def test_what_a_cap_holds_over_the_night_keeps_no_urgent_rule_waiting(desk: Desk) -> None:
    desk.house = replace(QUIET, caps={"mail": read_caps(["2/hour"])})
    desk.rule("rates")
    desk.rule("banks", urgent=True)
    desk.now = NIGHT - 70 * MINUTE
    assert desk.match_many([["rates"]] * 3) == 2
    assert desk.release(NIGHT) == 0
    assert desk.match("banks") == 1
    desk.now = NIGHT + 30 * MINUTE
    assert desk.match_many([["banks"]] * 3) == 1
    assert desk.release(NIGHT + HOUR) == 1
    assert [(share.rule, share.total) for share in desk.digests[0].counts] == [("banks", 2)]
    assert desk.release(MORNING) == 1
    assert [(share.rule, share.total) for share in desk.digests[1].counts] == [("rates", 1)]
