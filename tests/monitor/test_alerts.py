"""What an entry's hits owe."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from monitor import alerts
from monitor.types import Hit, Rule
from tests.fakes import NOW, make_entry

RULES = {
    1: Rule(1, "rates", "降息", ("mail", "hook")),
    2: Rule(2, "banks", "央行", ("mail", "mail")),
}


def test_each_rule_owes_one_message_to_each_of_its_channels() -> None:
    hits = [Hit(1, ((4, 6),)), Hit(2, ((0, 2),))]
    owed = alerts.deliveries_for(make_entry(), hits, RULES, 99, NOW)
    assert [(message.rule, message.channel) for message in owed] == [
        ("rates", "mail"),
        ("rates", "hook"),
        ("banks", "mail"),
    ]
    assert [message.entries[0].spans for message in owed] == [((4, 6),), ((4, 6),), ((0, 2),)]
    assert {(message.query, message.created_at) for message in owed[:2]} == {("降息", NOW)}


def test_deciding_again_gives_the_same_ids_whatever_the_entry_says_now() -> None:
    first = alerts.deliveries_for(make_entry(), [Hit(1)], RULES, 99, NOW)
    again = alerts.deliveries_for(make_entry("edited", id=8), [Hit(1)], RULES, 99, NOW)
    other = alerts.deliveries_for(make_entry(), [Hit(1)], RULES, 98, NOW)
    ids = [message.id for message in first]
    assert ids == [message.id for message in again]
    assert len({*ids, *(message.id for message in other)}) == 4


@given(st.lists(st.text(), min_size=1, max_size=4), st.lists(st.text(), min_size=1, max_size=4))
def test_different_parts_give_different_ids(one: list[str], two: list[str]) -> None:
    same = alerts.message_id(*one) == alerts.message_id(*two)
    assert same == (one == two)


def test_an_id_fits_headers_and_addresses() -> None:
    number = alerts.message_id("规则\r\n", "channel", "1")
    assert number.isascii()
    assert number.removeprefix("msg_").isalnum()
    assert len(number) == 44


def test_a_notice_has_no_entries_and_its_own_id() -> None:
    one = alerts.notice("trouble", "mail", "hook", NOW)
    two = alerts.notice("trouble", "mail", "other", NOW)
    assert (one.notice, one.channel, one.entries) == ("trouble", "mail", ())
    assert one.id != two.id
