"""What matches owe: a message, a place in a digest, or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from monitor import alerts
from monitor.alerts import Case, Desk, Knowledge, Reason, Told
from monitor.caps import Spent, Usage
from monitor.manners import House, manners_of, read_caps, read_quiet
from monitor.messages import Message
from monitor.types import Rule, RuleOptions
from tests.fakes import NOW, make_entry

HOUR = timedelta(hours=1)
SHANGHAI = ZoneInfo("Asia/Shanghai")


def case(story: int = 99, house: House | None = None, **options: Any) -> Case:
    """A headline of a story that the rule ``rates`` matched; ``options`` are the rule's."""
    fields = {key: options.pop(key) for key in ("portals", "title", "id") if key in options}
    extra = {key: options.pop(key) for key in ("heat", "revised") if key in options}
    rule = Rule(
        1,
        options.pop("name", "rates"),
        "降息",
        tuple(options.pop("channels", ("mail", "hook"))),
        snoozed_until=options.pop("snoozed_until", None),
        options=RuleOptions(**options),
    )
    entry = make_entry(story_id=story, rule=rule.name, rule_version=1, **fields)
    return Case(rule, manners_of(rule.options, house), entry, **extra)


def decide(
    cases: Sequence[Case],
    before: Knowledge | Desk | None = None,
    now: datetime = NOW,
    house: House | None = None,
    grown: Sequence[Case] = (),
) -> Desk:
    """``before`` is what was known, or what was decided last."""
    known = Knowledge(told=before.told) if isinstance(before, Desk) else before or Knowledge()
    return alerts.decide(cases, grown, known, house or House(), now)


def channels(messages: Sequence[Message]) -> list[str]:
    return [message.channel for message in messages]


def test_a_rule_owes_one_message_to_each_of_its_channels() -> None:
    desk = decide([case(channels=("mail", "hook", "mail"))])
    assert channels(desk.messages) == ["mail", "hook"]
    message = desk.messages[0]
    assert (message.rule, message.query, message.created_at) == ("rates", "降息", NOW)
    assert message.entries[0].rule_version == 1
    assert desk.held == []


def test_one_story_is_told_once_by_each_rule() -> None:
    first = decide([case(), case(title="another portal's words"), case(name="banks")])
    assert [message.rule for message in first.messages] == ["rates", "rates", "banks", "banks"]
    assert first.told["rates", 99].joined == 1
    again = decide([case(), case(story=98)], first)
    assert [message.entries[0].story_id for message in again.messages] == [98, 98]
    assert again.told["rates", 99].joined == 2


def test_deciding_again_gives_the_same_ids_whatever_the_entry_says_now() -> None:
    first, again = decide([case()]), decide([case(title="edited", id=8)])
    other = decide([case(story=98)])
    ids = [message.id for message in first.messages]
    assert ids == [message.id for message in again.messages]
    assert len({*ids, *(message.id for message in other.messages)}) == 4


def test_an_edited_title_is_no_news_of_a_story_that_was_told() -> None:
    first = decide([case(later="digest")])
    again = decide([case(later="digest", revised=True)], first)
    assert (again.messages, again.held, again.told) == ([], [], {})
    assert decide([case(revised=True)]).messages, "it matches now, and did not before"


def test_what_joins_a_story_later_comes_in_a_digest_if_the_rule_says_so() -> None:
    first = decide([case(later="digest", digest="hourly")])
    later = decide([case(later="digest", digest="hourly")], first, NOW + 1.5 * HOUR)
    assert later.messages == []
    assert {(held.reason, held.release_at) for held in later.held} == {
        (Reason.LATER, NOW + 2 * HOUR)
    }
    assert decide([case()], decide([case()])).held == []


def test_a_cooldown_lets_a_story_be_told_again_under_another_id() -> None:
    first = decide([case(cooldown_s=3600.0)])
    soon = decide([case(cooldown_s=3600.0)], first, NOW + 0.9 * HOUR)
    assert soon.messages == []
    late = decide([case(cooldown_s=3600.0)], soon, NOW + 1.1 * HOUR)
    assert len(late.messages) == 2
    assert not {message.id for message in late.messages} & {each.id for each in first.messages}
    assert late.told["rates", 99].times == 2


def test_a_story_that_grows_is_followed_up_once() -> None:
    asked = {"escalate": "portals>=5"}
    first = decide([case(**asked)])
    four = decide([], first, grown=[case(portals=4, **asked)])
    assert four.messages == []
    five = decide([], first, grown=[case(portals=5, **asked)])
    assert [message.follow_up for message in five.messages] == [True, True]
    assert five.messages[0].id != first.messages[0].id
    assert decide([], five, grown=[case(portals=6, **asked)]).messages == []


def test_a_story_that_was_hot_when_it_was_told_has_no_follow_up() -> None:
    asked = {"escalate": "hot>=2"}
    first = decide([case(heat=2.5, **asked)], grown=[case(heat=2.5, **asked)])
    assert [message.follow_up for message in first.messages] == [False, False]
    assert decide([], grown=[case(heat=9.0, **asked)]).messages == [], "and none if never told"


def test_a_digest_rule_holds_until_its_time_in_the_user_s_zone() -> None:
    house = House(zone=SHANGHAI)
    desk = decide([case(mode="digest", digest="daily@08:00")], house=house)
    assert desk.messages == []
    assert {held.release_at for held in desk.held} == {datetime(2026, 3, 2, 0, tzinfo=UTC)}
    assert {held.reason for held in desk.held} == {Reason.DIGEST}


def test_a_rule_that_is_only_for_the_page_owes_nothing() -> None:
    desk = decide([case(mode="none", urgent=True)])
    assert (desk.messages, desk.held, desk.told) == ([], [], {})


def test_quiet_hours_hold_until_they_end_and_urgent_rules_pass() -> None:
    house = House(zone=SHANGHAI, quiet=read_quiet("22:00-07:00"))
    night = datetime(2026, 3, 1, 15, tzinfo=UTC)  # 23:00 there
    desk = decide(
        [case(house=house), case(house=house, name="quakes", urgent=True),
         case(house=house, name="own", quiet="off")],
        now=night, house=house,
    )  # fmt: skip
    assert [message.rule for message in desk.messages] == ["quakes", "quakes", "own", "own"]
    assert {(held.rule.name, held.release_at) for held in desk.held} == {
        ("rates", datetime(2026, 3, 1, 23, tzinfo=UTC))
    }
    day = decide([case(house=house)], now=night - 2 * HOUR, house=house)
    assert len(day.messages) == 2


def test_a_digest_that_falls_into_quiet_hours_comes_after_them() -> None:
    house = House(quiet=read_quiet("22:00-07:00"))
    desk = decide([case(house=house, mode="digest", digest="daily@06:00")], house=house)
    assert {held.release_at for held in desk.held} == {datetime(2026, 3, 2, 7, tzinfo=UTC)}


def test_a_snoozed_rule_holds_until_it_wakes() -> None:
    asleep = case(snoozed_until=NOW + HOUR, urgent=True)
    held = decide([asleep]).held
    assert {(each.reason, each.release_at) for each in held} == {(Reason.SNOOZE, NOW + HOUR)}
    assert len(decide([asleep], now=NOW + HOUR).messages) == 2


def test_a_muted_story_is_not_told_by_any_rule() -> None:
    desk = decide([case(urgent=True), case(story=98)], Knowledge(muted={99}))
    assert {message.entries[0].story_id for message in desk.messages} == {98}
    assert ("rates", 99) not in desk.told


def test_a_cap_lets_its_number_through_and_holds_the_rest_in_order() -> None:
    cases = [case(story=number, channels=["mail"], caps=("3/hour",)) for number in range(10)]
    desk = decide(cases)
    assert [message.entries[0].story_id for message in desk.messages] == [0, 1, 2]
    assert [held.entry.story_id for held in desk.held] == list(range(3, 10))
    assert {(held.reason, held.release_at) for held in desk.held} == {(Reason.CAP, NOW + HOUR)}


def test_nobody_overtakes_what_a_cap_holds() -> None:
    release_at = NOW + 0.5 * HOUR
    known = Knowledge(waiting={("mail", "rates"): release_at})
    desk = decide([case(channels=["mail"], caps=("3/hour",))], known)
    assert [held.release_at for held in desk.held] == [release_at]


def test_a_channel_s_cap_is_shared_by_its_rules_and_other_channels_go_on() -> None:
    house = House(caps={"mail": read_caps(["2/minute"])})
    cases = [case(story=1, name=name) for name in ("a", "b", "c")]
    desk = decide(cases, house=house)
    assert channels(desk.messages) == ["mail", "hook", "mail", "hook", "hook"]
    assert [(held.rule.name, held.reason) for held in desk.held] == [("c", Reason.CHANNEL_CAP)]
    assert desk.held[0].release_at == NOW + timedelta(minutes=1)


def test_what_was_sent_before_counts_and_the_longest_wait_decides() -> None:
    usage = Usage([
        Spent("mail", "rates", 60, 1, NOW - timedelta(seconds=20)),
        Spent("mail", "rates", 3600, 5, NOW - 0.5 * HOUR),
        Spent("mail", "other", 60, 9, NOW),
    ])  # fmt: skip
    known = Knowledge(usage=usage)
    desk = decide([case(channels=["mail"], caps=("2/minute", "5/hour"))], known)
    assert [held.release_at for held in desk.held] == [NOW + 0.5 * HOUR]
    free = decide([case(channels=["mail"], caps=("2/minute", "6/hour"))], known)
    assert len(free.messages) == 1


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 90)), max_size=60))
def test_no_window_ever_holds_more_than_its_cap(steps: list[tuple[int, int]]) -> None:
    caps = (("minute", 60, 2), ("hour", 3600, 9))
    now, sent, told = NOW, [], {}
    for story, seconds in steps:
        now += timedelta(seconds=seconds)
        usage = Usage(
            Spent("mail", "rates", window_s, len(inside), min(inside))
            for _, window_s, _ in caps
            for inside in ([at for at in sent if now - at < timedelta(seconds=window_s)],)
            if inside
        )
        one = case(story=story, channels=["mail"], caps=("2/minute", "9/hour"))
        desk = decide([one], Knowledge(told=told, usage=usage), now)
        told.update(desk.told)
        sent += [now] * len(desk.messages)
        assert len(desk.messages) + len(desk.held) == (one.entry.story_id in {
            key[1] for key, state in desk.told.items() if state.first_at == now and not state.joined
        })  # fmt: skip
    for _, window_s, count in caps:
        for start in sent:
            end = start + timedelta(seconds=window_s)
            assert sum(start <= at < end for at in sent) <= count


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
    one = alerts.notice("trouble", "故障", "mail", "hook", NOW)
    two = alerts.notice("trouble", "故障", "mail", "other", NOW)
    assert (one.notice, one.channel, one.entries) == ("trouble", "mail", ())
    assert one.id != two.id


def test_told_again_after_a_restart_is_told_as_before() -> None:
    state = Told("rates", 99, NOW - HOUR, NOW - HOUR)
    known = Knowledge(told={("rates", 99): state})
    assert decide([case()], known).told == {("rates", 99): replace(state, joined=1)}
