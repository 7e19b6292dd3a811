"""What a poll brings, in parts of which each is one transaction. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from monitor.decide import Update

# What one transaction stores at most, unless a first poll brings more: others wait to write.
LOUD_AT_ONCE = 100
NEW_AT_ONCE = 2_000
LITTLE = 50


def in_parts(updates: Sequence[Update]) -> Iterator[list[Update]]:
    """``updates``, those that bring least first, in parts of which each is one transaction."""
    part: list[Update] = []
    loud = new = 0
    little_first = sorted(updates, key=brings)
    for update in (each for whole in little_first for each in split(whole, LOUD_AT_ONCE)):
        count = brings(update)
        loud += 0 if update.silent else count
        new += count
        full = loud > LOUD_AT_ONCE or new > NEW_AT_ONCE
        if part and count and (full or brings(part[-1]) <= LITTLE < count):
            yield part
            part, loud, new = [], 0 if update.silent else count, count
        part.append(update)
    yield part


def split(update: Update, size: int) -> list[Update]:
    """``update`` in parts of ``size`` new entries; the last has all else and settles the source.

    Whoever ends in between polls the source again, and finds only the rest new. First polls and
    ranked lists stay whole: of these all is judged together.
    """
    ranked = any(parsed.rank is not None for parsed, _ in update.new)
    if update.silent or ranked or len(update.new) <= size:
        return [update]
    cuts = [update.new[at : at + size] for at in range(0, len(update.new), size)]
    bare = replace(
        update, revised=(), refresh=(), renamed=(), moved_from=None, event="", partial=True
    )
    return [*(replace(bare, new=cut) for cut in cuts[:-1]), replace(update, new=cuts[-1])]


def brings(update: Update) -> int:
    """How many entries it adds or revises."""
    return len(update.new) + len(update.revised)
