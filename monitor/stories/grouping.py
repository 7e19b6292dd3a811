"""What becomes of new entries: which story each joins, and which stories become one. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from monitor.stories.address import canonical_url
from monitor.stories.compare import Likeness, compare

# Who joins a story is not told again: a false join hides an alert, a missed one costs a second.
# So an entry joins from a higher score on than two titles are the same news when compared.
JOIN_SCORE = 0.82
# Two stories that an entry could join are one, or who is told first would decide which.
MERGE_SCORE = JOIN_SCORE


# A portal that has the same title again after so long has a column of that name.
COLUMN_AFTER = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Told:
    """An entry to be compared with; ``at`` is when it was first seen, ``story_id`` None while
    it is not grouped."""

    id: int
    title: str
    url: str
    portal: str
    at: datetime
    story_id: int | None = None


@dataclass(frozen=True, slots=True)
class Grouping:
    """``stories``: each new entry's story. ``merged``: stories that are others now, and which."""

    stories: Mapping[int, int]
    merged: Mapping[int, int]


@dataclass(slots=True)
class _Roots:
    parents: dict[int, int] = field(default_factory=dict)

    def of(self, story: int) -> int:
        while (parent := self.parents.get(story)) is not None:
            story = parent
        return story

    def unite(self, one: int, other: int) -> int:
        first, second = sorted((self.of(one), self.of(other)))
        if first != second:
            self.parents[second] = first
        return first


def group(
    newcomers: Sequence[Told],
    earlier: Mapping[int, Told],
    near: Mapping[int, Sequence[int]],
) -> Grouping:
    """The story of each of ``newcomers``, decided in their order.

    ``near`` names for each the entries to compare it with, of ``earlier`` or of
    ``newcomers``; those without a story yet are passed over. An entry joins the story of
    the most alike; one that is surely told by two stories makes them one, under the smaller
    number.
    """
    roots, placed = _Roots(), dict[int, int]()
    known = {**{each.id: each for each in newcomers}, **earlier}
    for entry in newcomers:
        found: dict[int, float] = {}
        for number in near.get(entry.id, ()):
            other = known.get(number)
            story = placed.get(number, other.story_id if other else None)
            if other is None or story is None or number == entry.id:
                continue
            root = roots.of(story)
            if found.get(root, 0.0) >= MERGE_SCORE:
                continue  # it is that story for sure: another who tells it says no more
            likeness = likeness_of(entry, other)
            if likeness.score >= JOIN_SCORE:
                found[root] = max(found.get(root, 0.0), likeness.score)
        placed[entry.id] = _choose(entry.id, found, roots)
    stories = {number: roots.of(story) for number, story in placed.items()}
    return Grouping(stories, {story: roots.of(story) for story in roots.parents})


def _choose(number: int, found: Mapping[int, float], roots: _Roots) -> int:
    if not found:
        return number
    best = max(found, key=lambda story: (found[story], -story))
    for story, score in found.items():
        if score >= MERGE_SCORE:
            best = roots.unite(best, story)
    return roots.of(best)


def likeness_of(one: Told, other: Told) -> Likeness:
    """Whether two entries tell the same: by their address, else by their titles.

    A title that one portal has day after day, each time with a new link, is a column's.
    """
    if one.url and other.url and canonical_url(one.url) == canonical_url(other.url):
        return Likeness(True, 1.0)
    apart = abs(one.at - other.at)
    if apart >= COLUMN_AFTER and one.portal == other.portal and one.title == other.title:
        return Likeness(False, 0.0)
    return compare(one.title, other.title, one.at, other.at)
