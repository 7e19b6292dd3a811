"""Which story a new entry joins."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from monitor.stories.compare import compare
from monitor.stories.grouping import JOIN_SCORE, Told, group

AT = datetime(2026, 3, 1, tzinfo=UTC)
PAIRS = Path(__file__).parents[2] / "data" / "stories" / "train.jsonl"


def joined(a: str, b: str, after: timedelta = timedelta(0)) -> bool:
    earlier = {1: Told(1, a, "", "a.cn", AT, story_id=1)}
    found = group([Told(2, b, "", "b.cn", AT + after)], earlier, {2: [1]})
    return found.stories[2] == 1


def test_an_entry_joins_only_what_it_is_more_alike_with_than_two_titles_need_be() -> None:
    pairs = [json.loads(line) for line in PAIRS.read_text("utf-8").splitlines()]
    alike = [(pair["a"], pair["b"]) for pair in pairs if compare(pair["a"], pair["b"]).same]
    sure = [pair for pair in alike if compare(*pair).score >= JOIN_SCORE]
    assert 0 < len(sure) < len(alike)
    assert [pair for pair in alike if joined(*pair)] == sure


def test_who_tells_it_anew_joins_within_hours_and_not_two_days_later() -> None:
    titles = "Storm floods Harlow, 300 flee homes", "Hundreds flee homes as storm floods Harlow"
    assert joined(*titles, timedelta(hours=5))
    assert not joined(*titles, timedelta(hours=47))
