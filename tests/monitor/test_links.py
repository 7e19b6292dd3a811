"""Links are ours, name one message, and expire."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from monitor.links import PATH, Action, Linker, Ticket
from tests.fakes import NOW, make_entry, make_message

LINKER = Linker(b"k" * 32, "https://news.example/")


def token(url: str) -> str:
    head, _, rest = url.partition(PATH)
    assert head == "https://news.example"
    return rest


def test_an_alert_has_three_links_that_read_as_what_they_do() -> None:
    message = make_message("msg_1")
    entry = make_entry(story_id=77)
    urls = [LINKER.mute(message, entry), LINKER.snooze(message), LINKER.unsubscribe(message)]
    soon, late = NOW + timedelta(days=7), NOW + timedelta(days=60)
    assert [LINKER.read(token(url)) for url in urls] == [
        Ticket(Action.MUTE, "msg_1", 77, soon),
        Ticket(Action.SNOOZE, "msg_1", 0, soon),
        Ticket(Action.UNSUBSCRIBE, "msg_1", 0, late),
    ]
    assert LINKER.mute(message, entry) == urls[0]


def test_a_digest_of_several_rules_can_only_be_unsubscribed_from() -> None:
    digest = make_message(rule="", digest=True)
    assert LINKER.snooze(digest) == ""
    assert LINKER.unsubscribe(digest)


def test_without_a_public_address_and_for_notices_there_are_none() -> None:
    assert Linker(b"k").unsubscribe(make_message()) == ""
    assert LINKER.unsubscribe(make_message(notice="trouble", entries=())) == ""
    assert LINKER.mute(make_message(), make_entry()) == "", "of no story"


@given(st.data())
def test_a_token_that_was_changed_anywhere_is_not_ours(data: st.DataObject) -> None:
    good = token(LINKER.snooze(make_message()))
    at = data.draw(st.integers(0, len(good) - 1))
    other = data.draw(st.sampled_from("AZaz09-_.=:é"))
    bad = good[:at] + other + good[at + 1 :]
    ticket = LINKER.read(bad)
    assert ticket is None or ticket == LINKER.read(good)
    if ticket is not None:  # the last character of base64 holds bits that mean nothing
        assert bad == good or at in {good.index(".") - 1, len(good) - 1}


def test_another_key_s_tokens_are_not_ours() -> None:
    good = token(LINKER.snooze(make_message()))
    assert Linker(b"x" * 32, "https://news.example").read(good) is None
    assert Linker(b"", "https://news.example").read(good) is None


@given(st.text(max_size=500))
def test_nothing_else_is_read(text: str) -> None:
    assert LINKER.read(text) is None
