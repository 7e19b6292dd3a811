"""The titles of the last days, by what is rare in them.

An inverted index in flat arrays: some 150 bytes an entry and 12 MB besides. It knows numbers
alone; titles, and which story they belong to, stand in the database. ``compiled`` has the same in
C, which is used where it was built.
"""

from __future__ import annotations

import math
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

from monitor.stories.rings import Rings

BUCKETS = 1 << 19
# An entry is found by so many of its rarest grams; so many are looked for.
POSTINGS = 6
PROBES = 7
# What is remembered of a title: few have more.
MOST_GRAMS = 24
NEAREST = 6
# In a window of fewer entries nothing is known of what is rare.
LEAST = 1_000
# In one of more, chance brings so many together that more must be shared.
CROWDED = 150_000
# So much of what is rare in a title is enough, however often it was told.
MOST = 0.55
# Weights are whole numbers of so many parts: their sums are the same in any order.
FINENESS = 1024
# Of the grams of the title that has fewer, so many are shared by titles of the same news, and two.
LEAST_SHARED = 0.25
# What more entries of one batch share is looked for in its newest alone.
NEWEST = 500
# No link.
NONE = -1
CAPACITY = 400_000


class Window:
    """Entries by their rarest grams, the newest ``capacity`` of them or a little more.

    A gram is a bucket number below ``BUCKETS``; the grams of a title come in their order.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._seen = array("I", bytes(4 * BUCKETS))
        self._clear()

    def _clear(self) -> None:
        self._having, self._linked = Rings(BUCKETS), Rings(BUCKETS)
        self._grams = array("I")
        self._from = array("I", (0,))
        self._links = array("i")
        self._ids = array("q")
        self._at = array("q")

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def last(self) -> int:
        """The entry that was added last; 0 for none."""
        return self._ids[-1] if self._ids else 0

    def add(self, entry_id: int, at: int, grams: Sequence[int], link: int = NONE) -> None:
        """Add an entry, first seen ``at``, that ``link`` stands for."""
        seen = self._seen
        for gram in grams:
            seen[gram] += 1
        self._post(entry_id, at, self.rarest(grams, MOST_GRAMS), link)
        if len(self._ids) >= 2 * self._capacity:
            self._shrink()

    def rarest(self, grams: Iterable[int], count: int) -> list[int]:
        """The ``count`` grams that were met least, the rarest first, else in their order."""
        seen = self._seen
        return sorted(grams, key=seen.__getitem__)[:count]

    def near(self, grams: Sequence[int], since: int, link: int = NONE) -> list[int]:
        """The entries first seen from ``since`` on that share rare grams, at most six.

        They share more than chance gives: were grams independent, fewer than one entry of
        the window would have the same ones; or they share most of the rare ones. And a
        quarter of all grams, and two. The same link is enough.
        """
        size, seen, log = len(self._ids), self._seen, math.log
        total = math.log(max(size, LEAST))
        rarest = self.rarest(grams, MOST_GRAMS)
        weight_of = {gram: int(FINENESS * (total - log(seen[gram] + 1))) for gram in rarest}
        crowd = max(math.log(max(size, 1) / CROWDED), 0.0)
        probed = sum([weight_of[gram] for gram in rarest[:PROBES]])
        limit = int(min(FINENESS * (total + 2 * crowd), MOST * probed))
        found: list[tuple[float, int]] = [
            (-weight, -place)
            for place in self._sharing(rarest[:PROBES], weight_of, limit)
            if (weight := self._shared(place, weight_of)) >= limit
        ]
        if link != NONE:
            found += [(-math.inf, -place) for place in self._linked.of((link,))]
        found.sort()
        places = dict.fromkeys(-place for _, place in found)
        return [self._ids[place] for place in places if self._at[place] >= since][:NEAREST]

    def _sharing(self, probes: Sequence[int], weight_of: Mapping[int, int], limit: int) -> set[int]:
        """The entries that can share what weighs ``limit``.

        They have two of the probes at least, or one that weighs as much. The last probes, which
        many have, are left out while they could not bring one of the others over it.
        """
        weights = [weight_of[gram] for gram in probes]
        alone = [gram for gram, weight in zip(probes, weights, strict=True) if weight >= limit]
        least, rest, asked = limit - max(weights, default=0), sum(weights), 0
        while asked < len(probes) and rest >= least:
            rest -= weights[asked]
            asked += 1
        found = set(_twice(self._having.of(probes[:asked])))
        return found.union(self._having.of(alone)) if alone else found

    def _shared(self, place: int, weight_of: Mapping[int, int]) -> int:
        """What the shared grams weigh; 0 for too few of them."""
        own = self._grams[self._from[place] : self._from[place + 1]]
        shared = [weight_of[gram] for gram in own if gram in weight_of]
        few = len(shared) < least_shared(len(own), len(weight_of))
        return 0 if few else sum(shared)

    def _post(self, entry_id: int, at: int, rarest: Sequence[int], link: int) -> None:
        place = len(self._ids)
        self._ids.append(entry_id)
        self._at.append(at)
        self._links.append(link)
        self._grams.extend(rarest)
        self._from.append(len(self._grams))
        for gram in rarest[:POSTINGS]:
            self._having.put(gram, place)
        if link != NONE:
            self._linked.put(link, place)

    def _shrink(self) -> None:
        """Forget the older half, and half of what was counted."""
        ids, at, links, grams, begin = self._ids, self._at, self._links, self._grams, self._from
        self._clear()
        for place in range(len(ids) - self._capacity, len(ids)):
            rarest = grams[begin[place] : begin[place + 1]]
            self._post(ids[place], at[place], rarest, links[place])
        self._seen = array("I", ((count + 1) // 2 for count in self._seen))


def least_shared(one: int, other: int) -> float:
    """How many grams titles of so many must share."""
    fewer = min(one, other)
    return max(LEAST_SHARED * fewer, min(fewer, 2))


def _twice(numbers: array[int]) -> list[int]:
    """The numbers that are there more than once, some of them repeatedly."""
    import numpy as np  # not paid by commands that look up nothing

    ordered = np.array(numbers)
    ordered.sort()
    found: list[int] = ordered[1:][ordered[1:] == ordered[:-1]].tolist()
    return found


class Batch:
    """Entries that are not stored yet, by all of their grams."""

    def __init__(self) -> None:
        self._having: dict[int, list[int]] = defaultdict(list)
        self._sizes: dict[int, int] = {}

    def add(self, entry_id: int, grams: Sequence[int], link: int = NONE) -> None:
        """Add an entry."""
        self._sizes[entry_id] = len(grams)
        for gram in (*grams, _link_key(link)):
            self._having[gram].append(entry_id)

    def near(self, grams: Sequence[int], link: int = NONE) -> list[int]:
        """The entries that share a quarter of the grams, or the link; at most six."""
        having = self._having
        counted = Counter(
            chain.from_iterable(having[gram][-NEWEST:] for gram in grams if gram in having)
        )
        found = [
            (-count, number)
            for number, count in counted.items()
            if count >= least_shared(self._sizes[number], len(grams))
        ]
        if link != NONE:
            found += [(-len(grams) - 1, number) for number in having.get(_link_key(link), ())]
        return list(dict.fromkeys(number for _, number in sorted(found)))[:NEAREST]


def _link_key(link: int) -> int:
    return BUCKETS + 1 + link
