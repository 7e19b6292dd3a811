"""For each of many keys the newest numbers that were put under it, in one flat array.

A key takes a block of 4, then 16, then 64 places; the last is a ring. So keys that are met
once or twice, which nearly all are, cost some 25 bytes, and a look-up is a copy of a block.
"""

from __future__ import annotations

import itertools
from array import array
from collections.abc import Iterable

BLOCKS = (4, 16, 64)
MOST = BLOCKS[-1]
_GROWN = dict(itertools.pairwise(BLOCKS))


class Rings:
    """Keys are below ``keys``, numbers below 2^31. Not safe between threads."""

    def __init__(self, keys: int) -> None:
        self._start = array("i", bytes(4 * keys))
        self._count = array("I", bytes(4 * keys))
        self._flat = array("i")
        self._free: dict[int, list[int]] = {size: [] for size in BLOCKS}

    def put(self, key: int, number: int) -> None:
        """Put ``number`` under ``key``; the oldest of more than 64 goes."""
        count = self._count[key]
        if count == 0:
            self._start[key] = self._block(BLOCKS[0])
        elif count in _GROWN:
            self._grow(key, count)
        self._flat[self._start[key] + count % MOST] = number
        # So that it neither looks like a block to grow, nor ends.
        self._count[key] = count + 1 if count < 2 * MOST - 1 else MOST

    def of(self, keys: Iterable[int]) -> array[int]:
        """The numbers under each of ``keys``, one key after another."""
        found, flat = array("i"), self._flat
        for key in keys:
            if count := self._count[key]:
                start = self._start[key]
                found += flat[start : start + min(count, MOST)]
        return found

    def _grow(self, key: int, size: int) -> None:
        start, begin = self._block(_GROWN[size]), self._start[key]
        self._flat[start : start + size] = self._flat[begin : begin + size]
        self._free[size].append(begin)
        self._start[key] = start

    def _block(self, size: int) -> int:
        if free := self._free[size]:
            return free.pop()
        self._flat.extend((0,) * size)
        return len(self._flat) - size
