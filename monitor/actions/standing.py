"""Where stored entries stood when they came: among stories, and which sources filters name."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from sqlalchemy.engine import Connection, RowMapping

from monitor.rules.batch import OF_STORIES
from monitor.rules.filters import Subject, check
from monitor.rules.tree import Filter, Query, leaves
from monitor.service import utc_now
from monitor.storage import history, stories
from monitor.stories import heat
from monitor.stories.address import portal_of
from monitor.stories.heat import Newcomer, Story
from monitor.storybook import USUAL_LEAST, USUAL_OF
from monitor.types import Placed


def asks_of_stories(query: Query) -> bool:
    """Whether a filter of ``query`` asks about an entry's story."""
    return any(isinstance(leaf, Filter) and leaf.name in OF_STORIES for leaf in leaves(query.root))


class SourceFinder:
    """Which sources a filter names."""

    def __init__(self, connection: Connection) -> None:
        self._rows = history.source_rows(connection)

    def __call__(self, term: Filter) -> list[int]:
        holds = check(term)
        return [
            row["id"]
            for row in self._rows
            if holds(
                Subject("", source=row["name"], source_url=row["url"], labels=tuple(row["labels"]))
            )
        ]


def usual_paces(connection: Connection) -> Mapping[str, float]:
    """How fast portals usually join the stories of each section, as far as that is known now."""
    return stories.usual_peaks(connection, utc_now() - USUAL_OF, USUAL_LEAST)


def placed(connection: Connection, rows: Sequence[RowMapping]) -> dict[int, Placed]:
    """Where each entry stood among the stories when it came: stories told again, in order."""
    told = {row["story_id"] for row in rows}
    return dict(told_again(connection, told, usual_paces(connection)))


def place(number: int, story: Story, usual: float = heat.USUAL_PEAK) -> Placed:
    """Where entry ``number`` stood as it joined ``story``, which is as it was then."""
    at = story.last_seen_at
    return Placed(
        story.id,
        first=number == story.id,
        portals=story.portals,
        heat=heat.heat(story.hot, at),
        burst=heat.burst(story, usual, at),
    )


def told_again(
    connection: Connection, wanted: Collection[int | None], usual: Mapping[str, float]
) -> Iterator[tuple[int, Placed]]:
    """Where each entry of the stories ``wanted`` stood when it came; ``usual`` are the paces of
    their sections."""
    told: dict[int, Story] = {}
    for row in history.tellers(connection, [each for each in wanted if each is not None]):
        portal = portal_of(row["source_url"])
        newcomer = Newcomer(row["id"], "", "", portal, "", row["rank"], row["first_seen_at"])
        key = row["story_id"]
        told[key] = heat.join(told[key], newcomer) if key in told else heat.begin(newcomer)
        pace = usual.get(row["story_section"], heat.USUAL_PEAK)
        yield row["id"], place(row["id"], told[key], pace)
