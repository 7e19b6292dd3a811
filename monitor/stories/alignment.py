"""How the words of two titles stand to each other: in one order, in runs, in one frame. Pure."""

from __future__ import annotations

import bisect
from collections.abc import Sequence

from monitor.stories.wording import Token, Wording


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


def replaced(a: Wording, b: Wording, told_a: Sequence[float], told_b: Sequence[float]) -> float:
    """What stands in another's place in an equal frame: the words at start and end of both.

    High for titles that differ in one place alone, where each has something of its own.
    """
    one, other = a.tokens, b.tokens
    size = min(len(one), len(other))
    head = 0
    while head < size and _meet(one[head], other[head]):
        head += 1
    tail = 0
    while tail < size - head and _meet(one[-1 - tail], other[-1 - tail]):
        tail += 1
    frame = (head + tail) / max(len(one), len(other), 1)
    if frame <= 0.5:
        return 0.0
    least = min(_own(one, told_a, head, tail), _own(other, told_b, head, tail))
    return (2 * frame - 1) * min(2 * least, 1.0) if least > 0.2 else 0.0


def _meet(one: Token, other: Token) -> bool:
    return any(map(other.keys.__contains__, one.keys))


def _own(tokens: Sequence[Token], told: Sequence[float], head: int, tail: int) -> float:
    """What the words between weigh that are not told."""
    places = range(head, len(tokens) - tail)
    return sum([tokens[at].weight * (1.0 - told[at]) for at in places])
