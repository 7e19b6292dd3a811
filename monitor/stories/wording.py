"""A title as it is compared: its grams and its numbers. Pure."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from zlib import crc32

from monitor.stories.address import canonical_url
from monitor.stories.window import BUCKETS
from monitor.text import fold

SHORT = 6
_RUNS = re.compile("[a-z0-9]+|[\u3400-\u9fff]+")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class Wording:
    """``short``: too few characters to say what is told."""

    grams: frozenset[int]
    numbers: frozenset[str]
    short: bool


@functools.lru_cache(maxsize=4096)
def wording(title: str) -> Wording:
    """The wording of ``title``."""
    folded = fold(title).text
    grams, length = set[int](), 0
    for run in _RUNS.findall(folded):
        length += len(run)
        if run[0] < "\u3400":
            grams.add(crc32(run.encode()) % BUCKETS)
        else:
            pairs = [run[at : at + 2] for at in range(len(run) - 1)] or [run]
            grams.update(crc32(pair.encode()) % BUCKETS for pair in pairs)
    return Wording(frozenset(grams), frozenset(_NUMBER.findall(folded)), length < SHORT)


def link_gram(url: str) -> int:
    """The bucket of an address; -1 for none."""
    return crc32(canonical_url(url).encode("utf-8", "surrogatepass")) % BUCKETS if url else -1
