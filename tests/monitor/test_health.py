"""What polls teach of what is usual."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from monitor.health import (
    LOW_POLLS,
    Event,
    EventKind,
    Finding,
    changes,
    learn_gap,
    learn_yield,
    silent_after,
    told_together,
)
from tests.fakes import NOW


def after(*counts: int | None) -> tuple[float | None, int]:
    usual, low = None, 0
    for count in counts:
        usual, low = learn_yield(usual, low, count)
    return usual, low


def test_a_document_that_lists_far_less_than_usual_is_low() -> None:
    assert after(40, 40, 30, 20)[1] == 0
    assert after(40, 40, 8)[1] == 1
    assert after(40, 40, 0, 0, 0)[1] == LOW_POLLS
    assert after(40, 40, 0, None, None)[1] == LOW_POLLS, "the same empty document again"
    assert after(40, 40, 0, 0, 40)[1] == 0
    assert after(40, None, None)[1] == 0


def test_of_few_entries_only_none_is_low() -> None:
    assert after(3, 3, 1)[1] == 0
    assert after(3, 3, 0)[1] == 1
    assert after(0, 0, 0) == (None, 0), "it never listed anything"


def test_low_documents_hardly_change_what_is_usual() -> None:
    usual, _ = after(40, *[0] * 10)
    assert usual is not None
    assert usual > 35


@given(st.lists(st.floats(0, 1e6), min_size=1))
def test_the_usual_gap_lies_among_the_gaps(gaps: list[float]) -> None:
    usual = None
    for gap in gaps:
        usual = learn_gap(usual, gap)
    assert usual is not None
    assert min(gaps) * 0.999 <= usual <= max(gaps)
    assert usual >= gaps[-1] * 0.999


def test_nobody_is_silent_before_a_day_or_eight_gaps() -> None:
    assert silent_after(60) == timedelta(days=1)
    assert silent_after(86_400) == timedelta(days=8)


def found(kind: EventKind = EventKind.SILENT, subject: str = "1") -> Finding:
    return Finding(kind, subject, "A", "A: nothing new", "A：没有新内容", source_url="http://a")


def test_trouble_is_news_once_and_so_is_its_end() -> None:
    key = (EventKind.SILENT.value, "1")
    (began,) = changes({}, [found()], {}, NOW)
    assert (began.over, began.text) == (False, "A: nothing new")
    assert changes({key: NOW}, [found()], {key: found()}, NOW) == []
    (over,) = changes({key: NOW}, [], {key: found()}, NOW)
    assert over.over
    assert "well again" in over.text
    assert "已恢复正常（长时间没有新内容" in over.zh


def test_trouble_that_became_another_is_not_said_to_be_over() -> None:
    key = (EventKind.SILENT.value, "1")
    events = changes({key: NOW}, [found(EventKind.GONE)], {key: found()}, NOW)
    assert [(event.over, event.silent) for event in events] == [(False, False), (True, True)]


def test_many_are_told_together_and_counted() -> None:
    text, zh = told_together([Event(found(), NOW)] * 14)
    assert text.count("A: nothing new") == 10
    assert text.endswith("4 more")
    assert zh.count("A：没有新内容") == 10
    assert zh.endswith("另有 4 条")
