"""A rehearsal says what the desk, asked of every match, would say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.actions.rehearsal import CHANNEL, Heard, Rehearsal, rehearse
from monitor.alerts import Case, Desk, Knowledge, Reason, Told
from monitor.caps import WINDOWS_S, Spent, Usage
from monitor.manners import House, Manners, manners_of
from monitor.messages import AlertEntry
from monitor.types import Rule, RuleOptions

START = datetime(2026, 3, 28, 12, tzinfo=UTC)  # clocks change in the night that follows
BERLIN = House(ZoneInfo("Europe/Berlin"))
RULE = Rule(0, "trial", "", (CHANNEL,))

_options = st.builds(
    RuleOptions,
    mode=st.sampled_from(("now", "digest", "none")),
    digest=st.sampled_from(("hourly", "daily@08:00", "daily@23:30")),
    urgent=st.booleans(),
    quiet=st.sampled_from(("", "22:00-07:00", "12:00-12:30")),
    caps=st.sampled_from(((), ("2/hour",), ("1/minute", "3/day"))),
    cooldown_s=st.sampled_from((0.0, 3_600.0)),
    later=st.sampled_from(("none", "digest")),
    escalate=st.sampled_from(("", "portals>=2")),
)
_heard = st.lists(
    st.tuples(st.integers(0, 3 * 86_400), st.integers(1, 12), st.integers(1, 3)), max_size=40
).map(
    lambda rows: [
        Heard(int(START.timestamp() + after) * 10**6, at, story, portals)
        for at, (after, story, portals) in enumerate(sorted(rows))
    ]
)


def _asked_each_time(heard: list[Heard], manners: Manners) -> Rehearsal:
    told: dict[tuple[str, int], Told] = {}
    sent: list[datetime] = []
    waiting: dict[tuple[str, str | None], datetime] = {}
    digests: set[tuple[bool, datetime]] = set()
    held: list[Reason] = []
    joined = 0
    for each in heard:
        now = datetime.fromtimestamp(each.at / 10**6, UTC)
        waiting = {key: until for key, until in waiting.items() if until > now}
        spent = []
        for window_s in WINDOWS_S:
            left = sorted([*sent, *(at for _, at in digests if at <= now)])
            within = [at for at in left if now - at < timedelta(seconds=window_s)]
            if within:
                spent.append(Spent(CHANNEL, RULE.name, window_s, len(within), within[0]))
        desk = Desk(Knowledge(told, (), Usage(spent), waiting), BERLIN, now)
        entry = AlertEntry(
            each.id, "", "", "", "", 0, False, None, now, story_id=each.story, portals=each.portals
        )
        case = Case(RULE, manners, entry, each.heat)
        desk.hear(case)
        desk.grow(case)
        told.update(desk.told)
        sent += [now] * len(desk.messages)
        joined += not desk.messages and not desk.held and manners.mode != "none"
        # A headline waits once: what joins, and follows up, for what is sooner.
        for one in sorted(desk.held, key=lambda each: each.release_at)[:1]:
            digests.add((one.reason is Reason.CAP, one.release_at))
            held.append(one.reason)
            if one.reason is Reason.CAP:
                waiting[CHANNEL, RULE.name] = one.release_at
    by_caps = sum(each in {Reason.CAP, Reason.CHANNEL_CAP} for each in held)
    by_quiet = held.count(Reason.QUIET)
    return Rehearsal(len(sent), len(digests), len(held), by_caps, by_quiet, joined)


@given(_options, _heard)
def test_it_is_decided_as_if_each_were_asked(options: RuleOptions, heard: list[Heard]) -> None:
    manners = manners_of(options, BERLIN)
    assert rehearse(heard, "", manners, BERLIN) == _asked_each_time(heard, manners)


@pytest.mark.parametrize("quiet", ["", "22:00-07:00", "13:00-13:40"])
@pytest.mark.parametrize("caps", [(), ("3/hour",), ("1/minute", "20/day")])
@pytest.mark.parametrize("mode", ["now", "digest"])
def test_three_days_are_decided_as_if_each_were_asked(
    quiet: str, caps: tuple[str, ...], mode: str
) -> None:
    begun = int(START.timestamp()) * 10**6
    heard = [Heard(begun + at * 420_000_000, at, at - at % 3) for at in range(600)]
    options = RuleOptions(mode=mode, digest="daily@21:30", quiet=quiet, caps=caps)
    manners = manners_of(options, BERLIN)
    assert rehearse(heard, "", manners, BERLIN) == _asked_each_time(heard, manners)


@pytest.mark.parametrize(
    ("options", "at_once", "digests"),
    [
        (RuleOptions(), 2_000, 0),
        (RuleOptions(mode="digest", digest="hourly"), 0, 2),
        (RuleOptions(caps=("5/hour",)), 5, 6),
        (RuleOptions(quiet="12:00-23:00"), 0, 1),
    ],
)
def test_many_matches(options: RuleOptions, at_once: int, digests: int) -> None:
    begun = int(START.timestamp()) * 10**6
    heard = [Heard(begun + at * 3_600_000, at, at) for at in range(2_000)]  # two hours
    told = rehearse(heard, "", manners_of(options, BERLIN), BERLIN)
    assert (told.at_once, told.digests, told.at_once + told.held) == (at_once, digests, 2_000)


def test_a_digest_that_quiet_hours_put_off_takes_only_what_came_before_its_time() -> None:
    options = RuleOptions(mode="digest", digest="hourly", quiet="14:00-14:40")
    begun = int(START.timestamp()) * 10**6  # 13:00 in Berlin
    heard = [Heard(begun + minute * 60_000_000, minute, minute) for minute in (50, 70)]
    assert rehearse(heard, "", manners_of(options, BERLIN), BERLIN).digests == 2
