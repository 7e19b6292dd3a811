"""What a poll means: new, revised, silent, moved, backed off; identity above all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.decide import DEFAULT_TIMING, Result, Update, decide
from monitor.identity import keys_of
from monitor.types import (
    Failed,
    FailureKind,
    Fetched,
    Known,
    NotModified,
    Outcome,
    ParsedEntry,
    ParsedFeed,
    Polled,
    Source,
    SourceState,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SOURCE = Source(7, "feed", "http://a/feed", "A", 900.0, NOW, baseline_at=NOW - timedelta(days=1))


class World:
    """A source and what is stored of it; ``poll`` decides and stores as the pipeline would."""

    def __init__(self, source: Source = SOURCE) -> None:
        self.source = source
        self.known: dict[int, Known] = {}
        self.titles: dict[int, str] = {}

    def poll(
        self,
        entries: Sequence[ParsedEntry] | None,
        now: datetime = NOW,
        outcome: Outcome | None = None,
    ) -> Update:
        feed = ParsedFeed("rss20", tuple(entries)) if entries is not None else None
        keys = tuple(keys_of(self.source.id, entries)) if entries is not None else ()
        answer = outcome or Fetched(self.source.id, self.source.url, b"")
        update = decide(Result(self.source, answer, feed, keys), self.known, now, 0.0)
        stored = [
            (len(self.titles) + 1 + at, parsed, keys)
            for at, (parsed, keys) in enumerate(update.new)
        ]
        stored += [(item.entry_id, item.parsed, item.keys) for item in update.revised]
        for number, parsed, entry_keys in stored:
            self.titles[number] = parsed.title
            for key in entry_keys.all():
                self.known[key] = Known(number, entry_keys.title_hash, now)
        names = set(Polled.__dataclass_fields__) & set(Source.__dataclass_fields__)
        self.source = replace(self.source, **{name: getattr(update.polled, name) for name in names})
        return update


def items(
    count: int, *, ids: str = "id", day: datetime = NOW, query: str = ""
) -> list[ParsedEntry]:
    return [
        ParsedEntry(
            f"headline number {number}",
            url=f"http://a/{number}{query}",
            guid=f"{ids}-{number}" if ids else None,
            published_at=day,
        )
        for number in range(count)
    ]


def test_a_source_without_a_name_takes_its_title() -> None:
    title = ParsedFeed("rss20", (), title="The portal")
    for name, told in ((SOURCE.url, "The portal"), ("mine", "mine")):
        source = replace(SOURCE, name=name)
        answer = Fetched(source.id, source.url, b"")
        assert decide(Result(source, answer, title), {}, NOW, 0.0).polled.name == told
        failed = Failed(source.id, FailureKind.TIMEOUT, "late")
        assert decide(Result(source, failed), {}, NOW, 0.0).polled.name == name


def test_what_was_seen_is_not_new() -> None:
    world = World()
    assert len(world.poll(items(5)).new) == 5
    assert world.poll(items(5)).new == ()
    assert len(world.poll(items(6)).new) == 1


def test_hostile_26_ids_that_change_every_poll_give_nothing_new() -> None:
    world = World()
    world.poll(items(5, ids="first"))
    for number in range(5):
        assert world.poll(items(5, ids=f"poll{number}")).new == ()


def test_hostile_26_ids_and_links_that_change_every_poll_give_nothing_new() -> None:
    world = World()
    world.poll(items(5, ids="first", query="?session=0"))
    for number in range(1, 5):
        again = items(5, ids=f"poll{number}", query=f"?session={number}")
        assert world.poll(again).new == ()
    fresh = [ParsedEntry("something else", url="http://a/x?session=9", guid="x"), *again]
    assert [entry.title for entry, _ in world.poll(fresh).new] == ["something else"]


def test_hostile_26_ids_and_links_that_change_do_not_hide_among_much_news() -> None:
    world = World()
    world.poll(items(20, ids="first", query="?session=0"))
    night = [
        ParsedEntry(f"news of the night {n}", f"http://a/n{n}?s=1", f"n{n}") for n in range(12)
    ]
    update = world.poll([*night, *items(13, ids="poll1", query="?session=1")])
    assert [entry.title for entry, _ in update.new] == [entry.title for entry in night]


def test_hostile_26_the_same_id_with_another_title_is_a_revision() -> None:
    world = World()
    world.poll([ParsedEntry("old title", "http://a/1", "1")])
    update = world.poll([ParsedEntry("new title", "http://a/1", "1")])
    assert update.new == ()
    assert [(item.entry_id, item.parsed.title) for item in update.revised] == [(1, "new title")]
    assert world.poll([ParsedEntry("new title", "http://a/1", "1")]).revised == ()


def test_hostile_27_redated_items_without_ids_are_not_new() -> None:
    world = World()
    plain = [ParsedEntry(f"headline {number}", published_at=NOW) for number in range(5)]
    world.poll(plain)
    for days in (1, 30_000, -20_000):
        moved = [entry._replace(published_at=NOW + timedelta(days=days)) for entry in plain]
        assert world.poll(moved).new == ()
    assert world.poll([entry._replace(published_at=None) for entry in plain]).new == ()


def test_a_headline_that_comes_back_every_day_is_news_each_time() -> None:
    world = World()
    for day in range(3):
        daily = ParsedEntry("Morning briefing", f"http://a/{day}", f"id{day}")
        assert len(world.poll([daily, *items(9)]).new) == (10 if day == 0 else 1)


def test_an_id_that_all_items_share_is_passed_over() -> None:
    world = World()
    same = [entry._replace(guid="feed") for entry in items(4)]
    assert len(world.poll(same).new) == 4
    assert world.poll(same).new == ()


def test_a_link_that_all_items_share_is_passed_over() -> None:
    world = World()
    same = [entry._replace(guid=None, url="http://a/") for entry in items(4)]
    assert len(world.poll(same).new) == 4
    assert world.poll(same).new == ()
    assert world.poll(same).revised == ()


def test_trackers_do_not_make_a_link_new() -> None:
    world = World()
    world.poll([ParsedEntry("t", "https://www.a.cn/1?utm_source=x", None)])
    assert world.poll([ParsedEntry("t", "http://a.cn/1/#top", None)]).new == ()


def test_one_document_that_lists_a_thing_twice_yields_it_once() -> None:
    twice = ParsedEntry("t", "http://a/1", None)
    assert len(World().poll([twice, twice]).new) == 1


def test_hostile_28_an_emptied_feed_deletes_nothing() -> None:
    world = World()
    world.poll(items(5))
    assert world.poll([]).new == ()
    assert world.poll(items(5)).new == ()


def test_the_first_poll_is_silent_unless_history_is_asked_for() -> None:
    fresh = replace(SOURCE, baseline_at=None)
    assert World(fresh).poll(items(2)).silent
    assert not World(replace(fresh, history=True)).poll(items(2)).silent
    world = World(fresh)
    world.poll(items(2))
    assert not world.poll(items(3)).silent


def moved(target: str | None) -> Fetched:
    return Fetched(7, target or "http://a/feed", b"", permanent_url=target)


def test_hostile_20_a_permanent_redirect_counts_at_its_second_poll() -> None:
    world = World()
    assert world.poll(items(1), outcome=moved("http://b/feed")).moved_from is None
    update = world.poll(items(1), outcome=moved("http://b/feed"))
    assert (update.moved_from, update.polled.url) == ("http://a/feed", "http://b/feed")


def test_hostile_20_redirects_that_change_their_mind_never_count() -> None:
    world = World()
    for target in ("http://b/feed", "http://c/feed", None, "http://b/feed", None):
        world.poll(items(1), outcome=moved(target))
        assert world.source.url == "http://a/feed"


def test_hostile_20_a_page_behind_the_redirect_never_counts() -> None:
    world = World()
    for _ in range(3):
        world.poll(items(1), outcome=moved("http://b/feed"))
        world.source = replace(world.source, url="http://a/feed", redirect_url="http://b/feed")
        world.poll(None, outcome=Failed(7, FailureKind.PARSE, "this is HTML"))
        assert world.source.url == "http://a/feed"


def test_hostile_21_gone_is_paused_and_told() -> None:
    update = World().poll(None, outcome=Failed(7, FailureKind.GONE, "gone"))
    assert update.polled.state is SourceState.GONE
    assert "410" in update.event


def test_hostile_21_failures_back_off_to_a_day_and_never_stop() -> None:
    world = World()
    waits = []
    for _ in range(12):
        failed = Failed(7, FailureKind.HTTP_STATUS, "404", status=404)
        waits.append((world.poll(None, outcome=failed).polled.next_fetch_at - NOW).total_seconds())
    assert waits == sorted(waits)
    assert waits[0] <= 900
    assert waits[-1] == 86_400
    assert world.poll(None, outcome=NotModified(7)).polled.failures == 0


def test_hostile_21_retry_after_is_kept() -> None:
    limited = Failed(7, FailureKind.RATE_LIMITED, "429", status=429, retry_after_s=3600)
    assert World().poll(None, outcome=limited).polled.next_fetch_at >= NOW + timedelta(hours=1)


@pytest.mark.parametrize("network_down", [True, False])
def test_any_servers_words_can_be_stored_and_told(network_down: bool) -> None:
    failed = Failed(7, FailureKind.BROWSER, "it says \0\ud800\x1b[31m\n" + "x" * 10_000)
    update = decide(Result(SOURCE, failed), {}, NOW, 0.5, network_down=network_down)
    for told in (update.polled.last_error or "", update.event):
        assert len(told.encode()) < 1_100
        assert told.isprintable()
    assert "it says [31m x" in (update.polled.last_error or "")


def test_our_own_network_costs_a_source_nothing() -> None:
    failed = Result(SOURCE, Failed(7, FailureKind.CONNECT, "no route"))
    polled = decide(failed, {}, NOW, 0.5, network_down=True).polled
    assert polled.failures == 0
    assert polled.next_fetch_at <= NOW + timedelta(minutes=1)


def test_our_own_network_says_nothing_of_a_source() -> None:
    """Neither that one which failed does not any more, nor that anybody looked for news."""
    before = NOW - timedelta(days=2)
    ill = replace(SOURCE, failures=9, last_fetch_at=before)
    failed = Result(ill, Failed(7, FailureKind.CONNECT, "no route"))
    polled = decide(failed, {}, NOW, 0.5, network_down=True).polled
    assert (polled.failures, polled.last_fetch_at) == (9, before)


@pytest.mark.parametrize(
    ("new_ago_h", "looked_ago_h", "more", "gap_h"),
    [
        (4, 0.25, {}, 4),
        (744, 720, {}, 24 + 1),  # it was paused for a month, or we were off: of that four waits
        (31, 20, {"wait_s": 8 * 3600.0}, 31),  # it is asked seldom
        (4, 0.25, {"failures": 3}, None),  # its server was down: who knows
        (4, 0.25, {"failures": 3, "usual_gap_s": 9 * 3600.0}, 8),
        (-1, 0.25, {}, 0),  # the clock went back
    ],
)
def test_a_gap_is_as_long_as_we_looked(
    new_ago_h: float, looked_ago_h: float, more: dict[str, Any], gap_h: float | None
) -> None:
    new_at, looked_at = (NOW - timedelta(hours=ago) for ago in (new_ago_h, looked_ago_h))
    world = World(replace(SOURCE, last_new_at=new_at, last_fetch_at=looked_at, **more))
    gap_s = world.poll(items(1)).polled.usual_gap_s
    assert gap_s == (None if gap_h is None else gap_h * 3600)


def test_marks_are_renewed_once_a_week_while_the_feed_lists_them() -> None:
    world = World()
    world.poll(items(2))
    assert world.poll(items(2), NOW + timedelta(days=1)).refresh == ()
    assert world.poll(items(2), NOW + timedelta(days=8)).refresh != ()


def test_what_suddenly_lists_little_is_looked_at_again_soon() -> None:
    world = World(replace(SOURCE, baseline_at=None))
    slow = [
        replace_date(entry, NOW - timedelta(days=30 + at)) for at, entry in enumerate(items(20))
    ]
    usual = world.poll(slow)
    assert usual.polled.next_fetch_at - NOW > timedelta(minutes=30)
    broken = world.poll([], NOW + timedelta(hours=1))
    assert broken.polled.low_polls == 1
    assert broken.polled.next_fetch_at - NOW <= timedelta(hours=1, minutes=16)
    again = world.poll(slow, NOW + timedelta(hours=2))
    assert again.polled.next_fetch_at - NOW > timedelta(hours=2, minutes=30)


def test_a_page_that_may_be_broken_is_known_to_be_within_minutes() -> None:
    world = World(replace(SOURCE, kind="page", baseline_at=None))
    old = NOW - timedelta(days=30)
    world.poll([replace_date(entry, old) for entry in items(20)])
    minutes = timedelta(minutes=1)
    doubtful = world.poll([], NOW + 60 * minutes)
    assert doubtful.polled.next_fetch_at <= NOW + 66 * minutes
    broken = world.poll([], NOW + 65 * minutes)
    assert broken.polled.low_polls == 2
    assert NOW + 75 * minutes < broken.polled.next_fetch_at <= NOW + 81 * minutes
    careful = replace(DEFAULT_TIMING, least_s=600.0)
    page = replace(world.source, low_polls=0)
    result = Result(page, Fetched(7, page.url, b""), ParsedFeed("page:x", ()), ())
    again = decide(result, {}, NOW, 0.0, timing=careful)
    assert again.polled.next_fetch_at >= NOW + 10 * minutes


def replace_date(entry: ParsedEntry, published_at: datetime) -> ParsedEntry:
    return entry._replace(published_at=published_at)


entries_of = st.builds(
    ParsedEntry,
    title=st.text(min_size=1, max_size=6),
    url=st.sampled_from(["", "http://a/1", "http://a/2", "http://a/1?utm_source=x"]),
    guid=st.sampled_from([None, "1", "2", "3"]),
    published_at=st.sampled_from([None, NOW, NOW - timedelta(days=3)]),
)


@given(st.lists(entries_of, max_size=8))
def test_the_same_document_twice_is_never_news(document: list[ParsedEntry]) -> None:
    world = World()
    world.poll(document)
    assert world.poll(document).new == ()


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Ops https://a.example", "Ops https://a.example"),
        ("https://former.example/feed", "The portal"),
        ("see http://x y", "see http://x y"),
    ],
)
def test_only_an_address_is_no_name(name: str, told: str) -> None:
    source = replace(SOURCE, name=name)
    answer = Fetched(source.id, source.url, b"")
    named = decide(
        Result(source, answer, ParsedFeed("rss20", (), title="The portal")), {}, NOW, 0.0
    )
    assert named.polled.name == told
