"""Stories: the hottest, one with all that tell it, and two titles compared."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy.engine import RowMapping

from monitor.actions.opening import LARGEST_ID, opened, section_finder
from monitor.config import Settings
from monitor.errors import NotFound, UsageError
from monitor.service import utc_now
from monitor.storage import stories
from monitor.stories import heat
from monitor.stories.compare import Likeness, compare
from monitor.stories.heat import Story
from monitor.storybook import USUAL_LEAST, USUAL_OF

HOT_FOR = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Hot:
    """A story with its heat and burst at the time of asking."""

    story: Story
    heat: float
    burst: float


@dataclass(frozen=True, slots=True)
class Pair:
    """Two titles to be compared; ``label`` is what a person said, where one did."""

    a: str
    b: str
    a_published_at: datetime | None = None
    b_published_at: datetime | None = None
    label: bool | None = None


def hottest(settings: Settings, section: str | None, limit: int) -> list[Hot]:
    """The hottest stories of the last three days. Raises UsageError for an unknown section."""
    if section is not None:
        section = section_finder(settings)(section)
    now = utc_now()
    with opened(settings) as database, database.read() as connection:
        usual = stories.usual_peaks(connection, now - USUAL_OF, USUAL_LEAST)
        found = stories.hottest(connection, now - HOT_FOR, section, limit)
    return [_hot(story, usual, now) for story in found]


def show(settings: Settings, number: int, limit: int) -> tuple[Hot, list[RowMapping]]:
    """A story and the entries that tell it, in the order in which they came. Raises NotFound."""
    now = utc_now()
    with opened(settings) as database, database.read() as connection:
        story = stories.root_of(connection, number) if number <= LARGEST_ID else None
        if story is None:
            raise NotFound(f"there is no story {number}: 'headlines hot' shows their numbers")
        usual = stories.usual_peaks(connection, now - USUAL_OF, USUAL_LEAST)
        return _hot(story, usual, now), stories.members(connection, story.id, limit)


def _hot(story: Story, usual: dict[str, float], now: datetime) -> Hot:
    pace = usual.get(story.section, heat.USUAL_PEAK)
    return Hot(story, heat.heat(story.hot, now), heat.burst(story, pace, now))


def as_json(hot: Hot) -> dict[str, Any]:
    """A story as ``--json`` shows it."""
    story = hot.story
    return {
        "id": story.id,
        "title": story.title,
        "url": story.url,
        "section": story.section,
        "portals": story.portals,
        "entries": story.entries,
        "heat": round(hot.heat, 4),
        "burst": round(hot.burst, 2),
        "best_rank": story.best_rank,
        "first_seen_at": story.first_seen_at,
        "last_seen_at": story.last_seen_at,
    }


def read_pairs(path: str) -> Iterator[Pair]:
    """The pairs of a JSONL file (``-``: standard input). Raises UsageError with the line."""
    name = "standard input" if path == "-" else path
    try:
        if path == "-":
            yield from _pairs(name, sys.stdin)
        else:
            with Path(path).open(encoding="utf-8-sig") as lines:
                yield from _pairs(name, lines)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{name}: not UTF-8 at byte {error.start}; write it in UTF-8") from error


def judge(pairs: Iterable[Pair]) -> Iterator[tuple[Pair, Likeness]]:
    """Each pair with the answer, in order."""
    for pair in pairs:
        yield pair, compare(pair.a, pair.b, pair.a_published_at, pair.b_published_at)


def _pairs(name: str, lines: Iterable[str]) -> Iterator[Pair]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield _pair(f"{name}, line {number}", line)


def _pair(where: str, line: str) -> Pair:
    try:
        document = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{where}: not JSON ({error}); one object a line is expected") from error
    if not isinstance(document, dict):
        raise UsageError(f'{where}: an object such as {{"a": "...", "b": "..."}} is expected')
    for key in ("a", "b"):
        if not isinstance(document.get(key), str):
            raise UsageError(f"{where}: {key!r} is to be a title, a text")
    label = document.get("same")
    return Pair(
        document["a"],
        document["b"],
        _instant(where, "a_published_at", document),
        _instant(where, "b_published_at", document),
        label if isinstance(label, bool) else None,
    )


def _instant(where: str, key: str, document: dict[str, Any]) -> datetime | None:
    value = document.get(key)
    if value is None or value == "":
        return None
    try:
        instant = datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"{where}: {key!r} is to be a time such as 2026-03-01T12:00:00Z, not {value!r:.60}"
        ) from error
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
