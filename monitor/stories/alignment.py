"""How the words of two titles stand to each other: in one order, in runs, in one frame. Pure."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Mapping

from monitor.stories.wording import Wording

# A word that says something weighs so much.
TELLING = 0.5


def is_lone(words: Iterable[str], a: Wording, b: Wording) -> bool:
    """Whether the first of ``words`` of ``a`` that says something is not said in ``b``."""
    for word in words:
        if a.weights[word] >= TELLING:
            parts = word if word[0] >= "\u3400" else (word,)
            return word not in b.weights and not any(part in b.signs for part in parts)
    return False


def in_order(a: Wording, b: Wording, shared: set[str]) -> float:
    """The share of the longer title whose words stand in the other in the same order."""
    places = {word: at for at, word in enumerate(b.order)}
    tails: list[int] = []
    for word in a.order:
        if word in shared:
            at = bisect.bisect_left(tails, places[word])
            tails[at : at + 1] = [places[word]]
    return len(tails) / max(len(a.order), len(b.order), 1)


def runs(a: Wording, b: Wording, shared: set[str]) -> int:
    """How many runs of words stand in both."""
    places = {word: at for at, word in enumerate(b.order)}
    found, last = 0, -2
    for word in dict.fromkeys(a.order):
        at = places[word] if word in shared else -2
        found += at >= 0 and at != last + 1
        last = at
    return found


def replaced(a: Wording, b: Wording) -> float:
    """What stands in another's place in an equal frame: the words at start and end of both.

    High for titles that differ in one place alone, where each has something of its own.
    """
    one, other, one_weights, other_weights = a.order, b.order, a.weights, b.weights
    size = min(len(one), len(other))
    head = 0
    while head < size and one[head] == other[head]:
        head += 1
    tail = 0
    while tail < size - head and one[-1 - tail] == other[-1 - tail]:
        tail += 1
    if head + tail == 0:
        return 0.0
    frame = (head + tail) / max(len(one), len(other))
    mine, theirs = one[head : len(one) - tail], other[head : len(other) - tail]
    least = min(_own(mine, theirs, one_weights), _own(theirs, mine, other_weights))
    if least <= 0.2:
        return 0.0
    return max(2 * frame - 1, 0.0) * min(2 * least, 1.0)


def _own(mine: tuple[str, ...], theirs: tuple[str, ...], weights: Mapping[str, float]) -> float:
    """What the words of one side weigh that the other lacks."""
    return sum(weights[word] for word in set(mine) - set(theirs))
