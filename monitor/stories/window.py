"""The titles of the last days, by what is rare in them.

An inverted index in flat arrays: about 90 bytes an entry and 4 MB besides. It knows numbers
alone; titles, and which story they belong to, stand in the database.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Collection, Iterable, Sequence

BUCKETS = 1 << 19
POSTINGS = 8
_PLACES = POSTINGS + 1  # the last is for the link
PROBES = 10
# A longer chain is of a gram that says nothing.
CHAIN = 40
NEAREST = 6
# In a window of fewer entries nothing is known of what is rare.
LEAST = 1_000
# In one of more, chance brings so many together that more must be shared.
CROWDED = 50_000
# So much of what is rare in a title is enough, however often it was told.
MOST = 0.55
_NONE = -1


class Window:
    """Entries by their rarest grams, the newest ``capacity`` of them or a little more.

    A gram is a bucket number below ``BUCKETS``.
    """

    def __init__(self, capacity: int = 400_000) -> None:
        self._capacity = capacity
        self._seen = array("I", bytes(4 * BUCKETS))
        self._clear()

    def _clear(self) -> None:
        self._head = array("i", [_NONE]) * BUCKETS
        self._next = array("i")
        self._gram = array("i")
        self._ids = array("q")
        self._at = array("q")

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def last(self) -> int:
        """The newest entry that was added; 0 for none."""
        return self._ids[-1] if self._ids else 0

    def add(self, entry_id: int, at: int, grams: Collection[int], link: int = _NONE) -> None:
        """Add an entry, first seen ``at``, that ``link`` stands for; ids only grow."""
        for gram in grams:
            self._seen[gram] += 1
        rare = self.rarest(grams, POSTINGS)
        self._post(entry_id, at, [*rare, *[_NONE] * (POSTINGS - len(rare)), link])
        if len(self._ids) >= 2 * self._capacity:
            self._shrink()

    def rarest(self, grams: Iterable[int], count: int) -> list[int]:
        """The ``count`` grams that were met least, the rarest first."""
        seen = self._seen
        return sorted(grams, key=lambda gram: (seen[gram], gram))[:count]

    def near(self, grams: Iterable[int], since: int, link: int = _NONE) -> list[int]:
        """The entries first seen from ``since`` on that share rare grams, at most six.

        They share more than chance gives: were grams independent, fewer than one entry of
        the window would have the same ones; or they share most of the rare ones. The same
        link is enough.
        """
        total = math.log(max(len(self._ids), LEAST))
        probes = [
            (gram, total - math.log(self._seen[gram] + 1)) for gram in self.rarest(grams, PROBES)
        ]
        crowd = max(math.log(max(len(self._ids), 1) / CROWDED), 0.0)
        limit = min(total + 2 * crowd, MOST * sum(weight for _, weight in probes))
        if link != _NONE:
            probes.append((link, 2 * total))
        shared: dict[int, float] = {}
        head, following = self._head, self._next
        for gram, weight in probes:
            at, steps = head[gram], CHAIN
            while at != _NONE and steps:
                place = at // _PLACES
                shared[place] = shared.get(place, 0.0) + weight
                at, steps = following[at], steps - 1
        found = [(-weight, -place) for place, weight in shared.items() if weight >= limit]
        found.sort()
        return [self._ids[-place] for _, place in found[:NEAREST] if self._at[-place] >= since]

    def _post(self, entry_id: int, at: int, grams: Sequence[int]) -> None:
        place = len(self._ids) * _PLACES
        self._ids.append(entry_id)
        self._at.append(at)
        for offset, gram in enumerate(grams):
            self._gram.append(gram)
            self._next.append(self._head[gram] if gram != _NONE else _NONE)
            if gram != _NONE:
                self._head[gram] = place + offset

    def _shrink(self) -> None:
        """Forget the older half, and half of what was counted."""
        ids, at, gram = self._ids, self._at, self._gram
        self._clear()
        for place in range(len(ids) - self._capacity, len(ids)):
            self._post(ids[place], at[place], gram[place * _PLACES : (place + 1) * _PLACES])
        self._seen = array("I", ((count + 1) // 2 for count in self._seen))
