"""What a query matched in history, by numbers, and what would have been sent of it."""

from __future__ import annotations

import itertools
from array import array
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from sqlalchemy.engine import Connection

from monitor.actions.rehearsal import Heard, Rehearsal, rehearse
from monitor.actions.standing import told_again
from monitor.manners import House, Manners
from monitor.storage import history
from monitor.storage.history import Columns
from monitor.storage.schema import microseconds


class Matches:
    """Entries by their numbers, when they came, and their stories: small enough for millions."""

    def __init__(self) -> None:
        self._at, self._id, self._story = array("q"), array("q"), array("q")

    def __len__(self) -> int:
        return len(self._at)

    def add(self, at: int, number: int, story: int | None) -> None:
        """Note an entry; ``at`` in microseconds since 1970."""
        self._at.append(at)
        self._id.append(number)
        self._story.append(story or number)

    def note(self, columns: Columns, places: Iterable[int]) -> None:
        """Note those of a batch that stand at ``places``."""
        at, numbers, stories = columns["at"], columns["id"], columns["story_id"]
        chosen = list(places)
        self._at.extend([at[each] for each in chosen])
        self._id.extend([numbers[each] for each in chosen])
        self._story.extend([stories[each] or numbers[each] for each in chosen])

    def stories(self) -> set[int]:
        """The stories that the entries tell, an entry without one being its own."""
        return set(self._story)

    def heard(self) -> Iterator[Heard]:
        """The entries, oldest first."""
        order = self._order()
        columns = (_as_array(each)[order] for each in self._columns())
        return itertools.starmap(Heard, zip(*(each.tolist() for each in columns), strict=True))

    def newest(self, limit: int) -> list[int]:
        """The numbers of the newest, newest first."""
        return [self._id[at] for at in self._order()[: -limit - 1 : -1]]

    def _order(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        at, numbers, _ = map(_as_array, self._columns())
        return np.lexsort((numbers, at))

    def _columns(self) -> tuple[array[int], array[int], array[int]]:
        return self._at, self._id, self._story


def _as_array(column: array[int]) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.frombuffer(column, np.int64) if column else np.zeros(0, np.int64)


def rehearse_found(
    connection: Connection, found: Matches, query: str, manners: Manners, house: House
) -> Rehearsal:
    """The alerts of ``found``, oldest first."""
    heard = found.heard()
    if manners.escalation:
        heard = _with_stories(connection, found)
    return rehearse(heard, query, manners, house)


def _with_stories(connection: Connection, found: Matches) -> Iterator[Heard]:
    """``found`` and who else tells these stories, with what was known of them by then."""
    stories = found.stories()
    stood = dict(told_again(connection, stories, {}))
    ours = {each.id: each for each in found.heard()}
    others = [
        Heard(microseconds(row["first_seen_at"]), row["id"], row["story_id"], matched=False)
        for row in history.tellers(connection, stories)
        if row["id"] not in ours
    ]
    for each in sorted([*ours.values(), *others], key=lambda one: (one.at, one.id)):
        at = stood.get(each.id)
        yield each._replace(portals=at.portals, heat=at.heat) if at else each
